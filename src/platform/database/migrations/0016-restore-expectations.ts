import { SqlMigration } from './sql-migration.js';

/** What a plan relies on beside what it writes. */
export class RestoreExpectations1700000000016 extends SqlMigration {
  readonly name = 'RestoreExpectations1700000000016';
  readonly sql = sql;
}

const sql = `
-- How the order's own rows must still stand. Plans from before have none, and so another hash than the one they
-- were approved by: they are to be proposed again.
ALTER TABLE reinstate.restore_plan_item ADD COLUMN expect jsonb NOT NULL DEFAULT '[]';
ALTER TABLE reinstate.restore_plan_item ALTER COLUMN expect DROP DEFAULT;
`;
