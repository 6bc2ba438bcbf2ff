import { ok, type Result } from '../../platform/result.js';
import type { ColumnValue, RowChange, RowImage, RowKey } from '../../orders/row-change.js';
import { rowName } from '../../orders/fold.js';
import type { DeltaRule, Profile, TableMapping } from '../../shops/profile.js';
import {
  compareDecimals,
  isDecimal,
  oppositeDecimal,
  subtractDecimals,
  sumDecimals,
} from './decimal.js';
import { evidenceMissing, type Refusal } from './refusal.js';
import { fitsFilter } from '../../shops/row-filter.js';

/** How far one column of one shared row moved. */
export interface CounterMove {
  readonly table: string;
  readonly key: RowKey;
  readonly column: string;
  readonly amount: string;
}

/** A counter column of the profile with its rule. */
export interface Counter {
  readonly table: string;
  readonly mapping: TableMapping;
  readonly column: string;
  readonly rule: DeltaRule;
}

/** All counters that the profile names. */
export function countersOf(profile: Profile): Counter[] {
  return Object.entries(profile.tables).flatMap(([table, mapping]) =>
    Object.entries(mapping.columns).flatMap(([column, role]) =>
      typeof role === 'object' && 'delta' in role
        ? [{ table, mapping, column, rule: role.delta }]
        : [],
    ),
  );
}

/**
 * What rows of orders say was done to counters: per counter, sign x amount, summed. `counterRows` are
 * the changes of the counters' tables in the same transaction; they tell a counter's key where the
 * rule matches by other columns.
 */
export function explainedMoves(input: {
  profile: Profile;
  orderRows: readonly RowChange[];
  counterRows: readonly RowChange[];
}): Result<CounterMove[], Refusal> {
  const moves: CounterMove[] = [];
  for (const counter of countersOf(input.profile)) {
    for (const change of input.orderRows) {
      const mapping = input.profile.tables[counter.rule.from];
      const move = explainedMove(counter, { change, mapping, counterRows: input.counterRows });
      if (!move.ok) return move;
      if (move.value !== undefined) moves.push(move.value);
    }
  }
  return ok(sumMoves(moves));
}

function explainedMove(
  counter: Counter,
  facts: {
    change: RowChange;
    /** of the table that the change is in */
    mapping: TableMapping | undefined;
    counterRows: readonly RowChange[];
  },
): Result<CounterMove | undefined, Refusal> {
  const { rule } = counter;
  const row = countedRow(rule, facts.change, facts.mapping);
  if (row === undefined) return ok(undefined);
  const amount = countedAmount(rule, facts.change);
  if (amount === undefined)
    return evidenceMissing(
      `the amount in ${rule.from}.${rule.amount} that moved ${counter.table}.${counter.column} is not known`,
    );
  if (compareDecimals(amount, '0') === 0) return ok(undefined);
  const touched = touchedCounter(counter, { row, counterRows: facts.counterRows });
  // the shop writes this ledger also for stock that it does not count
  if (touched === undefined && rule.unmoved === 'skip') return ok(undefined);
  const key = touched?.key ?? keyByMatch(counter, row);
  if (key === undefined)
    return evidenceMissing(
      `a row of ${rule.from} names a row of ${counter.table} that its transaction did not touch`,
    );
  const { table, column } = counter;
  return ok({ table, key, column, amount: rule.sign === 1 ? amount : oppositeDecimal(amount) });
}

/** The row that counts by this rule, or undefined. */
function countedRow(
  rule: DeltaRule,
  change: RowChange,
  mapping: TableMapping | undefined,
): RowImage | undefined {
  if (change.table !== rule.from) return undefined;
  if (rule.on === 'removed') {
    const { before } = change;
    const counts = before !== null && isRemoved(change, mapping) && fitsFilter(before, rule.where);
    return counts ? before : undefined;
  }
  if (change.operation !== (rule.on === 'inserted' ? 'insert' : 'update')) return undefined;
  return change.after !== null && fitsFilter(change.after, rule.where) ? change.after : undefined;
}

