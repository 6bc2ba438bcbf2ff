import { SqlMigration } from './sql-migration.js';

/** An incident's newest cancellations, asked for before each order of a restore run. */
export class CaseCancellations1700000000017 extends SqlMigration {
  readonly name = 'CaseCancellations1700000000017';
  readonly sql = sql;
}

const sql = `
CREATE INDEX incident_case_cancelled ON reinstate.incident_case (incident_id, cancel_position);
`;
