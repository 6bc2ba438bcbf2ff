/** A shop on a database that exists only as long as it is needed. */
import pg from 'pg';
import { openServer } from './scratch-postgres.mjs';

async function createDatabase(serverUrl, kind) {
  const server = new pg.Client({ connectionString: serverUrl });
  await server.connect();
  const name = `${kind}_${crypto.randomUUID().replaceAll('-', '')}`;
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
 * `wal_level` logical) and resolves with it, as `openShop` gives it, and with what `spawn` says of its start.
 * Its `close` takes everything away again.
 * @param {{ kind: string, serverUrl?: string, spawn: Function, openShop: Function }} options
 */
export async function startScratchShop({ kind, serverUrl, spawn, openShop }) {
  const undo = [];
  try {
    const server = await openServer(serverUrl);
    undo.push(server.stop);
    const { databaseUrl, drop } = await createDatabase(server.serverUrl, kind);
    undo.push(drop);
    const { stop, ...spawned } = await spawn({ databaseUrl });
    undo.push(stop);
    const shop = await openShop({ ...spawned, databaseUrl });
    undo.push(shop.close);
    return { ...spawned, ...shop, close: () => undoAll(undo) };
  } catch (error) {
    await undoAll(undo);
    throw error;
  }
}