/** Deleted, or marked as taken away, of a row that was not so before. */
function isRemoved({ before, after }: RowChange, mapping: TableMapping | undefined): boolean {
  const column = mapping?.removed_at;
  const isThere = (row: RowImage | null): boolean =>
    row !== null && (column === undefined || (row[column] ?? null) === null);
  return isThere(before) && !isThere(after);
}

function countedAmount(rule: DeltaRule, change: RowChange): string | undefined {
  if (rule.on === 'removed') return number(change.before?.[rule.amount]);
  const after = number(change.after?.[rule.amount]);
  if (rule.on === 'inserted') return after;
  const before = number(change.before?.[rule.amount]);
  return after === undefined || before === undefined ? undefined : subtractDecimals(after, before);
}

/** The change that the transaction made to the row of the counter that a ledger row names. */
function touchedCounter(
  { table, rule }: Counter,
  facts: { row: RowImage; counterRows: readonly RowChange[] },
): RowChange | undefined {
  const wanted = Object.entries(rule.match).map(
    ([column, from]) => [column, facts.row[from] ?? null] as const,
  );
  return facts.counterRows.find((change) => {
    const image = change.after ?? change.before;
    return (
      change.table === table &&
      image !== null &&
      wanted.every(([column, value]) => value !== null && image[column] === value)
    );
  });
}

/** The counter's key where the rule matches by its columns; undefined where it matches by others. */
function keyByMatch({ mapping, rule }: Counter, row: RowImage): RowKey | undefined {
  const key = mapping.key.map((column) => {
    const from = rule.match[column];
    return from === undefined ? undefined : row[from];
  });
  return key.every((value) => typeof value === 'string') ? key : undefined;
}

/** What a transaction in fact did to the counters, by the rows themselves. */
export function observedMoves(
  profile: Profile,
  counterRows: readonly RowChange[],
): Result<CounterMove[], Refusal> {
  const moves: CounterMove[] = [];
  for (const { table, column } of countersOf(profile)) {
    for (const change of counterRows.filter((row) => row.table === table)) {
      const after = number(change.after?.[column]);
      const before = change.operation === 'insert' ? '0' : number(change.before?.[column]);
      if (after === undefined || before === undefined)
        return evidenceMissing(`the journal does not know how far ${table}.${column} was moved`);
      moves.push({ table, key: change.key, column, amount: subtractDecimals(after, before) });
    }
  }
  return ok(sumMoves(moves));
}

/** One move per counter; counters that end where they began are left out. */
export function sumMoves(moves: readonly CounterMove[]): CounterMove[] {
  const sums = new Map<string, CounterMove>();
  for (const move of moves) {
    const name = moveName(move);
    const amount = sumDecimals([sums.get(name)?.amount ?? '0', move.amount]);
    sums.set(name, { ...move, amount });
  }
  return [...sums.values()].filter((move) => compareDecimals(move.amount, '0') !== 0);
}

/** The first counter on which the two disagree, in words; undefined where they agree. */
export function firstDisagreement(
  explained: readonly CounterMove[],
  observed: readonly CounterMove[],
): string | undefined {
  const opposites = observed.map((move) => ({ ...move, amount: oppositeDecimal(move.amount) }));
  const [rest] = sumMoves([...explained, ...opposites]);
  if (rest === undefined) return undefined;
  const byRows = amountOf(explained, rest);
  const inFact = amountOf(observed, rest);
  return `${rest.table}.${rest.column} of row ${rest.key.join('/')} moved by ${inFact}, where the orders' rows explain ${byRows}`;
}

function amountOf(moves: readonly CounterMove[], wanted: CounterMove): string {
  return moves.find((move) => moveName(move) === moveName(wanted))?.amount ?? '0';
}

export function moveName(move: { table: string; key: RowKey; column: string }): string {
  return `${rowName(move.table, move.key)} ${move.column}`;
}

function number(value: ColumnValue | undefined): string | undefined {
  return typeof value === 'string' && isDecimal(value) ? value : undefined;
}
