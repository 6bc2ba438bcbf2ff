import { SqlMigration } from './sql-migration.js';

/** Order events that shops tell by HTTP: how far each shop is, and the keys of what was taken. */
export class OrderEvents1700000000024 extends SqlMigration {
  readonly name = 'OrderEvents1700000000024';
  readonly sql = sql;
}

const sql = `
-- One row per shop that tells its orders by HTTP; its lock puts the shop's requests one after the other.
CREATE TABLE reinstate.order_event_stream (
  shop_id text PRIMARY KEY REFERENCES reinstate.shop,
  -- of the newest event that was taken: what stands for a place in the shop's log
  sequence bigint NOT NULL,
  received_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON reinstate.order_event_stream TO reinstate_runtime;

-- The keys from the far end, written with the journal entry: the same event told again adds nothing.
CREATE TABLE reinstate.order_event_key (
  source text NOT NULL,
  event_id text NOT NULL,
  shop_id text NOT NULL REFERENCES reinstate.shop,
  sequence bigint NOT NULL,
  -- SHA-256 of all that the event says but its personal values
  content_hash bytea NOT NULL,
  -- whose key these were sealed under, and a hash over their keyed hashes; null where it told none
  personal_key_of text,
  personal_hash bytea,
  told_by uuid NOT NULL REFERENCES reinstate.person,
  received_at timestamptz NOT NULL,
  PRIMARY KEY (source, event_id),
  CONSTRAINT order_event_key_personal_check CHECK ((personal_key_of IS NULL) = (personal_hash IS NULL))
);
GRANT SELECT, INSERT ON reinstate.order_event_key TO reinstate_runtime;
`;
