import { SqlMigration } from './sql-migration.js';

/** Row images from before changes were lost at the source, to be compared with the snapshot that follows. */
export class StaleRowImage1700000000011 extends SqlMigration {
  readonly name = 'StaleRowImage1700000000011';
  readonly sql = sql;
}

const sql = `
-- True while a snapshot after a gap has not reached the row: what it was when changes were last seen.
ALTER TABLE reinstate.row_image ADD COLUMN stale boolean NOT NULL DEFAULT false;
CREATE INDEX row_image_stale ON reinstate.row_image (shop_id) WHERE stale;
`;
