import pg from 'pg';
import { pinnedOptions } from '../../platform/database/connect.js';
import type { Shop } from '../shop-registry.js';
import { problemOf } from './shop-failure.js';
import type { TextRow } from './shop-connections.js';

const connectTimeoutMs = 5_000;
/** A server that does not answer is found out this much later than a query that takes too long. */
const silenceMs = 1_000;

/** A column of a result, and where it comes from: null where it is worked out. */
export interface ResultColumn {
  readonly name: string;
  /** `schema.table` */
  readonly table: string | null;
  readonly column: string | null;
  /** `number`, `boolean` and `time` cannot hold a name or an address */
  readonly form: 'number' | 'boolean' | 'time' | 'other';
}

export type QueryAnswer =
  | {
      readonly ok: true;
      readonly columns: readonly ResultColumn[];
      readonly rows: readonly TextRow[];
      /** there are more rows than were asked for */
      readonly more: boolean;
    }
  | {
      readonly ok: false;
      readonly reason: 'timeout' | 'unreachable' | 'query-failed';
      readonly detail: string;
    };

export interface ShopQuery {
  readonly text: string;
  readonly values: readonly (string | readonly string[] | null)[];
  readonly rowsMax: number;
  readonly timeoutMs: number;
}

/**
 * Runs somebody's query on a shop by its read credential: in a READ ONLY transaction, through a cursor
 * (which takes one statement that only reads), with a time-out, and never more than `rowsMax` rows. The
 * failure names SQLSTATE and place, never the server's message, which may quote a row.
 */
export async function askShop(shop: Shop, query: ShopQuery): Promise<QueryAnswer> {
  const url = shop.credentials?.read;
  if (url === undefined)
    return {
      ok: false,
      reason: 'query-failed',
      detail: 'the shop has no database that Reinstate may read',
    };
  const client = new pg.Client({
    connectionString: url,
    application_name: 'reinstate-runbook',
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: query.timeoutMs + silenceMs,
    types: { getTypeParser: () => (value: string) => value },
    options: pinnedOptions({
      default_transaction_read_only: 'on',
      statement_timeout: String(query.timeoutMs),
      lock_timeout: String(query.timeoutMs),
    }),
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await read(client, query);
  } catch (error) {
    return failureOf(error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function read(client: pg.Client, query: ShopQuery): Promise<QueryAnswer> {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  await client.query({
    text: `DECLARE runbook_check NO SCROLL CURSOR FOR ${query.text}`,
    values: [...query.values],
    // one statement, whatever the text says: the simple protocol would take several
    queryMode: 'extended',
  } as pg.QueryConfig);
  const { rows, fields } = await client.query<TextRow>(
    `FETCH ${query.rowsMax + 1} FROM runbook_check`,
  );
  const columns = await originsOf(client, fields);
  await client.query('ROLLBACK');
  return {
    ok: true,
    columns,
    rows: rows.slice(0, query.rowsMax),
    more: rows.length > query.rowsMax,
  };
}

const forms: Readonly<Record<string, ResultColumn['form']>> = {
  N: 'number',
  B: 'boolean',
  D: 'time',
  T: 'time',
};

async function originsOf(
  client: pg.Client,
  fields: readonly pg.FieldDef[],
): Promise<ResultColumn[]> {
  const { rows } = await client.query<{
    table: string | null;
    column: string | null;
    category: string;
  }>(
    `SELECT n.nspname || '.' || c.relname AS "table", a.attname AS "column", t.typcategory AS category
     FROM unnest($1::oid[], $2::int[], $3::oid[]) WITH ORDINALITY AS asked(relation, attribute, type, place)
       JOIN pg_catalog.pg_type t ON t.oid = asked.type
       LEFT JOIN pg_catalog.pg_class c ON c.oid = asked.relation
       LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = asked.attribute
     ORDER BY asked.place`,
    [
      fields.map(({ tableID }) => tableID),
      fields.map(({ columnID }) => columnID),
      fields.map(({ dataTypeID }) => dataTypeID),
    ],
  );
  return fields.map(({ name }, index) => {
    const { table = null, column = null, category = '' } = rows[index] ?? {};
    return { name, table, column, form: forms[category] ?? 'other' };
  });
}

function failureOf(error: unknown): QueryAnswer {
  const problem = problemOf(error, { title: 'a check of a runbook', counters: [] });
  if (problem.outcome !== 'failed')
    return { ok: false, reason: 'query-failed', detail: problem.detail };
  const { reason, detail } = problem;
  return reason === 'timeout' || reason === 'unreachable'
    ? { ok: false, reason, detail }
    : { ok: false, reason: 'query-failed', detail };
}
