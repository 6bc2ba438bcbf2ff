import { SHOP_TABLES } from './schema.js';

/**
 * The sample shop's own audit, apart from its order data: every row change of every shop table with
 * the login that made it, and the generator's ledger of what it meant to do. Both serve the proof.
 *
 * - `role` is session_user: SET ROLE or a SECURITY DEFINER function cannot hide the login.
 * - `key` holds the primary key's columns joined by '/', in the key's order.
 * - Row images are rendered in UTC whatever the session says, so that they compare as they stand.
 */
export const AUDIT_SCHEMA_SQL = `
CREATE SCHEMA audit;

CREATE TABLE audit.write_log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  role text NOT NULL,
  transaction_id xid8 NOT NULL,
  table_name text NOT NULL,
  key text NOT NULL,
  operation text NOT NULL CHECK (operation IN ('INSERT', 'UPDATE', 'DELETE')),
  at timestamptz NOT NULL,
  row_before jsonb,
  row_after jsonb
);

CREATE TABLE audit.generator_ledger (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
  action text NOT NULL,
  order_id bigint,
  order_number text,
  changes jsonb NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX generator_ledger_by_action ON audit.generator_ledger (action);

CREATE FUNCTION audit.log_write() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET TimeZone = 'UTC' AS $function$
DECLARE
  before_image jsonb := CASE WHEN TG_OP = 'INSERT' THEN NULL ELSE to_jsonb(OLD) END;
  after_image jsonb := CASE WHEN TG_OP = 'DELETE' THEN NULL ELSE to_jsonb(NEW) END;
BEGIN
  INSERT INTO audit.write_log
    (role, transaction_id, table_name, key, operation, at, row_before, row_after)
  SELECT session_user, pg_current_xact_id(), TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME,
    (SELECT string_agg(coalesce(after_image, before_image) ->> name, '/' ORDER BY place)
       FROM unnest(TG_ARGV) WITH ORDINALITY AS columns (name, place)),
    TG_OP, clock_timestamp(), before_image, after_image;
  RETURN NULL;
END
$function$;

CREATE FUNCTION audit.refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
  RAISE EXCEPTION 'table %.% is never emptied', TG_TABLE_SCHEMA, TG_TABLE_NAME;
END
$function$;

${SHOP_TABLES.map(auditTriggers).join('\n')}
`;

function auditTriggers(table: string): string {
  const keyColumns = table === 'stock' ? `'product_id', 'warehouse'` : `'id'`;
  return `
CREATE TRIGGER ${table}_write_log AFTER INSERT OR UPDATE OR DELETE ON shop.${table}
  FOR EACH ROW EXECUTE FUNCTION audit.log_write(${keyColumns});
CREATE TRIGGER ${table}_no_truncate BEFORE TRUNCATE ON shop.${table}
  FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_truncate();`;
}
