import { SqlMigration } from './sql-migration.js';

/** Incidents, cases, timelines and announcements. */
export class Incidents1700000000008 extends SqlMigration {
  readonly name = 'Incidents1700000000008';
  readonly sql = sql;
}

const sql = `
CREATE TABLE reinstate.incident (
  id uuid PRIMARY KEY,
  number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  shop_id text NOT NULL REFERENCES reinstate.shop,
  -- the alert's, or one of its own where a person declared it
  fingerprint text NOT NULL,
  -- the newest alert of all that belong to it (incident_alert)
  alert_id uuid REFERENCES reinstate.alert,
  -- the incident in one sentence
  title text NOT NULL,
  severity text NOT NULL CHECK (severity IN ('critical', 'high', 'low')),
  -- who set the severity by hand; then numbers do not change it any more
  severity_by uuid REFERENCES reinstate.person,
  status text NOT NULL CHECK (status IN ('open', 'acknowledged', 'resolved')),
  -- the last position of the shop's journal that was looked through for this incident's cases
  journal_position bigint NOT NULL DEFAULT 0,
  assignee_id uuid REFERENCES reinstate.person,
  declared_by uuid REFERENCES reinstate.person,
  declaration jsonb,
  opened_at timestamptz NOT NULL,
  acknowledged_at timestamptz,
  resolved_at timestamptz,
  -- position of the newest timeline entry; raised under this row's lock with each of them
  timeline_head bigint NOT NULL DEFAULT 0,
  version integer NOT NULL DEFAULT 1,
  CHECK ((status = 'resolved') = (resolved_at IS NOT NULL)),
  CHECK (alert_id IS NOT NULL OR declared_by IS NOT NULL),
  CHECK ((declared_by IS NULL) = (declaration IS NULL))
);
CREATE UNIQUE INDEX incident_open ON reinstate.incident (fingerprint) WHERE status <> 'resolved';
CREATE INDEX incident_shop ON reinstate.incident (shop_id, opened_at);

-- The alerts that an incident is about; an alert belongs to one incident.
CREATE TABLE reinstate.incident_alert (
  alert_id uuid PRIMARY KEY REFERENCES reinstate.alert,
  incident_id uuid NOT NULL REFERENCES reinstate.incident,
  -- the version of the alert that the incident knows of
  alert_version integer NOT NULL,
  alert_state text NOT NULL CHECK (alert_state IN ('firing', 'resolved')),
  joined_at timestamptz NOT NULL
);
CREATE INDEX incident_alert_incident ON reinstate.incident_alert (incident_id);

CREATE TABLE reinstate.incident_case (
  id uuid PRIMARY KEY,
  incident_id uuid NOT NULL REFERENCES reinstate.incident,
  shop_id text NOT NULL REFERENCES reinstate.shop,
  order_id text NOT NULL,
  order_number text,
  state text NOT NULL CHECK (state IN ('open', 'planned', 'restoring', 'unknown', 'restored', 'person', 'closed')),
  verdict text NOT NULL CHECK (verdict IN ('wrongful', 'intended', 'unsure')),
  reasons jsonb NOT NULL,
  -- who gave the verdict by hand; then it is not judged again
  verdict_by uuid REFERENCES reinstate.person,
  -- what the verdict was judged by: the order's own signs, and what the other cases have in common with it
  facts jsonb,
  company jsonb,
  -- more may still be written about the cancellation until then
  settles_at timestamptz,
  -- the order's journal has to be read again: nobody looked while the case was not to be judged
  unread boolean NOT NULL DEFAULT false,
  -- 'journal' where the cancellation stands in the journal, 'none' for orders hit before the attach
  evidence text NOT NULL CHECK (evidence IN ('journal', 'none')),
  cancel_position bigint,
  cancelled_at timestamptz,
  actor_kind text NOT NULL DEFAULT 'unknown' CHECK (actor_kind IN ('customer', 'staff', 'job', 'api', 'unknown')),
  actor text,
  cancel_reason text,
  customer_id text,
  total_minor bigint,
  -- money that the shop holds of this order
  held_minor bigint,
  currency text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  version integer NOT NULL DEFAULT 1,
  UNIQUE (incident_id, order_id)
);
CREATE INDEX incident_case_order ON reinstate.incident_case (shop_id, order_id);
CREATE INDEX incident_case_number ON reinstate.incident_case (shop_id, order_number);
CREATE INDEX incident_case_settles ON reinstate.incident_case (incident_id, settles_at) WHERE settles_at IS NOT NULL;
CREATE INDEX incident_case_unread ON reinstate.incident_case (incident_id) WHERE unread;

CREATE TABLE reinstate.timeline_entry (
  incident_id uuid NOT NULL REFERENCES reinstate.incident,
  position bigint NOT NULL,
  at timestamptz NOT NULL,
  type text NOT NULL,
  case_id uuid REFERENCES reinstate.incident_case,
  -- null where Reinstate itself did it
  person_id uuid REFERENCES reinstate.person,
  data jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (incident_id, position)
);
CREATE TRIGGER timeline_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reinstate.timeline_entry
  FOR EACH STATEMENT EXECUTE FUNCTION reinstate.refuse_change();

-- A bulk cancel that was announced beforehand: cancellations within it are intended.
CREATE TABLE reinstate.announcement (
  id uuid PRIMARY KEY,
  shop_id text NOT NULL REFERENCES reinstate.shop,
  filter jsonb NOT NULL,
  starts_at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL,
  greatest_count integer NOT NULL CHECK (greatest_count > 0),
  reason text NOT NULL CHECK (reason <> ''),
  announced_by uuid NOT NULL REFERENCES reinstate.person,
  created_at timestamptz NOT NULL,
  withdrawn_at timestamptz,
  withdrawn_by uuid REFERENCES reinstate.person,
  CHECK (ends_at > starts_at),
  CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL))
);
CREATE INDEX announcement_shop ON reinstate.announcement (shop_id, starts_at);

GRANT SELECT, INSERT, UPDATE ON reinstate.incident, reinstate.incident_alert, reinstate.incident_case,
  reinstate.announcement TO reinstate_runtime;
GRANT SELECT, INSERT ON reinstate.timeline_entry TO reinstate_runtime;
`;
