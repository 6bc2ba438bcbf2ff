import { SqlMigration } from './sql-migration.js';

/** From when to when a shop was seen, and the journal by commit time: what an order looked like at any moment. */
export class OrderAsOf1700000000018 extends SqlMigration {
  readonly name = 'OrderAsOf1700000000018';
  readonly sql = sql;
}

const sql = `
ALTER TABLE reinstate.replication_stream
  -- since when the shop was watched for the first time
  ADD COLUMN watched_since timestamptz,
  -- all that the shop committed before this is journalled; after it something may be missing yet
  ADD COLUMN seen_until timestamptz,
  -- the newest transaction that was written down: a server that does not have it is not the one it was
  ADD COLUMN last_written jsonb;
UPDATE reinstate.replication_stream SET watched_since = attached_at;

CREATE INDEX journal_entry_committed ON reinstate.journal_entry (shop_id, committed_at);
CREATE INDEX journal_entry_gap ON reinstate.journal_entry (shop_id, position) WHERE 'gap' = ANY (kinds);
`;
