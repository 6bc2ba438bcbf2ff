import { rowName } from '../../orders/fold.js';
import type { RowImage, RowKey } from '../../orders/row-change.js';
import type { PlannedChange } from '../../shops/shop-adapter.js';
import { compareDecimals, isDecimal, sumDecimals } from './decimal.js';

/** The rule by which orders that want more than there is win: said in each loser's detail. */
export const stockRule = 'oldest placed first, then by order id';

/** One order of a plan that wants shared counters moved. */
export interface Claimant {
  readonly itemId: string;
  readonly orderId: string;
  /** RFC 3339, null where the shop does not say (such orders come last) */
  readonly placedAt: string | null;
  readonly changes: readonly PlannedChange[];
}

/** A counter's row as it stands now; null where it is gone. */
export interface CounterRow {
  readonly table: string;
  readonly key: RowKey;
  readonly image: RowImage | null;
}

export interface Loser {
  readonly itemId: string;
  readonly detail: string;
}

type Move = Extract<PlannedChange, { do: 'move' }>;

/** The rows that a plan's counters stand in, each once. */
export function counterRefs(claimants: readonly Claimant[]): { table: string; key: RowKey }[] {
  const refs = new Map<string, { table: string; key: RowKey }>();
  for (const { table, key } of claimants.flatMap(movesOf))
    refs.set(rowName(table, key), { table, key });
  return [...refs.values()];
}

/**
 * Plays a whole plan against the counters as they stand: each order in turn takes all that it wants
 * or, where one guard would break, nothing. Gives the orders that lose, with the reason in words. Pure.
 */
export function simulate(claimants: readonly Claimant[], counters: readonly CounterRow[]): Loser[] {
  const rows = new Map(counters.map((row) => [rowName(row.table, row.key), row.image]));
  const losers: Loser[] = [];
  for (const claimant of [...claimants].sort(byAge)) {
    const tried = new Map(rows);
    const problem = firstProblem(movesOf(claimant), tried);
    if (problem === undefined) for (const [name, image] of tried) rows.set(name, image);
    else losers.push({ itemId: claimant.itemId, detail: `${problem} (${stockRule})` });
  }
  return losers;
}

function movesOf({ changes }: Claimant): Move[] {
  return changes.filter((change) => change.do === 'move');
}

type Age = Pick<Claimant, 'orderId' | 'placedAt'>;

/** Oldest placed first; where the shop does not say when, last; ties by order id. */
export function byAge(left: Age, right: Age): number {
  if (left.placedAt !== right.placedAt) {
    if (left.placedAt === null) return 1;
    if (right.placedAt === null) return -1;
    return left.placedAt < right.placedAt ? -1 : 1;
  }
  return byOrderId(left.orderId, right.orderId);
}

/** Ids that are numbers by their value, others as text. */
function byOrderId(left: string, right: string): number {
  if (/^\d+$/.test(left) && /^\d+$/.test(right)) return compareDecimals(left, right);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Moves the counters of `rows`; the first guard that breaks, in words. */
function firstProblem(
  moves: readonly Move[],
  rows: Map<string, RowImage | null>,
): string | undefined {
  for (const move of moves) {
    const name = rowName(move.table, move.key);
    const image = rows.get(name) ?? null;
    const current = image?.[move.column];
    if (image === null || typeof current !== 'string' || !isDecimal(current))
      return `${move.table} has no row ${move.key.join('/')} any more`;
    const moved = { ...image, [move.column]: sumDecimals([current, move.amount]) };
    const broken = brokenGuard(move, moved);
    if (broken !== undefined) return `${wish(move)}, where ${broken}`;
    rows.set(name, moved);
  }
  return undefined;
}

function wish(move: Move): string {
  return `wants ${move.table}.${move.column} of ${move.key.join('/')} moved by ${move.amount}`;
}

function brokenGuard(move: Move, moved: RowImage): string | undefined {
  const value = moved[move.column];
  const minimum = boundary(move.minimum, moved);
  const maximum = boundary(move.maximum, moved);
  if (typeof value !== 'string') return undefined;
  if (minimum !== undefined && compareDecimals(value, minimum) < 0)
    return `it would be ${value}, and ${minimum} is the least`;
  if (maximum !== undefined && compareDecimals(value, maximum) > 0)
    return `it would be ${value}, and there are ${maximum}`;
  return undefined;
}

/** A number, or the value of another column of the same row. */
function boundary(bound: string | number | null, row: RowImage): string | undefined {
  if (typeof bound === 'number') return String(bound);
  const value = bound === null ? undefined : row[bound];
  return typeof value === 'string' && isDecimal(value) ? value : undefined;
}
