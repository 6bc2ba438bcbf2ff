import type { ColumnValue, RowImage, RowKey, SealedValue } from '../../../orders/row-change.js';
import type { SourceOldTuple, SourceRelation, SourceTuple } from '../source/pgoutput.js';
import { ToldFailure } from '../source/shop-problem.js';
import type { MappedTable } from './shop-mapping.js';

/** A personal value in the clear, on its way from the stream to being sealed; it is never stored or shown. */
export class PersonalText {
  constructor(readonly text: string) {}
}

/** A column's value before personal ones are sealed. */
export type DraftValue = ColumnValue | PersonalText;
export type DraftImage = Readonly<Record<string, DraftValue>>;

/** The shop's table no longer has what the profile names; somebody has to look at it. */
export class MappingMismatch extends ToldFailure {
  override readonly name = 'MappingMismatch';
}

/**
 * The mapped columns of a tuple. Values that were not sent (unchanged TOAST) come from `base`; where that
 * is not known either, the column is left out.
 */
export function draftImage(
  mapped: MappedTable,
  relation: SourceRelation,
  given: { tuple: SourceTuple; base: DraftImage | null },
): DraftImage {
  const image: Record<string, DraftValue> = {};
  for (const column of mapped.columns) {
    const value = given.tuple[columnIndex(relation, column)];
    const known = value === undefined ? given.base?.[column] : value;
    if (known === undefined) continue;
    image[column] = draftValue(mapped, column, known);
  }
  return image;
}

/** A row as text per column (read by a query) as a draft. */
export function draftRow(
  mapped: MappedTable,
  values: Readonly<Record<string, string | null>>,
): DraftImage {
  return Object.fromEntries(
    mapped.columns.map((column) => [column, draftValue(mapped, column, values[column] ?? null)]),
  );
}

function draftValue(mapped: MappedTable, column: string, value: DraftValue): DraftValue {
  return typeof value === 'string' && mapped.personal.has(column) ? new PersonalText(value) : value;
}

/** The key of the row in a tuple. Throws where the tuple does not carry it. */
export function keyOfTuple(
  mapped: MappedTable,
  relation: SourceRelation,
  tuple: SourceTuple,
): RowKey {
  return mapped.key.map((column) => {
    const value = tuple[columnIndex(relation, column)];
    if (typeof value === 'string') return value;
    throw new MappingMismatch(`${mapped.table} did not send its key column ${column}`);
  });
}

/**
 * Whether an old tuple holds the row as it was. A partition that came later has not the full identity of its
 * table, and the server sends its key alone, but under the table's name and as if it were whole.
 */
export function isWhole(
  mapped: MappedTable,
  relation: SourceRelation,
  { whole, values }: SourceOldTuple,
): boolean {
  return (
    whole &&
    relation.columns.some((column, index) => !mapped.key.includes(column) && values[index] !== null)
  );
}

function columnIndex(relation: SourceRelation, column: string): number {
  const index = relation.columns.indexOf(column);
  if (index >= 0) return index;
  throw new MappingMismatch(`${relation.table} has no column ${column} any more`);
}

/** Plain text of a value; undefined for one that is personal, null or not known. */
export function plainText(value: DraftValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The image with its personal values sealed. */
export function sealedImage(
  image: DraftImage,
  seals: ReadonlyMap<PersonalText, SealedValue>,
): RowImage {
  const sealed: Record<string, ColumnValue> = {};
  for (const [column, value] of Object.entries(image)) {
    if (value instanceof PersonalText) {
      const replaced = seals.get(value);
      if (replaced === undefined) throw new Error(`column ${column} was not sealed`);
      sealed[column] = replaced;
    } else sealed[column] = value;
  }
  return sealed;
}
