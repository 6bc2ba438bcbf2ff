import type { RowImage } from '../orders/row-change.js';
import type { Profile } from './profile.js';
import { clearText, type RowsByTable } from './row-reader.js';

/**
 * The order's rows of a table that count now: not those that the shop keeps although it took them away, nor those
 * of the order's past versions.
 */
export function presentRows(
  profile: Profile,
  table: string,
  rows: RowsByTable,
): readonly RowImage[] {
  const mapping = profile.tables[table];
  const own = rows.get(table) ?? [];
  if (mapping === undefined) return own;
  const order = rows.get(profile.order.table)?.[0] ?? {};
  const { removed_at: removedAt, current } = mapping;
  return own.filter(
    (row) =>
      (removedAt === undefined || clearText(row[removedAt]) === null) &&
      Object.entries(current).every(
        ([column, of]) => clearText(row[column]) === clearText(order[of]),
      ),
  );
}
