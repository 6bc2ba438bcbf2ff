import { SqlMigration } from './sql-migration.js';

/** Orders that are like an incident's wrongful cases, and that no finding names. */
export class AlikeOrders1700000000020 extends SqlMigration {
  readonly name = 'AlikeOrders1700000000020';
  readonly sql = sql;
}

const sql = `
ALTER TABLE reinstate.incident
  ADD COLUMN harms_due boolean NOT NULL DEFAULT true,
  ADD COLUMN harm_search jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN alike_position bigint;
`;
