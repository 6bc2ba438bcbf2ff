import { ok, type Result } from '../../platform/result.js';
import type { ColumnValue, RowImage } from '../../orders/row-change.js';
import type { ValueSource } from '../../shops/profile.js';
import type { InsertedValue } from '../../shops/shop-adapter.js';
import { evidenceMissing, type Refusal } from './refusal.js';

/** Where a template's values come from. `before` and `after` are the order's row around the cancellation. */
export interface TemplateContext {
  readonly orderId: string;
  readonly itemId: string;
  readonly row: RowImage | null;
  readonly before: RowImage | null;
  readonly after: RowImage | null;
}

/** A row built from a profile's template: every value fixed, but for the moment of the restore. */
export function resolveTemplate(
  template: Readonly<Record<string, ValueSource>>,
  context: TemplateContext,
): Result<Record<string, InsertedValue>, Refusal> {
  const row: Record<string, InsertedValue> = {};
  for (const [column, source] of Object.entries(template)) {
    if ('now' in source) {
      row[column] = { at: 'restore' };
      continue;
    }
    const resolved =
      'json' in source ? jsonText(source.json, context) : columnValue(source, context);
    if (!resolved.ok) return resolved;
    row[column] = resolved.value;
  }
  return ok(row);
}

type PlainSource = Exclude<ValueSource, { json: unknown } | { now: unknown }>;

function columnValue(source: PlainSource, context: TemplateContext): Result<ColumnValue, Refusal> {
  if ('value' in source) return ok(source.value === null ? null : String(source.value));
  if ('order' in source) return ok(context.orderId);
  if ('item' in source) return ok(context.itemId);
  if ('row' in source) return imageValue(context.row, { column: source.row, of: 'added row' });
  if ('before' in source)
    return imageValue(context.before, { column: source.before, of: 'order before' });
  return imageValue(context.after, { column: source.after, of: 'order after' });
}

function imageValue(
  image: RowImage | null,
  wanted: { column: string; of: string },
): Result<ColumnValue, Refusal> {
  const value = image?.[wanted.column];
  if (value === undefined)
    return evidenceMissing(
      `a row to be added needs the column ${wanted.column} of the ${wanted.of}, which the journal does not hold`,
    );
  return ok(value);
}

function jsonText(
  fields: Readonly<Record<string, ValueSource>>,
  context: TemplateContext,
): Result<string, Refusal> {
  const built = jsonObject(fields, context);
  return built.ok ? ok(JSON.stringify(built.value)) : built;
}

function jsonObject(
  fields: Readonly<Record<string, ValueSource>>,
  context: TemplateContext,
): Result<Record<string, unknown>, Refusal> {
  const built: Record<string, unknown> = {};
  for (const [name, source] of Object.entries(fields)) {
    const part = jsonPart(source, context);
    if (!part.ok) return part;
    built[name] = part.value;
  }
  return ok(built);
}

function jsonPart(source: ValueSource, context: TemplateContext): Result<unknown, Refusal> {
  if ('json' in source) return jsonObject(source.json, context);
  if ('value' in source) return ok(source.value);
  if ('now' in source)
    return evidenceMissing(
      'a template asks for the moment of the restore inside JSON; only a column of its own can hold it',
    );
  const value = columnValue(source, context);
  if (value.ok && typeof value.value === 'object' && value.value !== null)
    return evidenceMissing(
      'a template asks for a personal value inside JSON, where it cannot be kept sealed',
    );
  return value;
}
