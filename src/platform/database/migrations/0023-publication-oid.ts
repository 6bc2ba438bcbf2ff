import { SqlMigration } from './sql-migration.js';

/** What tells a shop's publication from one of the same name that was made later. */
export class PublicationOid1700000000023 extends SqlMigration {
  readonly name = 'PublicationOid1700000000023';
  readonly sql = sql;
}

const sql = `
ALTER TABLE reinstate.replication_stream
  -- of the publication when it was last looked at; null until then
  ADD COLUMN publication_oid text;
`;
