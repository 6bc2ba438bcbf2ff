import { SqlMigration } from './sql-migration.js';

/** Restore plans, approvals, runs and attempts. */
export class Restore1700000000009 extends SqlMigration {
  readonly name = 'Restore1700000000009';
  readonly sql = sql;
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
  version integer NOT NULL DEFAULT 1,
  CHECK ((action = 'undo') = (undoes_run_id IS NOT NULL))
);
CREATE INDEX restore_plan_incident ON reinstate.restore_plan (incident_id, number);
CREATE INDEX restore_plan_expiry ON reinstate.restore_plan (expires_at) WHERE state IN ('proposed', 'approved');
-- What is planned does not change: only a plan's state does.
CREATE FUNCTION reinstate.keep_plan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.id, NEW.incident_id, NEW.shop_id, NEW.action, NEW.hash, NEW.approvals_needed, NEW.requested_by)
     IS DISTINCT FROM (OLD.id, OLD.incident_id, OLD.shop_id, OLD.action, OLD.hash, OLD.approvals_needed, OLD.requested_by)
  THEN RAISE EXCEPTION 'a restore plan never changes' USING ERRCODE = 'insufficient_privilege'; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER restore_plan_keep BEFORE UPDATE ON reinstate.restore_plan FOR EACH ROW EXECUTE FUNCTION reinstate.keep_plan();
CREATE TRIGGER restore_plan_no_delete BEFORE DELETE OR TRUNCATE ON reinstate.restore_plan
  FOR EACH STATEMENT EXECUTE FUNCTION reinstate.refuse_change();

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
  UNIQUE (plan_id, sequence),
  CHECK ((disposition = 'person') = (reason IS NOT NULL)),
  CHECK (disposition = 'person' OR (expected_status IS NOT NULL AND jsonb_array_length(changes) > 0))
);

CREATE TRIGGER restore_plan_item_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reinstate.restore_plan_item
  FOR EACH STATEMENT EXECUTE FUNCTION reinstate.refuse_change();

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
CREATE TRIGGER restore_approval_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reinstate.restore_approval
  FOR EACH STATEMENT EXECUTE FUNCTION reinstate.refuse_change();

CREATE TABLE reinstate.restore_run (
  id uuid PRIMARY KEY,
  plan_id uuid NOT NULL UNIQUE REFERENCES reinstate.restore_plan,
  incident_id uuid NOT NULL REFERENCES reinstate.incident,
  shop_id text NOT NULL REFERENCES reinstate.shop,
  action text NOT NULL CHECK (action IN ('restore', 'undo')),
  plan_hash text NOT NULL,
  state text NOT NULL CHECK (state IN ('running', 'paused', 'stopped', 'finished')),
  -- canary stages: 0 is the first order, 1 the next ten, 2 the rest
  stage integer NOT NULL DEFAULT 0,
  stop_reason text,
  limits jsonb NOT NULL,
  started_by uuid NOT NULL REFERENCES reinstate.person,
  started_at timestamptz NOT NULL,
  ended_at timestamptz,
  -- the plan's SQL was run in the shop's database by a person, and recognised by its markers
  by_hand boolean NOT NULL DEFAULT false,
  -- why a person started it although matching cancellations still came
  bleeding_override text CHECK (bleeding_override <> ''),
  -- the shop's journal position up to which cancellations were known when it was started or resumed
  bleed_position bigint NOT NULL,
  -- attempts up to this one do not count for the limits: it was resumed after them
  counted_from bigint NOT NULL DEFAULT 0,
  version integer NOT NULL DEFAULT 1,
  CHECK ((state IN ('stopped', 'finished')) = (ended_at IS NOT NULL))
);
CREATE INDEX restore_run_active ON reinstate.restore_run (shop_id) WHERE state IN ('running', 'paused');
CREATE INDEX restore_run_incident ON reinstate.restore_run (incident_id, started_at);

