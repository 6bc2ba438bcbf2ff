import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A migration that is one text of SQL. Migrations go forward only: going back is restoring a backup. */
export abstract class SqlMigration implements MigrationInterface {
  abstract readonly name: string;
  abstract readonly sql: string;

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(this.sql);
  }

  down(): Promise<void> {
    return Promise.reject(
      new Error('migrations of Reinstate are not reversible; restore a backup instead'),
    );
  }
}
