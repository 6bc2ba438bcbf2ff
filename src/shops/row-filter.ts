import { isSealed, type RowImage } from '../orders/row-change.js';

/** Which rows: each named column holds one of the texts; `null` stands for SQL NULL. */
export type RowFilter = Readonly<Record<string, readonly (string | null)[]>>;

/** Whether the row fits. A sealed (personal) value fits nothing; a column that the row lacks counts as NULL. */
export function fitsFilter(row: RowImage, filter: RowFilter | undefined): boolean {
  if (filter === undefined) return true;
  return Object.entries(filter).every(([column, texts]) => {
    const value = row[column] ?? null;
    return !isSealed(value) && texts.includes(value);
  });
}
