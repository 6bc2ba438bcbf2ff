/** A PostgreSQL server for the shop: the one that is named, or one of its own that goes away again. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const builtStarter = new URL('../../../dist/local-postgres/local-postgres.js', import.meta.url);

async function startOwnServer() {
  if (!existsSync(builtStarter)) {
    throw new Error('run `npm run build` at the root first, or name a PostgreSQL server');
  }
  const { startLocalPostgres } = await import(builtStarter.href);
  const directory = await mkdtemp(join(tmpdir(), 'vendure-postgres-'));
  const server = await startLocalPostgres({
    dataDirectory: join(directory, 'data'),
    settings: { wal_level: 'logical', fsync: 'off', max_slot_wal_keep_size: '1GB' },
  });
  const stop = async () => {
    await server.stop();
    await rm(server.dataDirectory, { recursive: true, force: true });
    await rm(directory, { recursive: true, force: true });
  };
  return { serverUrl: server.url(), stop };
}

/**
 * Resolves with the URL of a superuser and a `stop` that takes away what this made.
 * @param {string | undefined} serverUrl a running server on which databases may be created
 */
export async function openServer(serverUrl) {
  return serverUrl ? { serverUrl, stop: async () => {} } : startOwnServer();
}
