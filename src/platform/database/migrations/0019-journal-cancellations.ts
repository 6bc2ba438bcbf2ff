import { SqlMigration } from './sql-migration.js';

/** The journal's cancellations, asked for before each order of a restore run. */
export class JournalCancellations1700000000019 extends SqlMigration {
  readonly name = 'JournalCancellations1700000000019';
  readonly sql = sql;
}

const sql = `
CREATE INDEX journal_entry_cancelled ON reinstate.journal_entry (shop_id, position)
  WHERE 'cancelled' = ANY (kinds) AND marker IS NULL;
`;
