import { SqlMigration } from './sql-migration.js';

/** What restored orders come to, summed up at each scrape. */
export class MoneyRecovered1700000000028 extends SqlMigration {
  readonly name = 'MoneyRecovered1700000000028';
  readonly sql = sql;
}

const sql = `
CREATE INDEX incident_case_restored ON reinstate.incident_case (shop_id, currency, held_minor)
  WHERE state = 'restored';
`;
