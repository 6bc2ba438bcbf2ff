import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Restore plans, approvals, runs and attempts. */
export class Restore1700000000009 implements MigrationInterface {
  readonly name = 'Restore1700000000009';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(sql);
  }

  /** Migrations go forward only: going back is restoring a backup. */
  down(): Promise<void> {
    return Promise.reject(
      new Error('migrations of Reinstate are not reversible; restore a backup instead'),
    );
  }
}

const sql = `
CREATE TABLE reinstate.restore_plan (
  id uuid PRIMARY KEY,
  number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  incident_id uuid NOT NULL REFERENCES reinstate.incident,
  shop_id text NOT NULL REFERENCES reinstate.shop,
  action text NOT NULL CHECK (action IN ('restore', 'undo')),
  -- the run that an undo plan takes back
  undoes_run_id uuid,
  state text NOT NULL CHECK (state IN ('proposed', 'approved', 'rejected', 'expired', 'superseded', 'run')),
  -- SHA-256 over the canonical form of all items: what an approval is bound to
  hash text NOT NULL,
  approvals_needed integer NOT NULL CHECK (approvals_needed BETWEEN 0 AND 5),
  requested_by uuid NOT NULL REFERENCES reinstate.person,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  version integer NOT NULL DEFAULT 1
);

CREATE TABLE reinstate.restore_plan_item (
  id uuid PRIMARY KEY,
  plan_id uuid NOT NULL REFERENCES reinstate.restore_plan,
  case_id uuid NOT NULL REFERENCES reinstate.incident_case,
  order_id text NOT NULL,
  order_number text,
  sequence integer NOT NULL,
  disposition text NOT NULL CHECK (disposition IN ('reopen', 'person')),
  -- from the closed list of refusals, where a person has to decide
  reason text,
  detail text,
  expected_status text,
  changes jsonb NOT NULL,
  -- the order before its cancellation and as it stands now, for people
  before jsonb,
  source jsonb NOT NULL,
  risks jsonb NOT NULL,
  UNIQUE (plan_id, order_id),
  CHECK ((disposition = 'person') = (reason IS NOT NULL))
);

CREATE TABLE reinstate.restore_approval (
  id uuid PRIMARY KEY,
  plan_id uuid NOT NULL REFERENCES reinstate.restore_plan,
  plan_hash text NOT NULL,
  person_id uuid NOT NULL REFERENCES reinstate.person,
  decision text NOT NULL CHECK (decision IN ('approved', 'rejected')),
  break_glass boolean NOT NULL DEFAULT false,
  reason text,
  at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  -- one person, one vote, however many tokens
  UNIQUE (plan_id, person_id),
  CHECK (NOT break_glass OR reason <> '')
);

CREATE TABLE reinstate.restore_run (
  id uuid PRIMARY KEY,
  plan_id uuid NOT NULL UNIQUE REFERENCES reinstate.restore_plan,
  incident_id uuid NOT NULL REFERENCES reinstate.incident,
  shop_id text NOT NULL REFERENCES reinstate.shop,
  plan_hash text NOT NULL,
  state text NOT NULL CHECK (state IN ('running', 'paused', 'stopped', 'finished')),
  -- canary stages: 0 is the first order, 1 the next ten, 2 the rest
  stage integer NOT NULL DEFAULT 0,
  stop_reason text,
  limits jsonb NOT NULL,
  started_by uuid NOT NULL REFERENCES reinstate.person,
  started_at timestamptz NOT NULL,
  ended_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  CHECK ((state IN ('stopped', 'finished')) = (ended_at IS NOT NULL))
);

CREATE TABLE reinstate.restore_run_item (
  id uuid PRIMARY KEY,
  run_id uuid NOT NULL REFERENCES reinstate.restore_run,
  plan_item_id uuid NOT NULL REFERENCES reinstate.restore_plan_item,
  case_id uuid NOT NULL REFERENCES reinstate.incident_case,
  action text NOT NULL CHECK (action IN ('restore', 'undo')),
  order_id text NOT NULL,
  sequence integer NOT NULL,
  stage integer NOT NULL,
  state text NOT NULL CHECK (state IN
    ('pending', 'attempting', 'unknown', 'applied', 'verified', 'refused', 'failed', 'undone')),
  reason text,
  detail text,
  attempts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz,
  -- noted inside the shop's transaction just before its commit
  transaction_id bigint,
  incarnation text,
  applied_at timestamptz,
  -- the journal position at which our own stream brought the restore back
  echo_position bigint,
  verified_at timestamptz,
  updated_at timestamptz NOT NULL,
  UNIQUE (run_id, plan_item_id)
);
CREATE INDEX restore_run_item_due ON reinstate.restore_run_item (run_id, state, sequence);
-- Exactly once: of all runs of all plans, one restore of a case may be under way or done.
CREATE UNIQUE INDEX restore_once ON reinstate.restore_run_item (case_id)
  WHERE action = 'restore' AND state IN ('attempting', 'unknown', 'applied', 'verified');

-- Every attempt leaves a row that is never changed.
CREATE TABLE reinstate.restore_attempt (
  run_item_id uuid NOT NULL REFERENCES reinstate.restore_run_item,
  attempt integer NOT NULL,
  at timestamptz NOT NULL,
  outcome text NOT NULL,
  reason text,
  detail text,
  transaction_id bigint,
  PRIMARY KEY (run_item_id, attempt)
);
CREATE TRIGGER restore_attempt_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reinstate.restore_attempt
  FOR EACH STATEMENT EXECUTE FUNCTION reinstate.refuse_change();

GRANT SELECT, INSERT, UPDATE ON reinstate.restore_plan, reinstate.restore_run, reinstate.restore_run_item TO reinstate_runtime;
GRANT SELECT, INSERT ON reinstate.restore_plan_item, reinstate.restore_approval, reinstate.restore_attempt TO reinstate_runtime;
`;
