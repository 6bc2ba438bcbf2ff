import { PersonalData } from '../../journal/personal-data.js';
import {
  isSealed,
  type ColumnValue,
  type RowImage,
  type SealedValue,
} from '../../orders/row-change.js';
import type { JournalEntry } from '../../orders/order-event.js';
import { ok, refuse, type Result } from '../../platform/result.js';
import type {
  ExpectedTable,
  InsertedValue,
  PlannedChange,
  RestoreItem,
} from '../../shops/shop-adapter.js';
import { restoreItemOf, type PlanAction, type PlanItem } from './plan.js';
import type { Refusal } from './refusal.js';

/** Personal values by their sealed form; null for persons who were erased. */
type Opened = ReadonlyMap<string, string | null>;

/**
 * A plan keeps personal values sealed. This gives the item as the shop's adapter takes it, in the clear, for
 * the shop's own database and nothing else. It is refused where the person of a value that is to be written
 * was erased meanwhile; a value that is only compared is then left out.
 */
export async function openItem(
  personal: PersonalData,
  plan: { shopId: string; action: PlanAction },
  item: PlanItem,
): Promise<Result<RestoreItem, Refusal>> {
  const expected = item.expect.flatMap(({ rows }) => rows.map(({ values }) => values));
  const clear = await opened(personal, plan.shopId, [
    ...item.changes.flatMap(sealedValues),
    ...expected.flatMap((values) => Object.values(values)).filter((value) => isSealed(value)),
  ]);
  const changes = openedChanges(item.changes, clear);
  if (!changes.ok) return changes;
  const expect = item.expect.map((table) => openedTable(table, clear));
  return ok({ ...restoreItemOf(plan.action, item), changes: changes.value, expect });
}

/** Why the changes could not be written, where the person of a value was erased; undefined where they can. */
export async function unreadable(
  personal: PersonalData,
  shopId: string,
  changes: readonly PlannedChange[],
): Promise<Refusal | undefined> {
  const clear = await opened(personal, shopId, changes.flatMap(sealedValues));
  const changesInClear = openedChanges(changes, clear);
  return changesInClear.ok ? undefined : changesInClear.refusal;
}

function openedChanges(
  changes: readonly PlannedChange[],
  clear: Opened,
): Result<PlannedChange[], Refusal> {
  const sealed = changes.flatMap(sealedValues);
  if (sealed.some((value) => (clear.get(value.sealed) ?? null) === null))
    return refuse({
      reason: 'evidence-missing',
      detail: 'personal values of the order were erased since, so it cannot be set back whole',
    });
  return ok(changes.map((change) => openedChange(change, clear)));
}

async function opened(
  personal: PersonalData,
  shopId: string,
  sealed: readonly SealedValue[],
): Promise<Opened> {
  const values = sealed.length === 0 ? [] : await personal.open(shopId, sealed);
  return new Map(sealed.map((value, index) => [value.sealed, values[index] ?? null]));
}

function openedTable({ table, rows }: ExpectedTable, clear: Opened): ExpectedTable {
  return {
    table,
    rows: rows.map(({ key, values }) => ({
      key,
      values: Object.fromEntries(
        Object.entries(values).flatMap(([column, value]): [string, string | null][] => {
          if (!isSealed(value)) return [[column, value]];
          const known = clear.get(value.sealed) ?? null;
          return known === null ? [] : [[column, known]];
        }),
      ),
    })),
  };
}

/** The personal values of rows that were added, by their sealed form; null for persons who were erased. */
export async function openAdded(
  personal: PersonalData,
  shopId: string,
  entries: readonly JournalEntry[],
): Promise<Opened> {
  const sealed = entries
    .flatMap(({ rowChanges }) => rowChanges)
    .filter(({ operation }) => operation === 'insert')
    .flatMap(({ after }) => Object.values(after ?? {}))
    .filter((value) => isSealed(value));
  return opened(personal, shopId, sealed);
}

function sealedValues(change: PlannedChange): SealedValue[] {
  return imagesOf(change)
    .flatMap((image) => Object.values(image))
    .filter((value): value is SealedValue => isSealedValue(value));
}

function imagesOf(change: PlannedChange): Readonly<Record<string, InsertedValue>>[] {
  switch (change.do) {
    case 'set':
      return [change.expected, change.to];
    case 'insert':
      return [change.row];
    case 'delete':
      return [change.expected];
    case 'move':
      return [];
  }
}

function openedChange(change: PlannedChange, clear: Opened): PlannedChange {
  switch (change.do) {
    case 'set':
      return {
        ...change,
        expected: openedImage(change.expected, clear),
        to: openedImage(change.to, clear),
      };
    case 'insert':
      return { ...change, row: openedRow(change.row, clear) };
    case 'delete':
      return { ...change, expected: openedImage(change.expected, clear) };
    case 'move':
      return change;
  }
}

function openedImage(image: RowImage, clear: Opened): RowImage {
  return Object.fromEntries(
    Object.entries(image).map(([column, value]): [string, ColumnValue] => [
      column,
      isSealed(value) ? (clear.get(value.sealed) ?? null) : value,
    ]),
  );
}

function openedRow(
  row: Readonly<Record<string, InsertedValue>>,
  clear: Opened,
): Record<string, InsertedValue> {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]): [string, InsertedValue] => [
      column,
      isSealedValue(value) ? (clear.get(value.sealed) ?? null) : value,
    ]),
  );
}

function isSealedValue(value: InsertedValue): value is SealedValue {
  return typeof value === 'object' && value !== null && 'sealed' in value;
}
