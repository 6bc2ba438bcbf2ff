import { SqlMigration } from './sql-migration.js';

/** Runs of runbooks, each pinned to its text, and their steps. */
export class Runbooks1700000000027 extends SqlMigration {
  readonly name = 'Runbooks1700000000027';
  readonly sql = sql;
}

const sql = `
CREATE TABLE reinstate.runbook_run (
  id uuid PRIMARY KEY,
  number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  incident_id uuid NOT NULL REFERENCES reinstate.incident,
  shop_id text NOT NULL REFERENCES reinstate.shop,
  -- the alert's name, which is the file's
  runbook text NOT NULL CHECK (runbook <> ''),
  -- as it was when the run started, and its SHA-256 as hex
  text text NOT NULL,
  text_hash text NOT NULL,
  dry_run boolean NOT NULL,
  -- step -> answer, for a dry run
  assumptions jsonb NOT NULL,
  state text NOT NULL CHECK (state IN ('running', 'paused', 'stopped', 'finished', 'aborted')),
  started_by uuid NOT NULL REFERENCES reinstate.person,
  started_at timestamptz NOT NULL,
  -- who started or last resumed it: its steps are done for this person, by this token
  acts_for uuid NOT NULL REFERENCES reinstate.person,
  token_id uuid NOT NULL REFERENCES reinstate.access_token,
  ended_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  CHECK ((state IN ('finished', 'aborted')) = (ended_at IS NOT NULL))
);
CREATE INDEX runbook_run_incident ON reinstate.runbook_run (incident_id, number);
CREATE INDEX runbook_run_running ON reinstate.runbook_run (id) WHERE state = 'running';
-- Two runs of one runbook would propose each other's plans away.
CREATE UNIQUE INDEX runbook_run_open ON reinstate.runbook_run (incident_id, runbook)
  WHERE state IN ('running', 'paused', 'stopped') AND NOT dry_run;

-- A run is pinned to its text.
CREATE FUNCTION reinstate.keep_runbook_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.id, NEW.incident_id, NEW.shop_id, NEW.runbook, NEW.text, NEW.text_hash, NEW.dry_run, NEW.assumptions, NEW.started_by)
     IS DISTINCT FROM (OLD.id, OLD.incident_id, OLD.shop_id, OLD.runbook, OLD.text, OLD.text_hash, OLD.dry_run, OLD.assumptions, OLD.started_by)
  THEN RAISE EXCEPTION 'a runbook run never changes its text' USING ERRCODE = 'insufficient_privilege'; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER runbook_run_keep BEFORE UPDATE ON reinstate.runbook_run
  FOR EACH ROW EXECUTE FUNCTION reinstate.keep_runbook_run();
CREATE TRIGGER runbook_run_no_delete BEFORE DELETE OR TRUNCATE ON reinstate.runbook_run
  FOR EACH STATEMENT EXECUTE FUNCTION reinstate.refuse_change();
GRANT SELECT, INSERT, UPDATE ON reinstate.runbook_run TO reinstate_runtime;

CREATE TABLE reinstate.runbook_step (
  id uuid PRIMARY KEY,
  run_id uuid NOT NULL REFERENCES reinstate.runbook_run,
  sequence integer NOT NULL,
  name text NOT NULL CHECK (name <> ''),
  -- as it was written, with its defaults
  definition jsonb NOT NULL,
  state text NOT NULL CHECK (state IN ('pending', 'begun', 'done', 'failed', 'skipped')),
  -- what the step's effect is done under, once; a new one when the step is to be done anew
  key uuid NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  waits_for text CHECK (waits_for IN ('answer', 'approval', 'time', 'quiet', 'restore-run', 'retry')),
  next_look_at timestamptz,
  reason text,
  words text,
  evidence jsonb,
  -- what later steps go by: an answer, a plan, a restore run
  result jsonb,
  begun_at timestamptz,
  ended_at timestamptz,
  UNIQUE (run_id, sequence),
  UNIQUE (run_id, name),
  CHECK ((state IN ('done', 'failed', 'skipped')) = (ended_at IS NOT NULL)),
  CHECK (state <> 'begun' OR begun_at IS NOT NULL),
  CHECK (state = 'begun' OR waits_for IS NULL),
  CHECK ((state = 'failed') = (reason IS NOT NULL))
);
GRANT SELECT, INSERT, UPDATE ON reinstate.runbook_step TO reinstate_runtime;
`;
