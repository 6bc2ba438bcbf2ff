import { SqlMigration } from './sql-migration.js';

/** Parts of transactions that are too big for memory, and how much a shop's spool holds. */
export class LargeTransactions1700000000031 extends SqlMigration {
  readonly name = 'LargeTransactions1700000000031';
  readonly sql = sql;
}

const sql = `
-- Changes of a transaction of the shop that is too big for memory, sealed, as they came. They count once the
-- transaction itself is written down: until then it is sent again, and they are replaced.
CREATE TABLE reinstate.replication_part (
  shop_id text NOT NULL REFERENCES reinstate.shop,
  commit_lsn pg_lsn NOT NULL,
  number integer NOT NULL,
  changes jsonb NOT NULL,
  bytes integer NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (shop_id, commit_lsn, number)
);
-- what is encrypted cannot be compressed
ALTER TABLE reinstate.replication_part ALTER COLUMN changes SET STORAGE EXTERNAL;
GRANT SELECT, INSERT, UPDATE, DELETE ON reinstate.replication_part TO reinstate_runtime;

ALTER TABLE reinstate.replication_stream
  -- size of what waits in replication_spool and replication_part
  ADD COLUMN spooled_bytes bigint NOT NULL DEFAULT 0,
  -- by mapped table and column, how it was stored when it was last looked at: a changed type rewrites rows unseen
  ADD COLUMN table_columns jsonb NOT NULL DEFAULT '{}';
UPDATE reinstate.replication_stream stream SET spooled_bytes = coalesce(
  (SELECT sum(octet_length(transaction::text)) FROM reinstate.replication_spool spool WHERE spool.shop_id = stream.shop_id), 0);
`;
