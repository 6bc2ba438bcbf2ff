import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The journal's cancellations, asked for before each order of a restore run. */
export class JournalCancellations1700000000019 implements MigrationInterface {
  readonly name = 'JournalCancellations1700000000019';

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
CREATE INDEX journal_entry_cancelled ON reinstate.journal_entry (shop_id, position)
  WHERE 'cancelled' = ANY (kinds) AND marker IS NULL;
`;
