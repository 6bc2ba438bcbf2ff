import { rowName } from '../../src/orders/fold.js';
import type { JournalEntry } from '../../src/orders/order-event.js';
import { sameValue, type RowChange, type RowImage } from '../../src/orders/row-change.js';

/** For each row, an entry's before-image is the one before's after-image: nothing lost, nothing doubled. */
export function brokenChains(entries: readonly JournalEntry[]): string[] {
  const last = new Map<string, RowImage | null>();
  const broken: string[] = [];
  for (const group of transactionsOf(entries)) {
    const isPlacing = group.some(({ kinds }) => kinds.includes('placed'));
    for (const [name, change] of changesOf(group)) {
      const { before, after } = change;
      const known = last.get(name);
      if (known !== undefined && !isPlacing && !same(known, before)) broken.push(name);
      if (hasLeft(group, change)) last.delete(name);
      else last.set(name, after);
    }
  }
  return broken;
}

/** All changes in their order; a row that went to a cart is gone as far as the journal can tell. */
export function changesInView(entries: readonly JournalEntry[]): RowChange[] {
  return transactionsOf(entries).flatMap((group) =>
    [...changesOf(group).values()].map((change) =>
      hasLeft(group, change) ? { ...change, after: null } : change,
    ),
  );
}

function transactionsOf(entries: readonly JournalEntry[]): JournalEntry[][] {
  return [...Map.groupBy(entries, ({ source }) => JSON.stringify(source)).values()];
}

/** A row that moved from one order to another stands in both entries of its transaction. */
function changesOf(group: readonly JournalEntry[]): Map<string, RowChange> {
  return new Map(
    group
      .flatMap(({ rowChanges }) => rowChanges)
      .map((change) => [rowName(change.table, change.key), change]),
  );
}

/** Whether a row now belongs to what has no entry, a cart: what becomes of it there is not journalled. */
function hasLeft(group: readonly JournalEntry[], { table, key, after }: RowChange): boolean {
  const owner = after?.['order_id'];
  if (typeof owner !== 'string') return false;
  const name = rowName(table, key);
  return !group.some(
    ({ orderId, rowChanges }) =>
      orderId === owner && rowChanges.some((change) => rowName(change.table, change.key) === name),
  );
}

function same(left: RowImage | null, right: RowImage | null): boolean {
  if (left === null || right === null) return left === right;
  return Object.keys({ ...left, ...right }).every((column) =>
    sameValue(left[column] ?? null, right[column] ?? null),
  );
}
