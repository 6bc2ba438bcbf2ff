import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What a plan relies on beside what it writes. */
export class RestoreExpectations1700000000016 implements MigrationInterface {
  readonly name = 'RestoreExpectations1700000000016';

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
-- How the order's own rows must still stand. Plans from before have none, and so another hash than the one they
-- were approved by: they are to be proposed again.
ALTER TABLE reinstate.restore_plan_item ADD COLUMN expect jsonb NOT NULL DEFAULT '[]';
ALTER TABLE reinstate.restore_plan_item ALTER COLUMN expect DROP DEFAULT;
`;
