import { rowKeyText, type RowChange, type RowImage } from './row-change.js';

/** Rows of one order (or of one shop), by table and key. */
export type Rows = ReadonlyMap<string, RowImage>;

/** One text per row, for looking rows up. */
export function rowName(table: string, key: readonly string[]): string {
  return `${table} ${rowKeyText(key)}`;
}

/** The rows after the changes: the journal's fold. Rows that are not touched stay as they are. */
export function fold(rows: Rows, changes: readonly RowChange[]): Map<string, RowImage> {
  const result = new Map(rows);
  for (const change of changes) {
    const name = rowName(change.table, change.key);
    if (change.after === null) result.delete(name);
    else result.set(name, change.after);
  }
  return result;
}

/** The rows before the changes, taken back newest first. */
export function unfold(rows: Rows, changes: readonly RowChange[]): Map<string, RowImage> {
  const result = new Map(rows);
  for (const change of [...changes].reverse()) {
    const name = rowName(change.table, change.key);
    if (change.before === null) result.delete(name);
    else result.set(name, change.before);
  }
  return result;
}

/**
 * Several changes in the order in which they happened, as one net change per row: first before-image,
 * last after-image. A row that was added and taken away again leaves nothing.
 */
export function netChanges(changes: readonly RowChange[]): RowChange[] {
  const net = new Map<string, RowChange>();
  for (const change of changes) {
    const name = rowName(change.table, change.key);
    const earlier = net.get(name);
    const merged = earlier === undefined ? change : merge(earlier, change);
    if (merged === undefined) net.delete(name);
    else net.set(name, merged);
  }
  return [...net.values()];
}

function merge(earlier: RowChange, later: RowChange): RowChange | undefined {
  const { table, key } = earlier;
  const added = earlier.operation === 'insert';
  const removed = later.operation === 'delete';
  if (added && removed) return undefined;
  const operation = added ? 'insert' : removed ? 'delete' : 'update';
  return { table, key, operation, before: earlier.before, after: later.after };
}
