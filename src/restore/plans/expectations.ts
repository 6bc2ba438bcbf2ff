import { ok, type Result } from '../../platform/result.js';
import { isErased, rowKeyText, type RowImage } from '../../orders/row-change.js';
import type { Profile, TableMapping } from '../../shops/profile.js';
import type { ExpectedTable } from '../../shops/shop-adapter.js';
import { isValue } from './inverse.js';
import type { KnownRow } from './known-orders.js';
import { evidenceMissing, type Refusal } from './refusal.js';

/**
 * How an order must still stand for a plan to be carried out: every row of its own tables, with its value
 * columns as the journal knows them after the cancellation (or, for an undo, after the restore). Shared rows,
 * counters, touch, version and ignored columns are nobody's evidence. What the journal does not know of a row
 * (text that was never sent, persons who were erased) is not compared. Pure.
 */
export function expectedTables(
  profile: Profile,
  rows: readonly KnownRow[],
): Result<ExpectedTable[], Refusal> {
  if (!rows.some(({ table }) => table === profile.order.table))
    return evidenceMissing(
      'the journal does not hold how the order stands now (is a new snapshot under way?)',
    );
  return ok(
    Object.entries(profile.tables)
      .filter(([, mapping]) => mapping.order !== 'shared')
      .map(([table, mapping]) => ({
        table,
        rows: rows
          .filter((row) => row.table === table)
          .sort((left, right) => (rowKeyText(left.key) < rowKeyText(right.key) ? -1 : 1))
          .map(({ key, image }) => ({ key, values: valuesOf(image, mapping) })),
      })),
  );
}

function valuesOf(image: RowImage, mapping: TableMapping): RowImage {
  return Object.fromEntries(
    Object.entries(image).filter(
      ([column, value]) => isValue(mapping.columns[column]) && !isErased(value),
    ),
  );
}
