/** A shop that Reinstate watches: service, credentials and people, from attach to detach. */
import { createCredentials, dropCredentials } from './reinstate-credentials.mjs';
import { Person, waitFor } from './reinstate-client.mjs';
import { startReinstate } from './reinstate-process.mjs';

/** Waits until the stream has journalled all that the shop has committed up to now. */
export async function caughtUp({ shop, admin, shopId }) {
  const { rows } = await shop.client.query('SELECT pg_current_wal_lsn()::text AS lsn');
  const behind = async (lsn) =>
    (await shop.client.query('SELECT $1::pg_lsn < $2::pg_lsn AS behind', [lsn, rows[0].lsn]))
      .rows[0].behind;
  let status;
  await waitFor(
    'the stream reaches the shop',
    async () => {
      status = await admin.get(`/shops/${shopId}/status`);
      const isThere = status.confirmedLsn && !(await behind(status.confirmedLsn));
      return status.state === 'streaming' && isThere ? true : undefined;
    },
    { describe: () => JSON.stringify(status) },
  );
}

/**
 * Starts Reinstate beside the shop, checks and attaches it, and resolves with the people at work: `admin`,
 * `robin` on call, and `alex`, who approves. `close` detaches and takes everything away again, and leaves
 * the shop as it was.
 * @param {{ client: import('pg').Client, databaseUrl: string }} shop
 * @param {{ shopId: string, name: string, profile: string, orderTables: string[], writeGrants: string[] }} kind
 */
export async function watchShop(shop, { orderTables, writeGrants, ...watched }) {
  const { shopId } = watched;
  const credentials = await createCredentials(shop, { orderTables, writeGrants });
  const undo = [() => dropCredentials(shop, credentials)];
  const close = async () => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  try {
    const service = await startReinstate({ credentials, ...watched });
    undo.push(service.stop);
    const admin = new Person(service);
    const check = await admin.post(`/shops/${shopId}/check`);
    await admin.post(`/shops/${shopId}/attach`, { credential: credentials.attach });
    undo.push(() => admin.post(`/shops/${shopId}/detach`, { credential: credentials.attach }));
    await caughtUp({ shop, admin, shopId });
    const hire = (name, role) => admin.hire({ url: service.url, name, role });
    return {
      shop,
      shopId,
      credentials,
      service,
      check,
      admin,
      robin: await hire('Robin', 'approver'),
      alex: await hire('Alex', 'approver'),
      close,
    };
  } catch (error) {
    await close().catch(() => {});
    throw error;
  }
}

/** What is left of Reinstate in the shop's database. */
export async function tracesIn({ client }) {
  const { rows } = await client.query(
    `SELECT (SELECT count(*) FROM pg_replication_slots WHERE database = current_database())::int AS slots,
            (SELECT count(*) FROM pg_publication)::int AS publications,
            (SELECT count(*) FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
                AND c.relkind = 'r' AND c.relreplident <> 'd')::int AS identities`,
  );
  return rows[0];
}
