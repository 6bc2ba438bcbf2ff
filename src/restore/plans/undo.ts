import { ok, type Result } from '../../platform/result.js';
import { rowName } from '../../orders/fold.js';
import type { JournalEntry } from '../../orders/order-event.js';
import type { RowChange, RowImage } from '../../orders/row-change.js';
import type { Profile } from '../../shops/profile.js';
import type { InsertedValue, PlannedChange } from '../../shops/shop-adapter.js';
import {
  comparable,
  inWritingOrder,
  opposite,
  plannedMoves,
  setBack,
  wholeRow,
} from './inverse.js';
import { evidenceMissing, type Refusal } from './refusal.js';

export interface UndoInput {
  readonly profile: Profile;
  /** what the restore was planned to write, and did: its echo was compared with it */
  readonly restored: readonly PlannedChange[];
  /** the restore's own entry for this order, found in the journal by its marker */
  readonly echo: JournalEntry;
  /** the net changes of the cancellation that the restore had taken back */
  readonly cancelled: readonly RowChange[];
}

/**
 * The exact writes that take a restore back, so that the order is cancelled as it was. Ledgers stay
 * append-only: a row that compensated another is answered by that other once more. The profile's rows
 * to append are not added: their texts tell of a restore. Pure.
 */
export function inverseOfRestore(input: UndoInput): Result<PlannedChange[], Refusal> {
  const rows = inverseOfEcho(input);
  if (!rows.ok) return rows;
  const moves = input.restored.filter((change) => change.do === 'move').map(opposite);
  const compensated = answeredAgain(input);
  if (!compensated.ok) return compensated;
  return ok(
    inWritingOrder([...rows.value, ...plannedMoves(input.profile, moves), ...compensated.value]),
  );
}

function inverseOfEcho(input: UndoInput): Result<PlannedChange[], Refusal> {
  const changes: PlannedChange[] = [];
  const putBack = new Set(input.cancelled.filter(wasDeleted).map(nameOf));
  for (const change of [...input.echo.rowChanges].reverse()) {
    const mapping = input.profile.tables[change.table];
    if (mapping === undefined)
      return evidenceMissing(`the profile does not map ${change.table}, which the restore changed`);
    // rows that the restore added to ledgers are answered, not taken away
    if (change.operation === 'insert' && !putBack.has(nameOf(change))) continue;
    const inverse =
      change.operation === 'update'
        ? setBack(change, mapping)
        : change.operation === 'insert'
          ? ok(takenAway(change, comparable(change.after ?? {}, mapping)))
          : wholeRow({ ...change, image: change.before }, mapping);
    if (!inverse.ok) return inverse;
    if (inverse.value !== undefined) changes.push(inverse.value);
  }
  return ok(changes);
}

function takenAway({ table, key }: RowChange, expected: RowImage): PlannedChange {
  return { do: 'delete', table, key, expected };
}

/** For each row that the restore compensated: that row once more, with a key and moment of its own. */
function answeredAgain(input: UndoInput): Result<PlannedChange[], Refusal> {
  const cancelled = new Map(input.cancelled.map((change) => [nameOf(change), change]));
  const inserts: PlannedChange[] = [];
  for (const change of input.restored) {
    if (change.do !== 'insert' || change.compensates === null) continue;
    const original = cancelled.get(rowName(change.table, change.compensates))?.after;
    const mapping = input.profile.tables[change.table];
    if (original === null || original === undefined || mapping === undefined)
      return evidenceMissing(
        `the journal has lost the row of ${change.table} that was compensated`,
      );
    if (mapping.key.some((column) => column in change.row))
      return evidenceMissing(
        `rows of ${change.table} get their keys from the profile, so a second one cannot be added`,
      );
    // the same columns that the profile gives such rows; the others take the table's defaults again
    const row = Object.fromEntries(
      Object.entries(change.row).map(([column, value]): [string, InsertedValue] => [
        column,
        isMoment(value) ? value : (original[column] ?? null),
      ]),
    );
    inserts.push({ do: 'insert', table: change.table, row, compensates: null });
  }
  return ok(inserts);
}

function isMoment(value: InsertedValue): boolean {
  return typeof value === 'object' && value !== null && 'at' in value;
}

function wasDeleted(change: RowChange): boolean {
  return change.operation === 'delete';
}

function nameOf(change: RowChange): string {
  return rowName(change.table, change.key);
}
