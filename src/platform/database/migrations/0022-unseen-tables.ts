import { SqlMigration } from './sql-migration.js';

/** Mapped tables that a shop does not publish, so that its stream can go on without them. */
export class UnseenTables1700000000022 extends SqlMigration {
  readonly name = 'UnseenTables1700000000022';
  readonly sql = sql;
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
