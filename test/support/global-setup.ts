import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLocalPostgres, type LocalPostgres } from '../../local-postgres/local-postgres.js';
import { migrate } from '../../src/platform/database/connect.js';
import { templateDatabase, testServers, withClient } from './postgres.js';

declare global {
  var reinstateTestServers: readonly LocalPostgres[] | undefined;
}

const settings = {
  max_connections: '300',
  // the data is thrown away, so a crash of the machine may take it
  fsync: 'off',
};
const shopSettings = {
  wal_level: 'logical',
  max_wal_senders: '40',
  max_replication_slots: '40',
  max_slot_wal_keep_size: '1GB',
};

/**
 * Starts the throw-away servers for all database tests of this run, with a migrated template to copy. The
 * shops' server may be another, such as an older PostgreSQL: the superuser's URL in REINSTATE_TEST_SHOPS.
 */
export default async function globalSetup(): Promise<void> {
  if (globalThis.reinstateTestServers !== undefined) return;
  const own = await start(settings);
  globalThis.reinstateTestServers = [own];
  process.env[testServers.own] = own.url('postgres');
  process.env[testServers.shops] = process.env['REINSTATE_TEST_SHOPS'] ?? (await startShops(own));
  await makeTemplate(own);
}

async function startShops(own: LocalPostgres): Promise<string> {
  const shops = await start({ ...settings, ...shopSettings });
  globalThis.reinstateTestServers = [own, shops];
  return shops.url('postgres');
}

async function start(serverSettings: Record<string, string>): Promise<LocalPostgres> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'reinstate-test-'));
  return startLocalPostgres({ dataDirectory, settings: serverSettings });
}

async function makeTemplate(server: LocalPostgres): Promise<void> {
  await withClient(server.url('postgres'), async (client) => {
    await client.query(`CREATE ROLE reinstate_owner LOGIN CREATEROLE PASSWORD 'test-owner'`);
    await client.query(`CREATE ROLE reinstate_runtime LOGIN PASSWORD 'test-runtime'`);
    await client.query(`GRANT reinstate_runtime TO reinstate_owner`);
    await client.query(`CREATE DATABASE ${templateDatabase} OWNER reinstate_owner`);
  });
  const url = new URL(server.url(templateDatabase));
  url.username = 'reinstate_owner';
  url.password = 'test-owner';
  await migrate({ url: url.href, poolSize: 2 });
}
