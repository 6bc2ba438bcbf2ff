import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Orders that are like an incident's wrongful cases, and that no finding names. */
export class AlikeOrders1700000000020 implements MigrationInterface {
  readonly name = 'AlikeOrders1700000000020';

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
ALTER TABLE reinstate.incident
  ADD COLUMN harms_due boolean NOT NULL DEFAULT true,
  ADD COLUMN harm_search jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN alike_position bigint;
`;
