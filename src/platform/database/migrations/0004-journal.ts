import { SqlMigration } from './sql-migration.js';

/** The append-only journal, the row images beside it and the keys of personal data. */
export class Journal1700000000004 extends SqlMigration {
  readonly name = 'Journal1700000000004';
  readonly sql = sql;
}

const sql = `
-- Partitioned by the source's commit time, so that the key from the far end can be unique.
CREATE TABLE reinstate.journal_entry (
  shop_id text NOT NULL REFERENCES reinstate.shop,
  position bigint NOT NULL,
  committed_at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL,
  incarnation text NOT NULL,
  commit_lsn pg_lsn NOT NULL,
  transaction_id bigint NOT NULL,
  -- '' where the entry belongs to no one order
  order_id text NOT NULL,
  order_number text,
  kinds text[] NOT NULL CHECK (cardinality(kinds) > 0),
  status_before text,
  status_after text,
  actor_kind text NOT NULL CHECK (actor_kind IN ('customer', 'staff', 'job', 'api', 'unknown')),
  actor text,
  reason text,
  customer_id text,
  total_minor bigint,
  currency text,
  attributes jsonb NOT NULL,
  row_changes jsonb NOT NULL,
  snapshot jsonb,
  marker jsonb,
  traceparent text,
  PRIMARY KEY (shop_id, incarnation, commit_lsn, transaction_id, order_id, committed_at)
) PARTITION BY RANGE (committed_at);
CREATE INDEX journal_entry_position ON reinstate.journal_entry (shop_id, position);
CREATE INDEX journal_entry_order ON reinstate.journal_entry (shop_id, order_id, position);
CREATE INDEX journal_entry_number ON reinstate.journal_entry (shop_id, order_number);
CREATE TABLE reinstate.journal_entry_default PARTITION OF reinstate.journal_entry DEFAULT;
CREATE TRIGGER journal_entry_append_only BEFORE UPDATE OR DELETE ON reinstate.journal_entry
  FOR EACH ROW EXECUTE FUNCTION reinstate.refuse_change();
CREATE TRIGGER journal_entry_no_truncate BEFORE TRUNCATE ON reinstate.journal_entry
  FOR EACH STATEMENT EXECUTE FUNCTION reinstate.refuse_change();
CREATE TRIGGER journal_entry_default_no_truncate BEFORE TRUNCATE ON reinstate.journal_entry_default
  FOR EACH STATEMENT EXECUTE FUNCTION reinstate.refuse_change();

-- Makes the partition of the month that holds the given moment; true if it was not there before. Where the
-- default partition holds entries of that month already, they and later ones stay there.
-- The runtime role may call this, and so needs no right to create tables.
CREATE FUNCTION reinstate.make_journal_partition(moment timestamptz) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  month_start timestamptz := date_trunc('month', moment, 'UTC');
  month_end timestamptz := (month_start AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC';
  partition_name text := 'journal_entry_' || to_char(month_start AT TIME ZONE 'UTC', 'YYYYMM');
BEGIN
  IF to_regclass('reinstate.' || partition_name) IS NOT NULL THEN RETURN false; END IF;
  PERFORM pg_advisory_xact_lock(hashtext('reinstate.make_journal_partition'));
  -- by the table itself: to_regclass may remember from before the lock that there was none
  IF EXISTS (SELECT FROM pg_class WHERE relnamespace = 'reinstate'::regnamespace AND relname = partition_name)
  THEN RETURN false; END IF;
  IF EXISTS (SELECT FROM reinstate.journal_entry_default WHERE committed_at >= month_start AND committed_at < month_end)
  THEN RETURN false; END IF;
  EXECUTE format('CREATE TABLE reinstate.%I PARTITION OF reinstate.journal_entry FOR VALUES FROM (%L) TO (%L)',
    partition_name, month_start, month_end);
  EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON reinstate.%I FOR EACH STATEMENT EXECUTE FUNCTION reinstate.refuse_change()',
    partition_name || '_no_truncate', partition_name);
  EXECUTE format('GRANT SELECT, INSERT ON reinstate.%I TO reinstate_runtime', partition_name);
  RETURN true;
END $$;
REVOKE ALL ON FUNCTION reinstate.make_journal_partition(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reinstate.make_journal_partition(timestamptz) TO reinstate_runtime;

-- The last known image of every mapped row: gives before-images and finds a child's order.
CREATE TABLE reinstate.row_image (
  shop_id text NOT NULL REFERENCES reinstate.shop,
  table_name text NOT NULL,
  row_key text NOT NULL,
  order_id text,
  image jsonb NOT NULL,
  PRIMARY KEY (shop_id, table_name, row_key)
);
CREATE INDEX row_image_order ON reinstate.row_image (shop_id, order_id);

-- One key per customer (or guest order), itself encrypted under the service's key. Erasing it erases the person.
CREATE TABLE reinstate.personal_key (
  shop_id text NOT NULL REFERENCES reinstate.shop,
  key_of text NOT NULL,
  wrapped_key bytea,
  created_at timestamptz NOT NULL,
  erased_at timestamptz,
  PRIMARY KEY (shop_id, key_of),
  CHECK ((wrapped_key IS NULL) = (erased_at IS NOT NULL))
);

GRANT SELECT, INSERT ON reinstate.journal_entry, reinstate.journal_entry_default TO reinstate_runtime;
GRANT SELECT, INSERT, UPDATE, DELETE ON reinstate.row_image TO reinstate_runtime;
GRANT SELECT, INSERT, UPDATE ON reinstate.personal_key TO reinstate_runtime;
`;
