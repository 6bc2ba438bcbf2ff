import { SqlMigration } from './sql-migration.js';

/** What signals of Reinstate's own are made of: orders counted, and when the shop committed what is told. */
export class Signals1700000000030 extends SqlMigration {
  readonly name = 'Signals1700000000030';
  readonly sql = sql;
}

const sql = `
-- Orders counted as they are journalled and judged, in the same transactions: nothing is counted twice, a
-- restart forgets nothing, and nobody has to read the journal to know. Begins at 0 with this version.
CREATE TABLE reinstate.order_tally (
  shop_id text NOT NULL REFERENCES reinstate.shop,
  what text NOT NULL CHECK (what IN ('placed', 'cancelled', 'wrongful', 'intended', 'unsure')),
  actor_kind text NOT NULL CHECK (actor_kind IN ('customer', 'staff', 'job', 'api', 'unknown')),
  orders bigint NOT NULL,
  PRIMARY KEY (shop_id, what, actor_kind)
);

ALTER TABLE reinstate.finding
  -- when the shop committed the order change that made the finding; null where time alone made it
  ADD COLUMN committed_at timestamptz;

ALTER TABLE reinstate.page
  -- when the shop committed what this page is the first to tell of; null for others
  ADD COLUMN committed_at timestamptz;

GRANT SELECT, INSERT, UPDATE ON reinstate.order_tally TO reinstate_runtime;
`;
