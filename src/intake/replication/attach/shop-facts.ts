import type pg from 'pg';
import type { ShopMapping } from '../interpret/shop-mapping.js';

/** How PostgreSQL names a row in the stream: `d`efault, `n`othing, `f`ull, or by an `i`ndex. */
export type Identity = 'd' | 'n' | 'f' | 'i';

export interface TableFacts {
  readonly table: string;
  readonly identity: Identity;
  readonly identityIndex: string | null;
  /** null where it has none */
  readonly primaryKey: readonly string[] | null;
  /** unique indexes that could serve as identity: whole, immediate, on columns that are never null */
  readonly uniqueIndexes: readonly {
    readonly index: string;
    readonly columns: readonly string[];
  }[];
  readonly generatedColumns: readonly string[];
  /** a column that an UPDATE may set; null where there is none */
  readonly writableColumn: string | null;
  /** the attach credential may change it */
  readonly isOwned: boolean;
  readonly isPartitioned: boolean;
  /** for a partition: the mapped table that it is a part of */
  readonly partOf: string | null;
}

export interface ShopFacts {
  readonly versionNumber: number;
  readonly isStandby: boolean;
  readonly walLevel: string;
  /** megabytes; -1 is without bound */
  readonly slotWalKeepMb: number;
  readonly slots: { readonly used: number; readonly most: number };
  readonly senders: { readonly used: number; readonly most: number };
  readonly mayCreate: boolean;
  /** the same for all credentials of one database of one running server */
  readonly place: string;
  /** mapped tables that exist, and the partitions of those that have some */
  readonly tables: readonly TableFacts[];
  /** the tables of our publication, where it exists already */
  readonly published: readonly string[] | null;
}

/** Reads all that has to be known about a shop's database before anything is changed there. */
export async function readShopFacts(
  client: pg.Client,
  given: { mapping: ShopMapping; publicationName: string },
): Promise<ShopFacts> {
  const { rows } = await client.query<
    Omit<ShopFacts, 'slots' | 'senders' | 'tables' | 'published'> & Counts
  >(serverSql);
  const [row] = rows;
  if (row === undefined) throw new Error('the shop’s server did not describe itself');
  const { slotsUsed, slotsMost, sendersUsed, sendersMost, ...server } = row;
  return {
    ...server,
    slots: { used: slotsUsed, most: slotsMost },
    senders: { used: sendersUsed, most: sendersMost },
    tables: await readTableFacts(client, [...given.mapping.tables.keys()]),
    published: await readPublished(client, given.publicationName),
  };
}

/** Those of the tables that exist, and the partitions of those that have some. */
export async function readTableFacts(
  client: pg.Client,
  tables: readonly string[],
): Promise<TableFacts[]> {
  const { rows } = await client.query<TableFacts>(tablesSql, [tables]);
  return rows;
}

interface Counts {
  readonly slotsUsed: number;
  readonly slotsMost: number;
  readonly sendersUsed: number;
  readonly sendersMost: number;
}

async function readPublished(
  client: pg.Client,
  publicationName: string,
): Promise<readonly string[] | null> {
  const { rows } = await client.query<{ tables: string[] }>(
    `SELECT ARRAY(SELECT schemaname || '.' || tablename FROM pg_publication_tables
       WHERE pubname = publication.pubname ORDER BY 1) AS tables
     FROM pg_publication publication WHERE pubname = $1`,
    [publicationName],
  );
  return rows[0]?.tables ?? null;
}

/** What stands for the attribute REPLICATION where a provider (Amazon) gives that to nobody. */
const managedReplicationRole = 'rds_replication';

/** Whether the replicate credential may replicate, and where it leads. */
export async function readReplicateFacts(
  client: pg.Client,
): Promise<{ mayReplicate: boolean; place: string }> {
  const { rows } = await client.query<{ mayReplicate: boolean; place: string }>(
    `SELECT rolreplication OR rolsuper OR EXISTS (
       SELECT FROM pg_roles managed WHERE managed.rolname = $1 AND pg_has_role(managed.oid, 'MEMBER')) AS "mayReplicate",
       ${placeSql} AS place
     FROM pg_roles WHERE rolname = current_user`,
    [managedReplicationRole],
  );
  return rows[0] ?? { mayReplicate: false, place: '' };
}

/** Mapped columns that the read credential may not read, as `table.column`, and where it leads. */
export async function readReadFacts(
  client: pg.Client,
  mapping: ShopMapping,
): Promise<{ unreadable: string[]; place: string }> {
  const columns = [...mapping.tables.values()].flatMap((mapped) =>
    mapped.columns.map((column) => ({ table: mapped.table, column })),
  );
  const unreadable = await client.query<{ name: string }>(
    `SELECT wanted.table_name || '.' || wanted.column_name AS name
     FROM unnest($1::text[], $2::text[]) AS wanted(table_name, column_name)
     JOIN pg_class class ON class.oid = to_regclass(
       (SELECT format('%I.%I', split_part(wanted.table_name, '.', 1), substr(wanted.table_name, strpos(wanted.table_name, '.') + 1))))
     JOIN pg_attribute attribute ON attrelid = class.oid AND attname = wanted.column_name AND NOT attisdropped
     WHERE NOT has_schema_privilege(class.relnamespace, 'USAGE')
        OR NOT has_column_privilege(class.oid, attribute.attnum, 'SELECT')`,
    [columns.map(({ table }) => table), columns.map(({ column }) => column)],
  );
  const place = await client.query<{ place: string }>(`SELECT ${placeSql} AS place`);
  return {
    unreadable: unreadable.rows.map(({ name }) => name),
    place: place.rows[0]?.place ?? '',
  };
}

