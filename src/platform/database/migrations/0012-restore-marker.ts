import { SqlMigration } from './sql-migration.js';

/** Which transaction of a shop carried the marker of which plan item. */
export class RestoreMarker1700000000012 extends SqlMigration {
  readonly name = 'RestoreMarker1700000000012';
  readonly sql = sql;
}

const sql = `
-- An item is committed once in a shop, so its marker counts once: a later transaction that carries it again
-- is somebody's copy of it.
CREATE TABLE reinstate.restore_marker (
  shop_id text NOT NULL REFERENCES reinstate.shop,
  item_id uuid NOT NULL,
  action text NOT NULL CHECK (action IN ('restore', 'undo')),
  order_id text NOT NULL CHECK (order_id <> ''),
  incarnation text NOT NULL,
  commit_lsn pg_lsn NOT NULL,
  transaction_id bigint NOT NULL,
  recorded_at timestamptz NOT NULL,
  PRIMARY KEY (shop_id, item_id)
);
CREATE TRIGGER restore_marker_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reinstate.restore_marker
  FOR EACH STATEMENT EXECUTE FUNCTION reinstate.refuse_change();
GRANT SELECT, INSERT ON reinstate.restore_marker TO reinstate_runtime;
`;
