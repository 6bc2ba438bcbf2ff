import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What restored orders come to, summed up at each scrape. */
export class MoneyRecovered1700000000028 implements MigrationInterface {
  readonly name = 'MoneyRecovered1700000000028';

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
CREATE INDEX incident_case_restored ON reinstate.incident_case (shop_id, currency, held_minor)
  WHERE state = 'restored';
`;
