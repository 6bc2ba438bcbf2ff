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

/** Where a mapped table's columns stand in the tuples of a relation; -1 for one that is not there any more. */
interface TupleLayout {
  readonly columns: readonly {
    readonly column: string;
    readonly index: number;
    readonly isPersonal: boolean;
  }[];
  readonly key: readonly { readonly column: string; readonly index: number }[];
  /** of all columns that are no part of the key, mapped or not */
  readonly others: readonly number[];
}

/** Worked out once for each description of a table, and not for each of its rows. */
const layouts = new WeakMap<SourceRelation, Map<MappedTable, TupleLayout>>();

function layoutOf(mapped: MappedTable, relation: SourceRelation): TupleLayout {
  const ofRelation = layouts.get(relation) ?? new Map<MappedTable, TupleLayout>();
  const known = ofRelation.get(mapped);
  if (known !== undefined) return known;
  const { columns: told } = relation;
  const place = (column: string) => ({ column, index: told.indexOf(column) });
  const layout = {
    columns: mapped.columns.map((column) => ({
      ...place(column),
      isPersonal: mapped.personal.has(column),
    })),
    key: mapped.key.map(place),
    others: told.flatMap((column, index) => (mapped.key.includes(column) ? [] : [index])),
  };
  layouts.set(relation, ofRelation.set(mapped, layout));
  return layout;
}

/**
 * The mapped columns of a tuple. Values that were not sent (unchanged TOAST) come from `base`; where that
 * is not known either, the column is left out.
 */
export function draftImage(
  mapped: MappedTable,
  relation: SourceRelation,
  { tuple, base }: { tuple: SourceTuple; base: DraftImage | null },
): DraftImage {
  const image: Record<string, DraftValue> = {};
  for (const { column, index, isPersonal } of layoutOf(mapped, relation).columns) {
    if (index < 0) throw missingColumn(relation, column);
    const value = tuple[index];
    const known = value === undefined ? base?.[column] : value;
    if (known === undefined) continue;
    image[column] = isPersonal && typeof known === 'string' ? new PersonalText(known) : known;
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
  return layoutOf(mapped, relation).key.map(({ column, index }) => {
    if (index < 0) throw missingColumn(relation, column);
    const value = tuple[index];
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
  return whole && layoutOf(mapped, relation).others.some((index) => values[index] !== null);
}

function missingColumn(relation: SourceRelation, column: string): MappingMismatch {
  return new MappingMismatch(`${relation.table} has no column ${column} any more`);
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
