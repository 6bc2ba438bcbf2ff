import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What took lines away from orders: looked through where an incident looks for orders that are like its own. */
export class JournalLines1700000000032 implements MigrationInterface {
  readonly name = 'JournalLines1700000000032';

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
CREATE INDEX journal_entry_line_cancelled ON reinstate.journal_entry (shop_id, position)
  WHERE 'line-cancelled' = ANY (kinds) AND marker IS NULL;
`;
