import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Mapped tables that a shop does not publish, so that its stream can go on without them. */
export class UnseenTables1700000000022 implements MigrationInterface {
  readonly name = 'UnseenTables1700000000022';

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
  -- mapped tables that were not published for a time, and whose images were not read anew since:
  -- "lost" where their rows were known before, "new" where they were not
  ADD COLUMN unseen_tables jsonb NOT NULL DEFAULT '{}',
  -- when the publication was last seen to hold every mapped table
  ADD COLUMN published_at timestamptz,
  -- what told each table's place in the publication from an earlier one, when it was last looked at
  ADD COLUMN publication_members jsonb NOT NULL DEFAULT '{}';
`;