CREATE TABLE reinstate.restore_run_item (
  id uuid PRIMARY KEY,
  run_id uuid NOT NULL REFERENCES reinstate.restore_run,
  plan_item_id uuid NOT NULL REFERENCES reinstate.restore_plan_item,
  case_id uuid NOT NULL REFERENCES reinstate.incident_case,
  shop_id text NOT NULL REFERENCES reinstate.shop,
  action text NOT NULL CHECK (action IN ('restore', 'undo')),
  order_id text NOT NULL,
  order_number text,
  -- the journal entry that cancelled the order (or, for an undo, that restored it)
  span_position bigint NOT NULL,
  sequence integer NOT NULL,
  stage integer NOT NULL,
  state text NOT NULL CHECK (state IN
    ('pending', 'attempting', 'unknown', 'applied', 'verified', 'refused', 'failed', 'undone')),
  reason text,
  detail text,
  attempts integer NOT NULL DEFAULT 0,
  -- a failing item is tried so often; raised by a retry
  attempts_max integer NOT NULL,
  next_attempt_at timestamptz,
  -- noted inside the shop's transaction just before its commit
  transaction_id bigint,
  incarnation text,
  applied_at timestamptz,
  -- the journal position at which our own stream brought the restore back, and what it showed beside the plan
  echo_position bigint,
  echo_difference text,
  verified_at timestamptz,
  -- the first entry of the order after its restore
  changed_position bigint,
  updated_at timestamptz NOT NULL,
  UNIQUE (run_id, plan_item_id),
  CHECK ((state = 'verified') <= (verified_at IS NOT NULL))
);
CREATE INDEX restore_run_item_due ON reinstate.restore_run_item (run_id, state, sequence);
CREATE INDEX restore_run_item_order ON reinstate.restore_run_item (shop_id, order_id);
CREATE INDEX restore_run_item_plan_item ON reinstate.restore_run_item (plan_item_id);
-- Exactly once: of all runs of all plans of all incidents, one restore of a cancellation (and one undo of a
-- restore) may be under way or done. One that was written and then found to differ counts as done.
CREATE UNIQUE INDEX restore_once ON reinstate.restore_run_item (shop_id, order_id, action, span_position)
  WHERE state IN ('attempting', 'unknown', 'applied', 'verified') OR (state = 'failed' AND applied_at IS NOT NULL);

-- What happened at each attempt, in order; rows are never changed.
CREATE TABLE reinstate.restore_attempt (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_item_id uuid NOT NULL REFERENCES reinstate.restore_run_item,
  attempt integer NOT NULL,
  at timestamptz NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('started', 'applied', 'refused', 'failed', 'retry', 'unknown', 'not-applied')),
  reason text,
  detail text,
  transaction_id bigint
);
CREATE INDEX restore_attempt_item ON reinstate.restore_attempt (run_item_id, id);
-- An attempt is begun once: written down before the shop is touched.
CREATE UNIQUE INDEX restore_attempt_started ON reinstate.restore_attempt (run_item_id, attempt) WHERE outcome = 'started';
CREATE TRIGGER restore_attempt_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reinstate.restore_attempt
  FOR EACH STATEMENT EXECUTE FUNCTION reinstate.refuse_change();

-- How far the shop's journal was read for echoes of restores and for changes after them.
CREATE TABLE reinstate.restore_cursor (
  shop_id text PRIMARY KEY REFERENCES reinstate.shop,
  position bigint NOT NULL,
  updated_at timestamptz NOT NULL
);

GRANT SELECT, INSERT, UPDATE ON reinstate.restore_plan, reinstate.restore_run, reinstate.restore_run_item,
  reinstate.restore_cursor TO reinstate_runtime;
GRANT SELECT, INSERT ON reinstate.restore_plan_item, reinstate.restore_approval, reinstate.restore_attempt TO reinstate_runtime;
`;
