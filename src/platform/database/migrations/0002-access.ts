import { SqlMigration } from './sql-migration.js';

/** Persons, their tokens, the audit, and answers to repeated requests. */
export class Access1700000000002 extends SqlMigration {
  readonly name = 'Access1700000000002';
  readonly sql = sql;
}

const sql = `
CREATE TABLE reinstate.person (
  id uuid PRIMARY KEY,
  name text NOT NULL UNIQUE CHECK (name <> ''),
  email text,
  kind text NOT NULL CHECK (kind IN ('person', 'service')),
  created_at timestamptz NOT NULL,
  disabled_at timestamptz
);

CREATE TABLE reinstate.access_token (
  id uuid PRIMARY KEY,
  person_id uuid NOT NULL REFERENCES reinstate.person,
  role text NOT NULL CHECK (role IN ('viewer', 'responder', 'approver', 'admin', 'ingest', 'metrics')),
  label text NOT NULL,
  secret_hash bytea NOT NULL UNIQUE,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  last_used_at timestamptz,
  CHECK (expires_at > created_at)
);

CREATE TABLE reinstate.audit_entry (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL,
  person_id uuid REFERENCES reinstate.person,
  token_id uuid,
  action text NOT NULL,
  subject_kind text NOT NULL,
  subject_id text NOT NULL,
  data jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_entry_subject ON reinstate.audit_entry (subject_kind, subject_id, id);
CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reinstate.audit_entry
  FOR EACH STATEMENT EXECUTE FUNCTION reinstate.refuse_change();

-- What a request that starts something was answered, so that its repetition is answered alike.
CREATE TABLE reinstate.idempotency_key (
  person_id uuid NOT NULL REFERENCES reinstate.person,
  key text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
  request text NOT NULL,
  request_hash bytea NOT NULL,
  status integer,
  answer jsonb,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (person_id, key)
);

GRANT SELECT, INSERT, UPDATE ON reinstate.person, reinstate.access_token TO reinstate_runtime;
GRANT SELECT, INSERT, UPDATE, DELETE ON reinstate.idempotency_key TO reinstate_runtime;
GRANT SELECT, INSERT ON reinstate.audit_entry TO reinstate_runtime;
`;
