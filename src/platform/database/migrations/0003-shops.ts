import { SqlMigration } from './sql-migration.js';

/** The shops that are watched. */
export class Shops1700000000003 extends SqlMigration {
  readonly name = 'Shops1700000000003';
  readonly sql = sql;
}

const sql = `
CREATE TABLE reinstate.shop (
  id text PRIMARY KEY CHECK (id ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  name text NOT NULL,
  profile_name text NOT NULL,
  profile_hash text NOT NULL,
  -- position of the newest journal entry; raised under this row's lock at the end of each append
  journal_head bigint NOT NULL DEFAULT 0,
  -- nothing is written to the shop unless armed
  armed_at timestamptz,
  armed_by uuid REFERENCES reinstate.person,
  -- the kill switch: no restore starts or goes on while set
  stopped_at timestamptz,
  stopped_by uuid REFERENCES reinstate.person,
  stop_reason text,
  created_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON reinstate.shop TO reinstate_runtime;
`;
