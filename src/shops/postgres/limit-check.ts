import { messageOf } from '../../platform/errors.js';
import type { Profile } from '../profile.js';
import type { CheckFault } from '../shop-adapter.js';
import type { CatalogueTable } from './catalogue.js';
import { limitedRow, limitSql } from './row-sql.js';
import type { ReadSession } from './shop-connections.js';
import { problemOf } from './shop-failure.js';
import { quoteTable } from './sql-text.js';
import { fault } from './table-check.js';

/** Counter rows for which each limit is worked out. */
const sampleSize = 50;

const numeric = ['smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision'];

/** Works out every limit for some rows of its table; reads only. */
export async function limitFaults(
  profile: Profile,
  catalogue: ReadonlyMap<string, CatalogueTable>,
  session: ReadSession,
): Promise<CheckFault[]> {
  const faults: CheckFault[] = [];
  for (const [table, mapping] of Object.entries(profile.tables)) {
    if (catalogue.get(table)?.isReadable !== true) continue;
    for (const [name, sql] of Object.entries(mapping.limits)) {
      const message = await wrongWith(session, { table, sql });
      if (message !== undefined)
        faults.push(fault('error', ['tables', table, 'limits', name], message));
    }
  }
  return faults;
}

/** What is wrong with a limit, without a value of any row. */
async function wrongWith(
  session: ReadSession,
  limit: { table: string; sql: string },
): Promise<string | undefined> {
  const type = await typeOf(session, limit);
  if ('problem' in type) return type.problem;
  if (!numeric.includes(type.name)) return `gives ${type.name} and no number`;
  const rows = `SELECT ${limitSql(limit.sql)} AS number FROM ${quoteTable(limit.table)} AS ${limitedRow} LIMIT ${sampleSize}`;
  const text = `SELECT count(*) AS sampled, count(number) AS known FROM (${rows}) AS tried`;
  try {
    const [counts] = await session.inTransaction((query) => query({ text, values: [] }));
    const [sampled, known] = [Number(counts?.['sampled']), Number(counts?.['known'])];
    return known === sampled
      ? undefined
      : `gives NULL for ${sampled - known} of ${sampled} rows, and so lets none of these be moved`;
  } catch (error) {
    // the server's own message may quote a row
    return `fails: ${problemOf(error, { title: 'tried on a counter', counters: [] }).detail}`;
  }
}

/** The type of what it gives, found out without running it for any row. */
async function typeOf(
  session: ReadSession,
  { table, sql }: { table: string; sql: string },
): Promise<{ name: string } | { problem: string }> {
  const none = `SELECT ${limitSql(sql)} AS number FROM ${quoteTable(table)} AS ${limitedRow} WHERE false`;
  const text = `SELECT pg_typeof(number)::text AS type FROM (SELECT 1) AS one LEFT JOIN (${none}) AS none ON true`;
  try {
    const [row] = await session.inTransaction((query) => query({ text, values: [] }));
    return { name: row?.['type'] ?? 'nothing' };
  } catch (error) {
    return { problem: `cannot be run: ${messageOf(error)}` };
  }
}
