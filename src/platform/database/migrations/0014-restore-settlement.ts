import { SqlMigration } from './sql-migration.js';

/** Unknown outcomes settled by a person, and what a run counts for its limits. */
export class RestoreSettlement1700000000014 extends SqlMigration {
  readonly name = 'RestoreSettlement1700000000014';
  readonly sql = sql;
}

const sql = `
-- What a person said of an attempt whose outcome nobody else knew, and of which transaction of the shop it was said.
ALTER TABLE reinstate.restore_run_item
  ADD COLUMN settled_outcome text CHECK (settled_outcome IN ('applied', 'not-applied')),
  ADD COLUMN settled_transaction_id bigint;

-- How attempts ended since the start or the last resume, counted as they end: reading them all before each
-- order would take longer with every order.
ALTER TABLE reinstate.restore_run
  ADD COLUMN ended_orders integer NOT NULL DEFAULT 0,
  ADD COLUMN failed_orders integer NOT NULL DEFAULT 0,
  ADD COLUMN locked_in_row integer NOT NULL DEFAULT 0,
  -- since when nothing but unknown outcomes is left to wait for, once that was paged
  ADD COLUMN waiting_since timestamptz;

-- The orders of a shop's last hour, and those under way, for the limit of an hour.
CREATE INDEX restore_run_item_applied ON reinstate.restore_run_item (shop_id, applied_at) WHERE applied_at IS NOT NULL;
CREATE INDEX restore_run_item_under_way ON reinstate.restore_run_item (shop_id, updated_at)
  WHERE state IN ('attempting', 'unknown');
-- Runs that are not over, or have orders under way.
CREATE INDEX restore_run_item_open ON reinstate.restore_run_item (run_id) WHERE state IN ('attempting', 'unknown', 'applied');
`;
