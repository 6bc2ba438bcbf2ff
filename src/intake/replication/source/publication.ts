import { shopConnection, withShop, type ShopSession } from './shop-server.js';

/** What became of our publication since it was made. */
export interface PublicationFacts {
  /** mapped tables that it does not send */
  readonly missing: readonly string[];
  /** tables (new partitions, mostly) whose updates fail in the shop, since nothing names their rows */
  readonly nameless: readonly string[];
}

/** Looks at the publication with the read credential. */
export async function readPublication(
  readUrl: string,
  publicationName: string,
  tables: readonly string[],
  session: Pick<ShopSession, 'signal'> = {},
): Promise<PublicationFacts> {
  return withShop(shopConnection(readUrl, session), async (client) => {
    const published = await client.query<{ name: string }>(
      `SELECT schemaname || '.' || tablename AS name FROM pg_publication_tables WHERE pubname = $1`,
      [publicationName],
    );
    const nameless = await client.query<{ name: string }>(namelessSql, [publicationName]);
    const names = new Set(published.rows.map(({ name }) => name));
    return {
      missing: tables.filter((table) => !names.has(table)),
      nameless: nameless.rows.map(({ name }) => name),
    };
  });
}

const namelessSql = `
WITH RECURSIVE sent AS (
  SELECT relation.prrelid AS oid FROM pg_publication_rel relation
  JOIN pg_publication publication ON publication.oid = relation.prpubid WHERE publication.pubname = $1
  UNION
  SELECT inherits.inhrelid FROM sent JOIN pg_inherits inherits ON inherits.inhparent = sent.oid
)
SELECT namespace.nspname || '.' || class.relname AS name
FROM sent JOIN pg_class class ON class.oid = sent.oid AND class.relkind = 'r'
JOIN pg_namespace namespace ON namespace.oid = class.relnamespace
WHERE class.relreplident = 'n'
  OR (class.relreplident = 'd' AND NOT EXISTS (
    SELECT FROM pg_index WHERE indrelid = class.oid AND indisprimary AND indimmediate))
  OR (class.relreplident = 'i' AND NOT EXISTS (
    SELECT FROM pg_index WHERE indrelid = class.oid AND indisreplident))
ORDER BY 1`;
