import { SqlMigration } from './sql-migration.js';

/** What took lines away from orders: looked through where an incident looks for orders that are like its own. */
export class JournalLines1700000000032 extends SqlMigration {
  readonly name = 'JournalLines1700000000032';
  readonly sql = sql;
}

const sql = `
CREATE INDEX journal_entry_line_cancelled ON reinstate.journal_entry (shop_id, position)
  WHERE 'line-cancelled' = ANY (kinds) AND marker IS NULL;
`;
