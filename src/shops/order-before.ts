import { rowName, unfold } from '../orders/fold.js';
import type { JournalEntry } from '../orders/order-event.js';
import type { OrderSnapshot } from '../orders/order-snapshot.js';
import type { RowImage } from '../orders/row-change.js';
import type { Profile } from './profile.js';
import { clearText } from './row-reader.js';
import { buildSnapshot } from './snapshot.js';

/** What is known of one order. */
export interface KnownHistory {
  /** oldest first */
  readonly entries: readonly JournalEntry[];
  /** its rows as they stand after all of them */
  readonly rows: readonly { readonly table: string; readonly image: RowImage }[];
}

/**
 * The order as it stood before this entry of its history. The journal keeps a snapshot of it where the
 * entry cancels the order; where a cancellation began earlier (lines first, one by one), it is worked out:
 * all changes since are taken back from the rows as they are. Null where the journal does not know them.
 */
export function orderBefore(
  profile: Profile,
  { entries, rows }: KnownHistory,
  first: JournalEntry,
): OrderSnapshot | null {
  if (first.kinds.includes('cancelled')) return first.snapshot;
  const since = entries
    .filter(({ position }) => position >= first.position)
    .flatMap(({ rowChanges }) => rowChanges);
  if (since.some(({ operation, before }) => operation !== 'insert' && before === null)) return null;
  const tables = new Map<string, string>();
  const present = new Map<string, RowImage>();
  for (const { table, image } of rows) {
    const name = rowName(table, keyOf(profile, table, image));
    tables.set(name, table);
    present.set(name, image);
  }
  for (const { table, key } of since) tables.set(rowName(table, key), table);
  const were = [...unfold(present, since)];
  const byTable = Map.groupBy(were, ([name]) => tables.get(name) ?? '');
  const images = new Map(
    [...byTable].map(([table, named]) => [table, named.map(([, image]) => image)]),
  );
  return images.has(profile.order.table) ? buildSnapshot(profile, images) : null;
}

function keyOf(profile: Profile, table: string, image: RowImage): string[] {
  return (profile.tables[table]?.key ?? []).map((column) => clearText(image[column]) ?? '');
}
