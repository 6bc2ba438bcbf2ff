import { SqlMigration } from './sql-migration.js';

/** Detector states, findings and change marks. */
export class Detection1700000000006 extends SqlMigration {
  readonly name = 'Detection1700000000006';
  readonly sql = sql;
}

const sql = `
CREATE TABLE reinstate.detector_state (
  shop_id text NOT NULL REFERENCES reinstate.shop,
  detector text NOT NULL,
  -- the last journal position that went into the state
  position bigint NOT NULL,
  -- grows with each save: a state that is no longer the newest cannot be saved over it
  revision bigint NOT NULL,
  state jsonb NOT NULL,
  saved_at timestamptz NOT NULL,
  PRIMARY KEY (shop_id, detector)
);

CREATE TABLE reinstate.finding (
  id uuid PRIMARY KEY,
  shop_id text NOT NULL REFERENCES reinstate.shop,
  detector text NOT NULL,
  fingerprint text NOT NULL,
  state text NOT NULL CHECK (state IN ('live', 'closed')),
  slice jsonb NOT NULL,
  sentence text NOT NULL,
  -- numbers of the sentence: orders, customers, money, expected, chance, trend
  measure jsonb NOT NULL,
  first_event_at timestamptz NOT NULL,
  last_event_at timestamptz NOT NULL,
  found_at timestamptz NOT NULL,
  closed_at timestamptz,
  -- grows with each change: readers compare it with the one they have seen
  version integer NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX finding_live ON reinstate.finding (fingerprint) WHERE state = 'live';
CREATE INDEX finding_shop ON reinstate.finding (shop_id, found_at);

-- The cancellations that a finding is about.
CREATE TABLE reinstate.finding_entry (
  finding_id uuid NOT NULL REFERENCES reinstate.finding,
  position bigint NOT NULL,
  order_id text NOT NULL,
  committed_at timestamptz NOT NULL,
  PRIMARY KEY (finding_id, position)
);

-- Deploys, settings, people's actions: what may have caused what follows.
CREATE TABLE reinstate.change_mark (
  id uuid PRIMARY KEY,
  shop_id text REFERENCES reinstate.shop,
  what text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('deploy', 'configuration', 'schedule', 'data', 'action', 'other')),
  "where" text,
  who text,
  link text,
  at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL
);
CREATE INDEX change_mark_at ON reinstate.change_mark (at);

GRANT SELECT, INSERT, UPDATE ON reinstate.detector_state, reinstate.finding TO reinstate_runtime;
GRANT SELECT, INSERT ON reinstate.finding_entry, reinstate.change_mark TO reinstate_runtime;
`;
