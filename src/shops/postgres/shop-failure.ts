import type { FailureReason } from '../shop-adapter.js';
import type { Problem } from './restore-step.js';

/** Whether trying again can help, by reason. A denied right or a broken rule stays as it is. */
const retryable: Readonly<Record<FailureReason, boolean>> = {
  locked: true,
  deadlock: true,
  timeout: true,
  unreachable: true,
  'invariant-broken': false,
  'read-back-differs': false,
  'permission-denied': false,
  'shop-error': false,
};

export function canRetry(reason: FailureReason): boolean {
  return retryable[reason];
}

/** By SQLSTATE, or by its class (the first two characters). */
const reasons: Readonly<Record<string, FailureReason>> = {
  // lock_not_available: NOWAIT and lock_timeout
  '55P03': 'locked',
  '40001': 'locked',
  '40P01': 'deadlock',
  // query_canceled (statement_timeout), and the idle and whole-transaction time-outs
  '57014': 'timeout',
  '25P03': 'timeout',
  '25P04': 'timeout',
  // insufficient_privilege, and a role that may not log in
  '42501': 'permission-denied',
  '28': 'permission-denied',
  // what a standby says to BEGIN READ WRITE
  '0A000': 'unreachable',
  '08': 'unreachable',
  '53': 'unreachable',
  // admin_shutdown, crash_shutdown, cannot_connect_now, database_dropped, idle_session_timeout
  '57P': 'unreachable',
  '23514': 'invariant-broken',
};

interface DatabaseFailure {
  readonly code: string;
  readonly table?: string;
  readonly schema?: string;
  readonly constraint?: string;
  readonly column?: string;
}

/**
 * Classifies what a shop's database threw. The detail names the SQLSTATE, table, constraint and column;
 * never the message, which may quote values of a row. `counters` are the tables of shared counters: a
 * check constraint broken there means that the stock is gone.
 */
export function problemOf(
  error: unknown,
  at: { readonly title: string; readonly counters: readonly string[] },
): Problem {
  const failure = databaseFailure(error);
  if (failure === undefined)
    return {
      outcome: 'failed',
      reason: isSilence(error) ? 'timeout' : 'unreachable',
      detail: `no answer from the shop's database (${at.title})`,
    };
  const table = `${failure.schema ?? ''}.${failure.table ?? ''}`;
  if (failure.code === '23514' && at.counters.includes(table))
    return { outcome: 'refused', reason: 'stock-gone', detail: describe(failure, at.title) };
  return {
    outcome: 'failed',
    reason: reasonOf(failure.code),
    detail: describe(failure, at.title),
  };
}

function reasonOf(code: string): FailureReason {
  return reasons[code] ?? reasons[code.slice(0, 3)] ?? reasons[code.slice(0, 2)] ?? 'shop-error';
}

function describe({ code, schema, table, constraint, column }: DatabaseFailure, title: string) {
  const place = [
    table === undefined ? undefined : `table ${schema ?? ''}.${table}`,
    constraint === undefined ? undefined : `constraint ${constraint}`,
    column === undefined ? undefined : `column ${column}`,
  ].filter((part) => part !== undefined);
  return `SQLSTATE ${[code, ...place].join(', ')} (${title})`;
}

/**
 * Whether an error at COMMIT says for certain that nothing was committed: the server answered, and it
 * was not going down while it did.
 */
export function isCertainlyRolledBack(error: unknown): boolean {
  const failure = databaseFailure(error);
  return failure !== undefined && reasonOf(failure.code) !== 'unreachable';
}

/** Whether a value that somebody gave does not fit the column's type: then there is no such row. */
export function isNoSuchValue(error: unknown): boolean {
  return ['22P02', '22003', '22007', '22008'].includes(databaseFailure(error)?.code ?? '');
}

/** SQLSTATE errors carry a five-character code; network errors a word such as ECONNREFUSED. */
function databaseFailure(error: unknown): DatabaseFailure | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && /\d/.test(code)
    ? (error as DatabaseFailure)
    : undefined;
}

function isSilence(error: unknown): boolean {
  return error instanceof Error && error.message === 'Query read timeout';
}
