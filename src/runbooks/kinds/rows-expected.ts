import type { RowsExpected } from '../definition.js';

type Row = Readonly<Record<string, string | null>>;
type Comparison = Exclude<RowsExpected, { rows: string }>;

/** What a result lacks, in words; undefined where it is as expected. Pure. */
export function rowsFault(
  rows: readonly Row[],
  expect: RowsExpected | undefined,
): string | undefined {
  if (expect === undefined) return undefined;
  if (!('rows' in expect)) return columnFault(rows[0], expect);
  if (expect.rows === 'none')
    return rows.length === 0 ? undefined : 'it was to find nothing, and found rows';
  return rows.length > 0 ? undefined : 'it was to find something, and found nothing';
}

/** Of the first row. The value itself is not told: it stands in the evidence, where it may be shown. */
function columnFault(row: Row | undefined, expect: Comparison): string | undefined {
  const { column, equals, at_most: most, at_least: least } = expect;
  if (row === undefined) return `it found no row with ${column}`;
  const value = row[column];
  if (value === undefined) return `its result has no column ${column}`;
  const number = numberOf(value);
  const faults = [
    equals === undefined || isEqual(value, equals) ? undefined : `is not ${equals}`,
    most === undefined || (number !== undefined && number <= most)
      ? undefined
      : `is not at most ${most}`,
    least === undefined || (number !== undefined && number >= least)
      ? undefined
      : `is not at least ${least}`,
  ].filter((words) => words !== undefined);
  return faults.length === 0 ? undefined : `${column} ${faults.join(' and ')}`;
}

/** A number is compared as one: `3.0` is 3. */
function isEqual(value: string | null, wanted: string | number): boolean {
  return typeof wanted === 'number' ? numberOf(value) === wanted : value === wanted;
}

function numberOf(value: string | null): number | undefined {
  if (value === null || value.trim() === '') return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}
