import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What tells a shop's publication from one of the same name that was made later. */
export class PublicationOid1700000000023 implements MigrationInterface {
  readonly name = 'PublicationOid1700000000023';

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
ALTER TABLE reinstate.replication_stream
  -- of the publication when it was last looked at; null until then
  ADD COLUMN publication_oid text;
`;
