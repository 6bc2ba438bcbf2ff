import type { MigrationInterface, QueryRunner } from 'typeorm';

/** An incident's newest cancellations, asked for before each order of a restore run. */
export class CaseCancellations1700000000017 implements MigrationInterface {
  readonly name = 'CaseCancellations1700000000017';

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
CREATE INDEX incident_case_cancelled ON reinstate.incident_case (incident_id, cancel_position);
`;
