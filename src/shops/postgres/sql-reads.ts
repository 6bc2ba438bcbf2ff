import type { Profile } from '../profile.js';
import type { ColumnTypes } from './column-types.js';
import { invariantSql } from './proof-steps.js';
import { limitedRow, limitSql } from './row-sql.js';
import type { ReadSession } from './shop-connections.js';
import { Parameters, quoteTable, type Statement } from './sql-text.js';

/**
 * The tables beside the mapped ones that the profile's own SQL (invariants and limits) names, as
 * PostgreSQL plans it. Nothing is run. SQL that cannot be planned is left out: other faults name it.
 */
export async function tablesReadBySql(
  { profile, types, orderId }: { profile: Profile; types: ColumnTypes; orderId: string | null },
  session: ReadSession,
): Promise<string[]> {
  const keyType = types.orderKey(profile);
  const invariants = profile.invariants.map(({ sql }): [string, Statement] => {
    const parameters = new Parameters();
    const inner = invariantSql(sql, parameters.add(orderId, keyType));
    return [sql, parameters.statement(explained(`SELECT (${inner})`))];
  });
  const limits = Object.entries(profile.tables).flatMap(([table, mapping]) =>
    Object.values(mapping.limits).map((sql): [string, Statement] => [
      sql,
      {
        text: explained(`SELECT ${limitSql(sql)} FROM ${quoteTable(table)} AS ${limitedRow}`),
        values: [],
      },
    ]),
  );
  const read = new Set<string>();
  for (const [sql, statement] of [...invariants, ...limits])
    for (const table of await plannedTables(session, statement))
      if (isNamed(sql, table)) read.add(table);
  return [...read].filter((table) => profile.tables[table] === undefined).sort();
}

function explained(select: string): string {
  return `EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) ${select}`;
}

async function plannedTables(session: ReadSession, statement: Statement): Promise<Set<string>> {
  const found = new Set<string>();
  try {
    const [row] = await session.inTransaction((query) => query(statement));
    collect(JSON.parse(row?.['QUERY PLAN'] ?? '[]'), found);
  } catch {
    // the checks of invariants and limits say why it cannot be planned
  }
  return found;
}

function collect(node: unknown, found: Set<string>): void {
  if (typeof node !== 'object' || node === null) return;
  const { Schema: schema, 'Relation Name': name } = node as Record<string, unknown>;
  if (typeof schema === 'string' && typeof name === 'string') found.add(`${schema}.${name}`);
  for (const inner of Object.values(node)) collect(inner, found);
}

/** A table behind a view is planned too, but it is the view that must be readable. */
function isNamed(sql: string, table: string): boolean {
  return sql.includes(table.slice(table.indexOf('.') + 1));
}
