import { SqlMigration } from './sql-migration.js';

/** Alerts about the shops' streams, and delivery records that can be listed. */
export class StreamAlerts1700000000013 extends SqlMigration {
  readonly name = 'StreamAlerts1700000000013';
  readonly sql = sql;
}

const sql = `
-- What is wrong with a shop's stream of order changes. Apart from alert: those are about findings, and open incidents.
CREATE TABLE reinstate.stream_alert (
  id uuid PRIMARY KEY,
  shop_id text NOT NULL REFERENCES reinstate.shop,
  name text NOT NULL,
  fingerprint text NOT NULL,
  -- pending: seen, but not for long enough to wake somebody
  state text NOT NULL CHECK (state IN ('pending', 'firing', 'resolved')),
  labels jsonb NOT NULL,
  annotations jsonb NOT NULL,
  -- when the cause was first and last seen
  seen_since timestamptz NOT NULL,
  seen_at timestamptz NOT NULL,
  starts_at timestamptz,
  ends_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  CHECK ((state = 'pending') = (starts_at IS NULL)),
  CHECK ((state = 'resolved') = (ends_at IS NOT NULL))
);
CREATE UNIQUE INDEX stream_alert_open ON reinstate.stream_alert (fingerprint) WHERE state <> 'resolved';
CREATE INDEX stream_alert_starts ON reinstate.stream_alert (starts_at, id);

-- How far each shop's journal was looked through for gaps.
CREATE TABLE reinstate.stream_watch (
  shop_id text PRIMARY KEY REFERENCES reinstate.shop,
  journal_position bigint NOT NULL
);
-- gaps from before this migration are old news
INSERT INTO reinstate.stream_watch (shop_id, journal_position) SELECT id, journal_head FROM reinstate.shop;

GRANT SELECT, INSERT, UPDATE, DELETE ON reinstate.stream_alert TO reinstate_runtime;
GRANT SELECT, INSERT, UPDATE ON reinstate.stream_watch TO reinstate_runtime;

-- Null where no attempt was made since this column exists.
ALTER TABLE reinstate.page_delivery ADD COLUMN last_attempt_at timestamptz;
CREATE INDEX page_created ON reinstate.page (created_at, id);
CREATE INDEX page_incident ON reinstate.page (incident_id) WHERE incident_id IS NOT NULL;
`;
