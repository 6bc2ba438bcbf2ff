import { SqlMigration } from './sql-migration.js';

/** What an incident's timeline has told of its pages, and lists of many cases. */
export class IncidentPages1700000000015 extends SqlMigration {
  readonly name = 'IncidentPages1700000000015';
  readonly sql = sql;
}

const sql = `
-- Deliveries of pages whose end stands on the incident's timeline: each is told once.
CREATE TABLE reinstate.incident_delivery (
  delivery_id uuid PRIMARY KEY REFERENCES reinstate.page_delivery,
  incident_id uuid NOT NULL REFERENCES reinstate.incident,
  told_at timestamptz NOT NULL
);
GRANT SELECT, INSERT ON reinstate.incident_delivery TO reinstate_runtime;
-- what was delivered before is old news
INSERT INTO reinstate.incident_delivery (delivery_id, incident_id, told_at)
  SELECT d.id, i.id, coalesce(d.delivered_at, p.created_at) FROM reinstate.page_delivery d
  JOIN reinstate.page p ON p.id = d.page_id JOIN reinstate.incident i ON i.id = p.incident_id
  WHERE d.state <> 'pending';

-- Cases are listed in the order in which they were added, page by page.
CREATE INDEX incident_case_listed ON reinstate.incident_case (incident_id, created_at, id);
`;
