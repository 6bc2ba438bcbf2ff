import { SqlMigration } from './sql-migration.js';

/** A case keeps the shop's own trace of its cancellation: each line of the log names it, and need not ask the journal. */
export class CaseTraces1700000000040 extends SqlMigration {
  readonly name = 'CaseTraces1700000000040';
  readonly sql = sql;
}

const sql = `
ALTER TABLE reinstate.incident_case ADD COLUMN traceparent text;
UPDATE reinstate.incident_case c SET traceparent = e.traceparent
FROM reinstate.journal_entry e
WHERE e.shop_id = c.shop_id AND e.position = c.cancel_position AND e.traceparent IS NOT NULL;
`;
