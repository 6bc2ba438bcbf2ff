import { SqlMigration } from './sql-migration.js';

/** Alerts, pages and their deliveries. */
export class Alerting1700000000007 extends SqlMigration {
  readonly name = 'Alerting1700000000007';
  readonly sql = sql;
}

const sql = `
CREATE TABLE reinstate.alert (
  id uuid PRIMARY KEY,
  shop_id text NOT NULL REFERENCES reinstate.shop,
  finding_id uuid NOT NULL UNIQUE REFERENCES reinstate.finding,
  -- the version of the finding that this alert tells of
  finding_version integer NOT NULL,
  name text NOT NULL,
  fingerprint text NOT NULL,
  state text NOT NULL CHECK (state IN ('firing', 'resolved')),
  labels jsonb NOT NULL,
  annotations jsonb NOT NULL,
  starts_at timestamptz NOT NULL,
  ends_at timestamptz,
  version integer NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX alert_firing ON reinstate.alert (fingerprint) WHERE state = 'firing';

-- A message to the people on call. The dedupe key keeps it from being made twice.
CREATE TABLE reinstate.page (
  id uuid PRIMARY KEY,
  dedupe_key text NOT NULL UNIQUE,
  incident_id uuid,
  first_line text NOT NULL,
  body jsonb NOT NULL,
  created_at timestamptz NOT NULL
);

CREATE TABLE reinstate.page_delivery (
  id uuid PRIMARY KEY,
  page_id uuid NOT NULL REFERENCES reinstate.page,
  receiver text NOT NULL,
  state text NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
  attempts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz,
  last_error text,
  delivered_at timestamptz,
  UNIQUE (page_id, receiver),
  CHECK ((state = 'pending') = (next_attempt_at IS NOT NULL)),
  CHECK ((state = 'delivered') = (delivered_at IS NOT NULL))
);
CREATE INDEX page_delivery_due ON reinstate.page_delivery (next_attempt_at) WHERE state = 'pending';

GRANT SELECT, INSERT, UPDATE ON reinstate.alert, reinstate.page_delivery TO reinstate_runtime;
GRANT SELECT, INSERT ON reinstate.page TO reinstate_runtime;
`;
