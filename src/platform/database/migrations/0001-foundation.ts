import { SqlMigration } from './sql-migration.js';

/** The append-only guard and the leases of background work. */
export class Foundation1700000000001 extends SqlMigration {
  readonly name = 'Foundation1700000000001';
  readonly sql = sql;
}

const sql = `

GRANT USAGE ON SCHEMA reinstate TO reinstate_runtime;

CREATE FUNCTION reinstate.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;

-- One row per piece of background work: who does it now. The epoch grows with each takeover.
CREATE TABLE reinstate.work_lease (
  name text PRIMARY KEY,
  owner text NOT NULL,
  epoch bigint NOT NULL,
  expires_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON reinstate.work_lease TO reinstate_runtime;
`;
