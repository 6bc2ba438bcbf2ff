import { SqlMigration } from './sql-migration.js';

/** Where each shop's replication stands. */
export class Intake1700000000005 extends SqlMigration {
  readonly name = 'Intake1700000000005';
  readonly sql = sql;
}

const sql = `
-- How far the shop's logical replication has been journalled.
CREATE TABLE reinstate.replication_stream (
  shop_id text PRIMARY KEY REFERENCES reinstate.shop,
  state text NOT NULL CHECK (state IN ('detached', 'snapshot', 'streaming', 'interrupted', 'lost', 'mismatch')),
  slot_name text NOT NULL,
  publication_name text NOT NULL,
  slot_generation integer NOT NULL DEFAULT 0,
  incarnation text,
  -- end LSN of the last journalled commit: what the slot may forget
  confirmed_lsn pg_lsn,
  -- changes up to here are in the initial snapshot
  snapshot_lsn pg_lsn,
  snapshot_rows bigint NOT NULL DEFAULT 0,
  -- which columns the row images hold: a changed profile needs them read anew
  mapping_hash text,
  -- replica identities that attach changed: table to what it was before, for detach to set back
  identities jsonb NOT NULL DEFAULT '{}',
  -- what was lost at the source and does not stand in the journal yet
  gap text,
  attached_at timestamptz,
  last_message_at timestamptz,
  problem text,
  updated_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON reinstate.replication_stream TO reinstate_runtime;

-- Transactions that could not be interpreted, since the shop's tables no longer fit the profile: kept as
-- they came (sealed), so that the slot goes on, until somebody has mended the profile.
CREATE TABLE reinstate.replication_spool (
  shop_id text NOT NULL REFERENCES reinstate.shop,
  end_lsn pg_lsn NOT NULL,
  transaction jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (shop_id, end_lsn)
);
GRANT SELECT, INSERT, DELETE ON reinstate.replication_spool TO reinstate_runtime;
`;
