import pg from 'pg';
import { pinnedOptions } from '../../platform/database/connect.js';
import type { RowCounts, SeenTrigger } from '../observation/observation.js';
import { arrayItem } from './column-types.js';
import type { TextRow } from './shop-connections.js';
import { quoteTable } from './sql-text.js';

const connectTimeoutMs = 5_000;
const statementTimeoutMs = 5_000;
/** A server that does not answer is found out this much later than a statement that takes too long. */
const silenceMs = 1_000;
/** Of a table's rows only those in its last blocks are looked at (half a megabyte): new ones mostly stand there. */
const blocksLookedAt = 64;
/** Before, a look at the last blocks reads all of the table. */
const tidRangesFrom = 140_000;

/** A table that is looked at: partitions are looked at one by one, and count as the table that they are of. */
interface Relation {
  /** `schema.table` of the partitioned table, or its own */
  readonly table: string;
  /** its own */
  readonly relation: string;
  readonly readable: boolean;
  readonly blocks: number;
  readonly counts: RowCounts;
}

/**
 * Looks at what a shop's server does, by one session of the read role that can only read: which tables each open
 * transaction holds the lock of a writer on, what the statistics count, and the transaction ids (nothing else) of
 * the newest rows. It changes nothing, takes no lock that any write waits for, keeps no log back, and ends with
 * its connection.
 */
export class ShopObserver {
  private constructor(private readonly client: pg.Client) {}

  static async open(readUrl: string): Promise<ShopObserver> {
    const client = new pg.Client({
      connectionString: readUrl,
      application_name: 'reinstate-observe',
      connectionTimeoutMillis: connectTimeoutMs,
      query_timeout: statementTimeoutMs + silenceMs,
      types: { getTypeParser: () => (value: string) => value },
      options: pinnedOptions({
        default_transaction_read_only: 'on',
        statement_timeout: String(statementTimeoutMs),
        lock_timeout: '100',
      }),
    });
    client.on('error', () => undefined);
    await client.connect();
    return new ShopObserver(client);
  }

  async close(): Promise<void> {
    await this.client.end().catch(() => undefined);
  }

  /** The next transaction id to be given out: rows of later ones were written since. */
  async nextTransaction(): Promise<string> {
    const [row] = await this.query('SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next');
    return row?.['next'] ?? '0';
  }

  /** The tables that transactions under way have written to, or are about to, by transaction id. */
  async underWay(): Promise<Map<string, string[]>> {
    const rows = await this.query(locksSql);
    return new Map(rows.map((row) => [row['id'] ?? '', (row['tables'] ?? '').split('\n')]));
  }

  async relations(): Promise<Relation[]> {
    const rows = await this.query(relationsSql);
    return rows.map((row) => ({
      table: row['root'] ?? '',
      relation: row['relation'] ?? '',
      readable: row['readable'] === 't',
      blocks: Number(row['blocks']),
      counts: {
        inserted: Number(row['inserted']),
        updated: Number(row['updated']),
        deleted: Number(row['deleted']),
      },
    }));
  }

  /** Ids of the transactions since `first` that wrote rows which stand in the last blocks of the table. */
  async newestWriters({ relation, blocks }: Relation, first: string): Promise<string[]> {
    const from = Math.max(0, blocks - blocksLookedAt);
    const [version] = await this.query(`SELECT current_setting('server_version_num') AS number`);
    if (from > 0 && Number(version?.['number']) < tidRangesFrom) return [];
    const rows = await this.query(
      `SELECT DISTINCT xmin::text AS id FROM ONLY ${quoteTable(relation)}
        WHERE ctid >= $1::text::tid AND age(xmin) <= age((($2::text)::bigint % 4294967296)::text::xid)`,
      [`(${from},0)`, first],
    );
    return rows.map((row) => row['id'] ?? '');
  }

  /** Triggers that are switched on, of these tables. */
  async triggers(tables: readonly string[]): Promise<SeenTrigger[]> {
    const rows = await this.query(triggersSql, [`{${tables.map(arrayItem).join(',')}}`]);
    return rows.map((row) => ({
      table: row['root'] ?? '',
      trigger: row['name'] ?? '',
      source: row['source'] ?? '',
      language: row['language'] ?? '',
      on: (['inserted', 'deleted', 'updated'] as const).filter((kind) => row[kind] === 't'),
    }));
  }

  private async query(text: string, values: readonly string[] = []): Promise<TextRow[]> {
    return (await this.client.query<TextRow>(text, [...values])).rows;
  }
}

const own = `n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`;
const rootName = `(SELECT rn.nspname || '.' || r.relname FROM pg_catalog.pg_class r
   JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
  WHERE r.oid = coalesce(pg_partition_root(c.oid), c.oid))`;

/**
 * A writer's lock is held to the end of its transaction, and the transaction has an id once it has written. Of
 * several ids (savepoints) the oldest is the transaction's own.
 */
const locksSql = `
  SELECT x.id, string_agg(DISTINCT ${rootName}, E'\\n') AS tables
    FROM (SELECT virtualtransaction, pid, (array_agg(transactionid::text ORDER BY age(transactionid) DESC))[1] AS id
            FROM pg_catalog.pg_locks WHERE locktype = 'transactionid' AND mode = 'ExclusiveLock' AND granted
           GROUP BY 1, 2) x
    JOIN pg_catalog.pg_locks l USING (virtualtransaction, pid)
    JOIN pg_catalog.pg_database d ON d.oid = l.database AND d.datname = current_database()
    JOIN pg_catalog.pg_class c ON c.oid = l.relation AND c.relkind IN ('r', 'p')
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE l.locktype = 'relation' AND l.mode = 'RowExclusiveLock' AND l.granted AND ${own}
   GROUP BY x.id`;

const relationsSql = `
  SELECT ${rootName} AS root, n.nspname || '.' || c.relname AS relation,
         has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS readable,
         CASE WHEN has_table_privilege(c.oid, 'SELECT')
           THEN pg_relation_size(c.oid) / current_setting('block_size')::int ELSE 0 END AS blocks,
         coalesce(s.n_tup_ins, 0) AS inserted, coalesce(s.n_tup_upd, 0) AS updated, coalesce(s.n_tup_del, 0) AS deleted
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_stat_all_tables s ON s.relid = c.oid
   WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND ${own} ORDER BY 1, 2`;

const triggersSql = `
  SELECT n.nspname || '.' || c.relname AS root, g.tgname AS name, p.prosrc AS source, l.lanname AS language,
         g.tgtype & 4 > 0 AS inserted, g.tgtype & 8 > 0 AS deleted, g.tgtype & 16 > 0 AS updated
    FROM pg_catalog.pg_trigger g JOIN pg_catalog.pg_class c ON c.oid = g.tgrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_proc p ON p.oid = g.tgfoid JOIN pg_catalog.pg_language l ON l.oid = p.prolang
   WHERE NOT g.tgisinternal AND g.tgenabled <> 'D' AND g.tgparentid = 0
     AND n.nspname || '.' || c.relname = ANY ($1::text::text[]) ORDER BY 1, 2`;
