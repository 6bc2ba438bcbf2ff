import { fold, rowName, unfold, type Rows } from './fold.js';
import { isErased, isSealed, sameValue, type RowChange, type RowImage } from './row-change.js';

/** An order's changes, in the order in which they were committed, cut at some time. */
export interface CutHistory {
  /** up to that time */
  readonly past: readonly RowChange[];
  /** after it */
  readonly later: readonly RowChange[];
}

/** An order's rows at the cut. */
export interface RowsAsOf {
  readonly rows: Rows;
  /** names of rows that were there, of which nobody knows how they were */
  readonly unknown: ReadonlySet<string>;
  /** the first later change found a row otherwise than the last one had left it: something went unseen */
  readonly unseen: boolean;
}

/**
 * The rows at a cut of their history, worked out from how they are now (`present`): all changes taken back,
 * then those before the cut made again. So a row that never changed is told too, and one whose before-image
 * was lost in a gap is still known up to there, if an earlier change told it.
 */
export function rowsAsOf(present: Rows, { past, later }: CutHistory): RowsAsOf {
  const rows = fold(unfold(present, [...past, ...later]), past);
  const told = new Set(past.map((change) => rowName(change.table, change.key)));
  const unknown = new Set<string>();
  let unseen = false;
  for (const [name, change] of firstOfEach(later)) {
    if (change.operation === 'insert') continue;
    if (change.before === null) {
      if (!told.has(name)) unknown.add(name);
      continue;
    }
    const row = rows.get(name);
    if (row === undefined || differ(row, change.before)) unseen = true;
  }
  return { rows, unknown, unseen };
}

function firstOfEach(changes: readonly RowChange[]): Map<string, RowChange> {
  const first = new Map<string, RowChange>();
  for (const change of changes) {
    const name = rowName(change.table, change.key);
    if (!first.has(name)) first.set(name, change);
  }
  return first;
}

/** Of columns that only one image has, and of values under different keys, nobody can tell. */
function differ(left: RowImage, right: RowImage): boolean {
  return Object.entries(left).some(([column, value]) => {
    const other = right[column];
    if (other === undefined || isErased(value) || isErased(other)) return false;
    if (isSealed(value) && isSealed(other) && value.keyOf !== other.keyOf) return false;
    return !sameValue(value, other);
  });
}
