import { arrayItem } from './column-types.js';
import type { ReadSession, TextRow } from './shop-connections.js';

/** A mapped table as the shop's catalogue knows it. */
export interface CatalogueTable {
  readonly table: string;
  /** ordinary and partitioned tables can be restored; views and foreign tables cannot */
  readonly isTable: boolean;
  readonly hasRowSecurity: boolean;
  /** policies choose the rows that the read role sees */
  readonly isFilteredForUs: boolean;
  readonly isReadable: boolean;
  readonly columns: ReadonlyMap<string, CatalogueColumn>;
  /** columns of each unique index that covers all rows */
  readonly uniqueKeys: readonly (readonly string[])[];
  readonly triggers: readonly string[];
}

export interface CatalogueColumn {
  readonly type: string;
  /** PostgreSQL's own one-letter category: N numeric, D date or time, S text, B boolean ... */
  readonly category: string;
  readonly notNull: boolean;
  readonly generated: boolean;
  /** a sequence whose next value is the column's default, which the inserting role must be allowed to use */
  readonly sequence: string | null;
}

export interface ServerFacts {
  readonly version: string;
  readonly versionNumber: number;
  readonly isStandby: boolean;
  readonly deadlockTimeoutMs: number;
}

export async function readServer(session: ReadSession): Promise<ServerFacts> {
  const [row] = await session.query({
    text: `SELECT current_setting('server_version') AS version,
                  current_setting('server_version_num') AS number, pg_is_in_recovery() AS standby,
                  (SELECT setting FROM pg_settings WHERE name = 'deadlock_timeout') AS deadlock_timeout`,
    values: [],
  });
  return {
    version: row?.['version'] ?? '',
    versionNumber: Number(row?.['number']),
    isStandby: row?.['standby'] === 't',
    deadlockTimeoutMs: Number(row?.['deadlock_timeout']),
  };
}

/** The mapped tables that the shop has; those that it does not have are left out. */
export async function readCatalogue(
  session: ReadSession,
  tables: readonly string[],
): Promise<Map<string, CatalogueTable>> {
  const wanted = { values: [`{${tables.map(arrayItem).join(',')}}`] };
  const read = await session.inTransaction(async (query) => ({
    tables: await query({ text: tablesSql, ...wanted }),
    columns: await query({ text: columnsSql, ...wanted }),
    keys: await query({ text: keysSql, ...wanted }),
    triggers: await query({ text: triggersSql, ...wanted }),
  }));
  const ofTable = (rows: TextRow[], table: string) =>
    rows.filter((row) => row['table_name'] === table);
  return new Map(
    read.tables.map((row) => {
      const table = row['table_name'] ?? '';
      return [
        table,
        {
          table,
          isTable: row['is_table'] === 't',
          hasRowSecurity: row['row_security'] === 't',
          isFilteredForUs: row['filtered'] === 't',
          isReadable: row['readable'] === 't',
          columns: new Map(ofTable(read.columns, table).map(columnOf)),
          uniqueKeys: ofTable(read.keys, table).map(({ columns }) => (columns ?? '').split('\n')),
          triggers: ofTable(read.triggers, table).map(({ name }) => name ?? ''),
        },
      ];
    }),
  );
}

function columnOf(row: TextRow): [string, CatalogueColumn] {
  return [
    row['column_name'] ?? '',
    {
      type: row['type'] ?? '',
      category: row['category'] ?? '',
      notNull: row['not_null'] === 't',
      generated: row['generated'] === 't',
      sequence: row['sequence'] ?? null,
    },
  ];
}

const named = `n.nspname || '.' || c.relname`;
const from = `pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace`;
const isWanted = `c.relkind IN ('r', 'p', 'v', 'm', 'f') AND ${named} = ANY ($1::text::text[])`;

const tablesSql = `
  SELECT ${named} AS table_name, c.relkind IN ('r', 'p') AS is_table, c.relrowsecurity AS row_security,
         row_security_active(c.oid) AS filtered,
         has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS readable
    FROM ${from} WHERE ${isWanted}`;

const columnsSql = `
  SELECT ${named} AS table_name, a.attname AS column_name, format_type(a.atttypid, a.atttypmod) AS type,
         t.typcategory AS category, a.attnotnull AS not_null, a.attgenerated <> '' AS generated,
         -- an identity column's sequence needs no right of its own; pg_depend is what ties a serial's
         (SELECT s.oid::regclass::text FROM pg_depend d JOIN pg_class s ON s.oid = d.refobjid AND s.relkind = 'S'
            JOIN pg_attrdef f ON f.oid = d.objid AND d.classid = 'pg_attrdef'::regclass
           WHERE f.adrelid = c.oid AND f.adnum = a.attnum LIMIT 1) AS sequence
    FROM ${from} JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
   WHERE ${isWanted} ORDER BY a.attnum`;

const keysSql = `
  SELECT ${named} AS table_name,
         (SELECT string_agg(a.attname, E'\\n' ORDER BY k.place) FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum WHERE k.place <= i.indnkeyatts) AS columns
    FROM ${from} JOIN pg_index i ON i.indrelid = c.oid
   WHERE ${isWanted} AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL`;

const triggersSql = `
  SELECT ${named} AS table_name, g.tgname AS name
    FROM ${from} JOIN pg_trigger g ON g.tgrelid = c.oid
   WHERE ${isWanted} AND NOT g.tgisinternal AND g.tgenabled <> 'D' ORDER BY g.tgname`;
