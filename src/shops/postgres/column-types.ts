import { present } from '../../platform/assert.js';
import { Fault } from '../../platform/errors.js';
import type { Profile } from '../profile.js';
import type { ReadSession } from './shop-connections.js';

export interface ColumnFacts {
  /** e.g. `numeric(12,2)`; a type of the shop's own with its schema */
  readonly type: string;
  /** worked out by the database from other columns: never written */
  readonly generated: boolean;
}

/** What the live shop's columns are, for the mapped tables. */
export class ColumnTypes {
  constructor(private readonly facts: ReadonlyMap<string, ReadonlyMap<string, ColumnFacts>>) {}

  /** @throws Fault `profile-does-not-fit` where the shop has no such column (any more) */
  of(table: string, column: string): ColumnFacts {
    const found = this.facts.get(table)?.get(column);
    if (found === undefined)
      throw new Fault(
        'conflict',
        'profile-does-not-fit',
        `the shop has no column ${column} in ${table}; run \`reinstate shop check\``,
      );
    return found;
  }

  type(table: string, column: string): string {
    return this.of(table, column).type;
  }

  /** The type of the order's key. */
  orderKey(profile: Profile): string {
    const { table } = profile.order;
    const key = present(profile.tables[table]?.key[0], 'the order table has a key');
    return this.type(table, key);
  }
}

/** Reads the types of the mapped tables' columns; names of types stand with their schema. */
export async function readColumnTypes(
  session: ReadSession,
  tables: readonly string[],
): Promise<ColumnTypes> {
  const rows = await session.inTransaction(async (query) => {
    // names are printed without their schema where the search path finds them
    await query({ text: `SELECT set_config('search_path', 'pg_catalog', true)`, values: [] });
    return await query({ text: typesSql, values: [`{${tables.map(arrayItem).join(',')}}`] });
  });
  const facts = new Map<string, Map<string, ColumnFacts>>();
  for (const row of rows) {
    const table = row['table_name'] ?? '';
    const columns = facts.get(table) ?? new Map<string, ColumnFacts>();
    columns.set(row['column_name'] ?? '', {
      type: row['type'] ?? '',
      generated: row['generated'] === 't',
    });
    facts.set(table, columns);
  }
  return new ColumnTypes(facts);
}

const typesSql = `
  SELECT n.nspname || '.' || c.relname AS table_name, a.attname AS column_name,
         format_type(a.atttypid, a.atttypmod) AS type, a.attgenerated <> '' AS generated
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
     AND n.nspname || '.' || c.relname = ANY ($1::text::text[])
   ORDER BY 1, a.attnum`;

/** An element of an array as PostgreSQL writes it. */
export function arrayItem(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