/** Who holds locks on a table: who they are, never what they do. */
export async function readLockHolders(client: pg.Client, table: string): Promise<string[]> {
  const { rows } = await client.query<{ holder: string }>(
    `SELECT DISTINCT format('process %s of %s (%s)', locks.pid, coalesce(activity.usename, '?'),
       coalesce(nullif(activity.application_name, ''), 'unnamed')) AS holder
     FROM pg_locks locks JOIN pg_class class ON class.oid = locks.relation
     JOIN pg_namespace namespace ON namespace.oid = class.relnamespace
     LEFT JOIN pg_stat_activity activity USING (pid)
     WHERE locks.granted AND locks.pid <> pg_backend_pid()
       AND locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND namespace.nspname || '.' || class.relname = $1`,
    [table],
  );
  return rows.map(({ holder }) => holder);
}

const placeSql = `current_database() || ' ' || extract(epoch FROM pg_postmaster_start_time())::text`;

const setting = (name: string): string =>
  `(SELECT setting::int FROM pg_settings WHERE name = '${name}')`;

const serverSql = `
SELECT current_setting('server_version_num')::int AS "versionNumber", pg_is_in_recovery() AS "isStandby",
  current_setting('wal_level') AS "walLevel", ${setting('max_slot_wal_keep_size')} AS "slotWalKeepMb",
  (SELECT count(*)::int FROM pg_replication_slots) AS "slotsUsed", ${setting('max_replication_slots')} AS "slotsMost",
  (SELECT count(*)::int FROM pg_stat_replication) AS "sendersUsed", ${setting('max_wal_senders')} AS "sendersMost",
  has_database_privilege(current_database(), 'CREATE') AS "mayCreate", ${placeSql} AS place`;

const tablesSql = `
WITH RECURSIVE wanted AS (
  SELECT class.oid, name COLLATE "C" AS table_name, NULL::text COLLATE "C" AS part_of
  FROM unnest($1::text[]) AS name
  JOIN pg_namespace namespace ON namespace.nspname = split_part(name, '.', 1)
  JOIN pg_class class ON class.relnamespace = namespace.oid AND class.relkind IN ('r', 'p')
    AND class.relname = substr(name, strpos(name, '.') + 1)
  UNION ALL
  SELECT class.oid, namespace.nspname || '.' || class.relname, coalesce(wanted.part_of, wanted.table_name)
  FROM wanted JOIN pg_inherits inherits ON inherits.inhparent = wanted.oid
  JOIN pg_class class ON class.oid = inherits.inhrelid AND class.relispartition
  JOIN pg_namespace namespace ON namespace.oid = class.relnamespace
)
SELECT wanted.table_name AS "table", class.relreplident::text AS identity,
  (SELECT indexes.relname FROM pg_index index JOIN pg_class indexes ON indexes.oid = index.indexrelid
   WHERE index.indrelid = wanted.oid AND index.indisreplident) AS "identityIndex",
  (SELECT array_agg(attribute.attname::text ORDER BY position)
   FROM pg_index index, unnest(index.indkey::int2[]) WITH ORDINALITY AS part(attnum, position)
   JOIN pg_attribute attribute ON attribute.attrelid = wanted.oid AND attribute.attnum = part.attnum
   WHERE index.indrelid = wanted.oid AND index.indisprimary) AS "primaryKey",
  coalesce((SELECT jsonb_agg(jsonb_build_object('index', indexes.relname, 'columns',
     (SELECT jsonb_agg(attribute.attname ORDER BY position)
      FROM unnest(index.indkey::int2[]) WITH ORDINALITY AS part(attnum, position)
      JOIN pg_attribute attribute ON attribute.attrelid = wanted.oid AND attribute.attnum = part.attnum
      WHERE position <= index.indnkeyatts)))
   FROM pg_index index JOIN pg_class indexes ON indexes.oid = index.indexrelid
   WHERE index.indrelid = wanted.oid AND index.indisunique AND index.indimmediate AND index.indisvalid
     AND index.indpred IS NULL AND index.indexprs IS NULL
     AND NOT EXISTS (SELECT FROM unnest(index.indkey::int2[]) WITH ORDINALITY AS part(attnum, position)
       JOIN pg_attribute attribute ON attribute.attrelid = wanted.oid AND attribute.attnum = part.attnum
       WHERE position <= index.indnkeyatts AND NOT attribute.attnotnull)), '[]') AS "uniqueIndexes",
  ARRAY(SELECT attname::text FROM pg_attribute
    WHERE attrelid = wanted.oid AND attgenerated <> '' AND NOT attisdropped ORDER BY attnum) AS "generatedColumns",
  (SELECT attname::text FROM pg_attribute WHERE attrelid = wanted.oid AND attnum > 0 AND NOT attisdropped
     AND attgenerated = '' AND attidentity <> 'a' ORDER BY attnum LIMIT 1) AS "writableColumn",
  pg_has_role(class.relowner, 'USAGE') AS "isOwned", class.relkind = 'p' AS "isPartitioned",
  wanted.part_of AS "partOf"
FROM wanted JOIN pg_class class ON class.oid = wanted.oid ORDER BY wanted.table_name`;
