/** A shop on a database that exists only as long as it is needed. */
import pg from 'pg';
import { openServer } from './scratch-postgres.mjs';
import { openShop } from './scenarios.mjs';
import { spawnVendure } from './spawn-vendure.mjs';

async function createDatabase(serverUrl) {
  const server = new pg.Client({ connectionString: serverUrl });
  await server.connect();
  const name = `vendure_${crypto.randomUUID().replaceAll('-', '')}`;
  await server.query(`CREATE DATABASE ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const drop = async () => {
    await server.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await server.end();
  };
  return { databaseUrl: url.href, drop };
}

/** Undoes steps in the opposite order; a step that fails does not keep the others from being undone. */
async function undoAll(steps) {
  const outcomes = [];
  for (const step of steps.toReversed()) outcomes.push(...(await Promise.allSettled([step()])));
  const failed = outcomes.find(({ status }) => status === 'rejected');
  if (failed) throw failed.reason;
}

/**
 * Starts a shop in a new database of the server at `serverUrl` (without it: of a server of its own, with
 * `wal_level` logical) and resolves with it (see `openShop`; it
 * also knows its `startMs` and `populateMs`). Its `close` takes everything away again.
 */
export async function openScratchShop({ serverUrl }) {
  const undo = [];
  try {
    const server = await openServer(serverUrl);
    undo.push(server.stop);
    const { databaseUrl, drop } = await createDatabase(server.serverUrl);
    undo.push(drop);
    const { url, startMs, populateMs, stop } = await spawnVendure({ databaseUrl });
    undo.push(stop);
    const shop = await openShop({ url, databaseUrl });
    undo.push(shop.close);
    return { ...shop, startMs, populateMs, close: () => undoAll(undo) };
  } catch (error) {
    await undoAll(undo);
    throw error;
  }
}

/** Calls `use` with such a shop and takes it away again, whatever happened. */
export async function withScratchShop(options, use) {
  const shop = await openScratchShop(options);
  try {
    return await use(shop);
  } finally {
    await shop.close();
  }
}
