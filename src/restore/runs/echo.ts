import { rowName } from '../../orders/fold.js';
import type { JournalEntry } from '../../orders/order-event.js';
import {
  changedColumns,
  isSealed,
  sameValue,
  type ColumnValue,
  type RowChange,
  type RowImage,
} from '../../orders/row-change.js';
import { canonicalJson } from '../../platform/canonical-json.js';
import { countersOf, moveName, observedMoves, sumMoves } from '../plans/counters.js';
import { compareDecimals, isDecimal, sumDecimals } from '../plans/decimal.js';
import type { Profile } from '../../shops/profile.js';
import type { InsertedValue, PlannedChange } from '../../shops/shop-adapter.js';

export interface EchoInput {
  readonly profile: Profile;
  readonly orderId: string;
  readonly planned: readonly PlannedChange[];
  /** all journal entries of the transaction that carried the item's marker */
  readonly entries: readonly JournalEntry[];
  /** personal values of the rows that were added, by their sealed form; null for persons who were erased */
  readonly opened: ReadonlyMap<string, string | null>;
}

/**
 * The second proof of a restore: what our own stream says that the transaction wrote, against the plan.
 * Names every difference, also what was written beyond the plan (a trigger of the shop, for one); an
 * empty list means that plan and echo are the same. Pure. No values are named: they may be personal.
 */
export function echoDifferences(input: EchoInput): string[] {
  const changes = input.entries.flatMap((entry) => entry.rowChanges);
  const others = input.entries.filter(({ orderId }) => orderId !== '' && orderId !== input.orderId);
  const rest = new Map(changes.map((change) => [rowName(change.table, change.key), change]));
  const differences = others.map(() => 'the transaction changed another order too');
  for (const planned of input.planned) {
    if (planned.do === 'set') differences.push(...setDifferences(planned, rest, input.profile));
    if (planned.do === 'delete') differences.push(...deleteDifferences(planned, rest));
    if (planned.do === 'insert')
      differences.push(...insertDifferences(planned, rest, input.opened));
  }
  differences.push(...moveDifferences(input, changes, rest));
  for (const change of rest.values())
    if (!isHarmless(change, input.profile))
      differences.push(
        `${rowWords(change)} was ${operationWords(change)}, which the plan does not say`,
      );
  return differences;
}

type Rest = Map<string, RowChange>;
type Opened = EchoInput['opened'];
type Of<Kind extends PlannedChange['do']> = Extract<PlannedChange, { do: Kind }>;

function setDifferences(planned: Of<'set'>, rest: Rest, profile: Profile): string[] {
  const change = take(rest, planned, 'update');
  if (change === undefined) return [`${rowWords(planned)} was not changed`];
  const wrong = Object.entries(planned.to)
    .filter(([column, value]) => !sameValue(value, change.after?.[column] ?? null))
    .map(([column]) => `${rowWords(planned)}: ${column} is not as planned`);
  const beyond = meaningful(change, profile)
    .filter((column) => !(column in planned.to))
    .map((column) => `${rowWords(planned)}: ${column} was changed too`);
  return [...wrong, ...beyond];
}

function deleteDifferences(planned: Of<'delete'>, rest: Rest): string[] {
  return take(rest, planned, 'delete') === undefined
    ? [`${rowWords(planned)} was not taken away`]
    : [];
}

function insertDifferences(planned: Of<'insert'>, rest: Rest, opened: Opened): string[] {
  for (const [name, change] of rest) {
    if (change.table !== planned.table || change.operation !== 'insert') continue;
    if (!fits(planned.row, change.after ?? {}, opened)) continue;
    rest.delete(name);
    return [];
  }
  return [`no row was added to ${planned.table} as planned`];
}

function fits(
  planned: Readonly<Record<string, InsertedValue>>,
  row: RowImage,
  opened: Opened,
): boolean {
  return Object.entries(planned).every(([column, value]) => {
    if (typeof value === 'object' && value !== null && 'at' in value) return true;
    return sameInserted(value, row[column] ?? null, opened);
  });
}

/** A planned text may come back in the form that its column's type prints: JSON, a number, a boolean. */
function sameInserted(planned: ColumnValue, echoed: ColumnValue, opened: Opened): boolean {
  if (sameValue(planned, echoed)) return true;
  if (typeof planned === 'string' && isSealed(echoed)) {
    const clear = opened.get(echoed.sealed) ?? null;
    // what was erased on the way can no longer be compared
    return clear === null || sameInserted(planned, clear, opened);
  }
  if (typeof planned !== 'string' || typeof echoed !== 'string') return false;
  if (isDecimal(planned) && isDecimal(echoed)) return compareDecimals(planned, echoed) === 0;
  if (planned === 'true' || planned === 'false') return echoed === planned[0];
  const [left, right] = [jsonForm(planned), jsonForm(echoed)];
  return left !== undefined && left === right;
}

/** Each number in its own digits: a JavaScript number would lose some of a large one. */
function jsonForm(text: string): string | undefined {
  if (!/^[[{"]/.test(text)) return undefined;
  try {
    return canonicalJson(JSON.parse(text, inDigits));
  } catch {
    return undefined;
  }
}

function inDigits(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || context?.source === undefined) return value;
  const { source } = context;
  return { number: isDecimal(source) ? sumDecimals([source]) : source };
}

function moveDifferences(
  { profile, planned }: EchoInput,
  changes: readonly RowChange[],
  rest: Rest,
): string[] {
  const tables = new Set(countersOf(profile).map(({ table }) => table));
  const observed = observedMoves(
    profile,
    changes.filter(({ table }) => tables.has(table)),
  );
  if (!observed.ok) return [observed.refusal.detail];
  const wanted = sumMoves(planned.filter((change) => change.do === 'move'));
  const amounts = new Map(observed.value.map((move) => [moveName(move), move.amount]));
  const missing = wanted
    .filter((move) => compareDecimals(amounts.get(moveName(move)) ?? '0', move.amount) !== 0)
    .map((move) => `${rowWords(move)}: ${move.column} was not moved by ${move.amount}`);
  for (const move of wanted) {
    const name = rowName(move.table, move.key);
    const change = rest.get(name);
    const beyond = change === undefined ? [] : meaningful(change, profile);
    if (
      beyond.every((column) =>
        wanted.some((other) => moveName(other) === moveName({ ...move, column })),
      )
    )
      rest.delete(name);
  }
  return missing;
}

/** Touch, version and ignored columns may change as the shop likes. */
export function isHarmless(change: RowChange, profile: Profile): boolean {
  return change.operation === 'update' && meaningful(change, profile).length === 0;
}

function meaningful(change: RowChange, profile: Profile): string[] {
  const roles = profile.tables[change.table]?.columns ?? {};
  return changedColumns(change).filter((column) => {
    const role = roles[column];
    if (role === 'touch' || role === 'version') return false;
    // a mirror follows its counter, which is compared
    return !(typeof role === 'object' && ('ignore' in role || 'mirror' in role));
  });
}

function take(
  rest: Rest,
  row: { table: string; key: readonly string[] },
  operation: RowChange['operation'],
): RowChange | undefined {
  const name = rowName(row.table, row.key);
  const change = rest.get(name);
  if (change?.operation !== operation) return undefined;
  rest.delete(name);
  return change;
}

export function rowWords(row: { table: string; key: readonly string[] }): string {
  return `row ${row.key.join('/')} of ${row.table}`;
}

export function operationWords(change: RowChange): string {
  return { insert: 'added', update: 'changed', delete: 'taken away' }[change.operation];
}
