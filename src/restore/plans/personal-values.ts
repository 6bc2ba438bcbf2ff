import { PersonalData } from '../../journal/personal-data.js';
import {
  isSealed,
  type ColumnValue,
  type RowImage,
  type SealedValue,
} from '../../orders/row-change.js';
import type { JournalEntry } from '../../orders/order-event.js';
import { ok, refuse, type Result } from '../../platform/result.js';
import type { InsertedValue, PlannedChange } from '../../shops/shop-adapter.js';
import type { Refusal } from './refusal.js';

/**
 * A plan keeps personal values sealed. This gives its changes in the clear, for the shop's own database
 * and nothing else; refused where the person was erased meanwhile.
 */
export async function openChanges(
  personal: PersonalData,
  shopId: string,
  changes: readonly PlannedChange[],
): Promise<Result<PlannedChange[], Refusal>> {
  const sealed = changes.flatMap(sealedValues);
  if (sealed.length === 0) return ok([...changes]);
  const opened = await personal.open(shopId, sealed);
  const clear = new Map(sealed.map((value, index) => [value.sealed, opened[index] ?? null]));
  if ([...clear.values()].includes(null))
    return refuse({
      reason: 'evidence-missing',
      detail: 'personal values of the order were erased since, so it cannot be set back whole',
    });
  return ok(changes.map((change) => openedChange(change, clear)));
}

/** The personal values of rows that were added, by their sealed form; null for persons who were erased. */
export async function openAdded(
  personal: PersonalData,
  shopId: string,
  entries: readonly JournalEntry[],
): Promise<ReadonlyMap<string, string | null>> {
  const sealed = entries
    .flatMap(({ rowChanges }) => rowChanges)
    .filter(({ operation }) => operation === 'insert')
    .flatMap(({ after }) => Object.values(after ?? {}))
    .filter((value) => isSealed(value));
  const opened = sealed.length === 0 ? [] : await personal.open(shopId, sealed);
  return new Map(sealed.map((value, index) => [value.sealed, opened[index] ?? null]));
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

function openedChange(
  change: PlannedChange,
  clear: ReadonlyMap<string, string | null>,
): PlannedChange {
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

function openedImage(image: RowImage, clear: ReadonlyMap<string, string | null>): RowImage {
  return Object.fromEntries(
    Object.entries(image).map(([column, value]): [string, ColumnValue] => [
      column,
      isSealed(value) ? (clear.get(value.sealed) ?? null) : value,
    ]),
  );
}

function openedRow(
  row: Readonly<Record<string, InsertedValue>>,
  clear: ReadonlyMap<string, string | null>,
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
