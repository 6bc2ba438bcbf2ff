import { QueryFailedError } from 'typeorm';
import { Fault } from '../../../platform/errors.js';

/** A failure in our own words, with nothing of a row or a credential in it: fit to be shown as it is. */
export class ToldFailure extends Error {}

/**
 * What went wrong, fit for a log, a status and a stored row. What PostgreSQL or anything below it said is
 * never repeated: messages, details and hints quote values of rows, and connection faults quote addresses
 * with their passwords. The SQLSTATE and the names of table, column and constraint are told instead.
 */
export function shopProblem(error: unknown): string {
  if (error instanceof Fault || error instanceof ToldFailure) return error.message;
  if (error instanceof QueryFailedError) {
    return `Reinstate’s own database: ${failureWords(error.driverError)}`;
  }
  return failureWords(error);
}

/** Whether it was a shop's database that failed or did not answer, and neither ours nor this program. */
export function isShopFailure(error: unknown): boolean {
  if (error instanceof QueryFailedError) return false;
  return sqlstateOf(error) !== undefined || silenceWords(error) !== undefined;
}

/** Where in this program it was thrown, without its message; empty for what a server or the network did. */
export function placeOf(error: unknown): string {
  if (error instanceof Fault || error instanceof ToldFailure || isShopFailure(error)) return '';
  if (!isErrorLike(error) || error instanceof QueryFailedError) return '';
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return frames
    .slice(0, 4)
    .map((line) => line.trim())
    .join(' < ');
}

/** By its form: one that comes from another realm is no instance of this one's Error. */
function isErrorLike(value: unknown): value is Error {
  return (
    typeof value === 'object' &&
    value !== null &&
    'message' in value &&
    typeof value.message === 'string' &&
    'name' in value
  );
}

function failureWords(error: unknown): string {
  const failure = sqlstateOf(error);
  if (failure !== undefined) return sqlstateWords(failure);
  const silence = silenceWords(error);
  if (silence !== undefined) return silence;
  return `a fault in Reinstate (${isErrorLike(error) ? error.name : typeof error})`;
}

interface ServerFailure {
  readonly code: string;
  readonly schema?: string | undefined;
  readonly table?: string | undefined;
  readonly column?: string | undefined;
  readonly constraint?: string | undefined;
}

/** A SQLSTATE has five characters, at least one of them a digit; the network's codes are words. */
function sqlstateOf(error: unknown): ServerFailure | undefined {
  if (!isErrorLike(error) || !('code' in error)) return undefined;
  const { code } = error;
  const isState = typeof code === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(code);
  return isState ? (error as Error & ServerFailure) : undefined;
}

function sqlstateWords({ code, schema, table, column, constraint }: ServerFailure): string {
  const words = states[code] ?? states[code.slice(0, 3)] ?? states[code.slice(0, 2)];
  const place = [
    table === undefined ? undefined : `table ${schema ?? '?'}.${table}`,
    column === undefined ? undefined : `column ${column}`,
    constraint === undefined ? undefined : `constraint ${constraint}`,
  ].filter((part) => part !== undefined);
  return `${words ?? 'the server refused a statement'} (SQLSTATE ${[code, ...place].join(', ')})`;
}

/** By SQLSTATE or its first characters: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const states: Readonly<Record<string, string>> = {
  '08': 'the connection failed',
  '22': 'a value does not fit',
  '23': 'a constraint is broken',
  '25006': 'the server is read-only: is it a standby?',
  '28': 'the server refuses the role or its password',
  '3D000': 'there is no such database',
  '40': 'other transactions were in the way',
  '42501': 'the role lacks a right',
  '42703': 'a column is missing',
  '42704': 'something named is missing',
  '42710': 'something of that name is there already',
  '42P01': 'a table is missing',
  '53': 'the server is short of connections, memory or disk',
  '55000': 'the server is not in a state for that',
  '55006': 'what is needed is in use by somebody else',
  '55P03': 'a lock was not free in time',
  '57014': 'a statement took too long and was given up',
  '57P': 'the server is stopping or starting',
  '58': 'the server misses a file',
  XX: 'a fault inside the server',
};

/** What the driver and the network say where no server answered; undefined for anything else. */
function silenceWords(error: unknown): string | undefined {
  if (!isErrorLike(error)) return undefined;
  // one per address that was tried
  if ('errors' in error && Array.isArray(error.errors)) {
    return error.errors.map(silenceWords).find((words) => words !== undefined);
  }
  if (driverWords.test(error.message)) return 'the server does not answer, or hung up';
  const { code } = error as { code?: unknown };
  const isNetwork = typeof code === 'string' && networkCodes.has(code);
  return isNetwork ? `the server cannot be reached (${code})` : undefined;
}

/** The driver's own errors have no code. */
const driverWords =
  /^(Connection terminated|Connection ended|Query read timeout|timeout expired|Client (has encountered|was closed)|The server does not support SSL)/;

const networkCodes = new Set([
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'ETIMEDOUT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);
