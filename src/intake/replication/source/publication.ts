import { shopConnection, withShop, type ShopSession } from './shop-server.js';

/** What became of our publication since it was made. */
export interface PublicationFacts {
  /** tells it from one of the same name that was made later; null where somebody dropped it */
  readonly oid: string | null;
  /** mapped tables that it does not send */
  readonly missing: readonly string[];
  /** by table, what tells its place in the publication from one that it had before it was taken out */
  readonly members: Readonly<Record<string, string>>;
  /** by mapped table and column, what tells how its values are stored and printed */
  readonly columns: TableColumns;
  /** tables (new partitions, mostly) whose updates fail in the shop, since nothing names their rows */
  readonly nameless: readonly string[];
  /** tables whose updates fail in the shop, since a generated column goes with no full identity */
  readonly generated: readonly GeneratedTable[];
}

/** By table and column: its number, its type, and that type's modifier. */
export type TableColumns = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** A table that got a generated column while its identity is full. */
export interface GeneratedTable {
  readonly name: string;
  /** the key that its identity can be set to: the primary one, an index, or none */
  readonly key: { readonly index: string | null } | null;
}

/** Looks at the publication with the read credential. */
export async function readPublication(
  readUrl: string,
  publicationName: string,
  tables: readonly string[],
  session: Pick<ShopSession, 'signal'> = {},
): Promise<PublicationFacts> {
  return withShop(shopConnection(readUrl, session), async (client) => {
    const found = await client.query<{ oid: string }>(
      'SELECT oid::text AS oid FROM pg_publication WHERE pubname = $1',
      [publicationName],
    );
    const members = await client.query<{ name: string; member: string }>(membersSql, [
      publicationName,
    ]);
    const published = await client.query<{ name: string }>(
      `SELECT schemaname || '.' || tablename AS name FROM pg_publication_tables WHERE pubname = $1`,
      [publicationName],
    );
    const columns = await client.query<{ name: string; columns: TableColumns[string] }>(
      columnsSql,
      [tables],
    );
    const nameless = await client.query<{ name: string }>(namelessSql, [publicationName]);
    const generated = await client.query<GeneratedTable>(generatedSql, [publicationName]);
    const names = new Set(published.rows.map(({ name }) => name));
    return {
      oid: found.rows[0]?.oid ?? null,
      members: Object.fromEntries(members.rows.map(({ name, member }) => [name, member])),
      missing: tables.filter((table) => !names.has(table)),
      columns: Object.fromEntries(columns.rows.map((row) => [row.name, row.columns])),
      nameless: nameless.rows.map(({ name }) => name),
      generated: generated.rows,
    };
  });
}

const membersSql = `
SELECT namespace.nspname || '.' || class.relname AS name, relation.oid::text AS member
FROM pg_publication_rel relation JOIN pg_publication publication ON publication.oid = relation.prpubid
JOIN pg_class class ON class.oid = relation.prrelid
JOIN pg_namespace namespace ON namespace.oid = class.relnamespace WHERE publication.pubname = $1`;

/** A text is stored and printed the same whatever its longest length. */
const columnsSql = `
SELECT namespace.nspname || '.' || class.relname AS name, jsonb_object_agg(attname, format('%s:%s:%s',
  attnum, atttypid, CASE WHEN atttypid IN ('text'::regtype, 'varchar'::regtype) THEN -1 ELSE atttypmod END)) AS columns
FROM unnest($1::text[]) AS asked(name)
JOIN pg_namespace namespace ON namespace.nspname = split_part(asked.name, '.', 1)
JOIN pg_class class ON class.relnamespace = namespace.oid AND class.relname = substr(asked.name, strpos(asked.name, '.') + 1)
JOIN pg_attribute attribute ON attrelid = class.oid AND attnum > 0 AND NOT attisdropped
GROUP BY 1`;

const sentSql = `
WITH RECURSIVE sent AS (
  SELECT relation.prrelid AS oid, to_jsonb(publication) ->> 'pubgencols' AS generated FROM pg_publication_rel relation
  JOIN pg_publication publication ON publication.oid = relation.prpubid WHERE publication.pubname = $1
  UNION
  SELECT inherits.inhrelid, sent.generated FROM sent JOIN pg_inherits inherits ON inherits.inhparent = sent.oid
)`;

/** The server looks at generated columns since it can publish them (PostgreSQL 18: pubgencols). */
const generatedSql = `${sentSql}
SELECT namespace.nspname || '.' || class.relname AS name,
  (SELECT jsonb_build_object('index', CASE WHEN NOT index.indisprimary THEN indexes.relname END)
   FROM pg_index index JOIN pg_class indexes ON indexes.oid = index.indexrelid
   WHERE index.indrelid = class.oid AND index.indisunique AND index.indimmediate AND index.indisvalid
     AND index.indpred IS NULL AND index.indexprs IS NULL
     AND NOT EXISTS (SELECT FROM unnest(index.indkey::int2[]) AS part(attnum)
       JOIN pg_attribute attribute ON attribute.attrelid = class.oid AND attribute.attnum = part.attnum
       WHERE attribute.attgenerated <> '' OR NOT attribute.attnotnull)
   ORDER BY index.indisprimary DESC, indexes.relname LIMIT 1) AS key
FROM sent JOIN pg_class class ON class.oid = sent.oid AND class.relkind = 'r'
JOIN pg_namespace namespace ON namespace.oid = class.relnamespace
WHERE class.relreplident = 'f' AND sent.generated IS NOT NULL AND EXISTS (
  SELECT FROM pg_attribute attribute WHERE attribute.attrelid = class.oid AND NOT attribute.attisdropped
    AND (attribute.attgenerated = 'v' OR (attribute.attgenerated = 's' AND sent.generated <> 's')))
ORDER BY 1`;

const namelessSql = `${sentSql}
SELECT namespace.nspname || '.' || class.relname AS name
FROM sent JOIN pg_class class ON class.oid = sent.oid AND class.relkind = 'r'
JOIN pg_namespace namespace ON namespace.oid = class.relnamespace
WHERE class.relreplident = 'n'
  OR (class.relreplident = 'd' AND NOT EXISTS (
    SELECT FROM pg_index WHERE indrelid = class.oid AND indisprimary AND indimmediate))
  OR (class.relreplident = 'i' AND NOT EXISTS (
    SELECT FROM pg_index WHERE indrelid = class.oid AND indisreplident))
ORDER BY 1`;
