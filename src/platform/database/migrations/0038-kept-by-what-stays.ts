import { SqlMigration } from './sql-migration.js';

/** Shops and persons stay for ever, so that rows that come by the thousand need not look for theirs each time. */
export class KeptByWhatStays1700000000038 extends SqlMigration {
  readonly name = 'KeptByWhatStays1700000000038';
  readonly sql = sql;
}

const sql = `
CREATE FUNCTION reinstate.refuse_removal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is referred to for ever: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER shop_stays BEFORE DELETE OR TRUNCATE OR UPDATE OF id ON reinstate.shop
  FOR EACH STATEMENT EXECUTE FUNCTION reinstate.refuse_removal();
CREATE TRIGGER person_stays BEFORE DELETE OR UPDATE OF id ON reinstate.person
  FOR EACH STATEMENT EXECUTE FUNCTION reinstate.refuse_removal();

-- Whoever writes these holds the lock of a row that names the shop: its own row, or that of a stream of its events.
ALTER TABLE reinstate.journal_entry DROP CONSTRAINT IF EXISTS journal_entry_shop_id_fkey;
ALTER TABLE reinstate.row_image DROP CONSTRAINT IF EXISTS row_image_shop_id_fkey;
ALTER TABLE reinstate.personal_key DROP CONSTRAINT IF EXISTS personal_key_shop_id_fkey;
ALTER TABLE reinstate.order_event_key
  DROP CONSTRAINT IF EXISTS order_event_key_shop_id_fkey,
  DROP CONSTRAINT IF EXISTS order_event_key_told_by_fkey;
`;
