/**
 * Writes down every row change with its transaction, its database role and both images, so that a
 * proof can say who touched what. Triggers of the test's own, in a schema of their own.
 */

const installSql = `
  CREATE SCHEMA recorder;
  CREATE TABLE recorder.change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transaction_id text NOT NULL,
    role text NOT NULL,
    table_name text NOT NULL,
    operation text NOT NULL,
    before jsonb,
    after jsonb
  );
  CREATE FUNCTION recorder.record() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = recorder, pg_temp AS $body$
  BEGIN
    INSERT INTO recorder.change (transaction_id, role, table_name, operation, before, after)
    VALUES (pg_current_xact_id()::text, session_user, TG_TABLE_NAME, TG_OP,
            CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END,
            CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END);
    RETURN NULL;
  END $body$;
  DO $body$
  DECLARE name text;
  BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
      EXECUTE format('CREATE TRIGGER recorder AFTER INSERT OR UPDATE OR DELETE ON public.%I
                      FOR EACH ROW EXECUTE FUNCTION recorder.record()', name);
    END LOOP;
  END $body$`;

/** Starts recording on every table of the schema `public`. */
export async function installRecorder(client) {
  await client.query(installSql);
}

/** The number of the last recorded change: where to read on from. */
export async function recorderPosition(client) {
  const { rows } = await client.query(
    'SELECT coalesce(max(id), 0)::text AS position FROM recorder.change',
  );
  return rows[0].position;
}

/** Changes after `position`, in the order they were made: `{ transactionId, role, table, operation, before, after }`. */
export async function recordedChanges({ client, after }) {
  const { rows } = await client.query(
    `SELECT transaction_id AS "transactionId", role, table_name AS "table", operation, before, after
       FROM recorder.change WHERE id > $1 ORDER BY id`,
    [after],
  );
  return rows;
}
