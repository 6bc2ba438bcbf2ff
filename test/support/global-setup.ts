import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLocalPostgres, type LocalPostgres } from '../../local-postgres/local-postgres.js';
import { migrate } from '../../src/platform/database/connect.js';
import { templateDatabase, withClient } from './postgres.js';

declare global {
  var reinstateTestServer: LocalPostgres | undefined;
}

/** Starts one throw-away server for all database tests of this run, with a migrated template to copy. */
export default async function globalSetup(): Promise<void> {
  if (globalThis.reinstateTestServer !== undefined) return;
  const server = await startLocalPostgres({
    dataDirectory: await mkdtemp(join(tmpdir(), 'reinstate-test-')),
    settings: {
      wal_level: 'logical',
      max_connections: '300',
      max_wal_senders: '40',
      max_replication_slots: '40',
      max_slot_wal_keep_size: '1GB',
      // the data is thrown away, so a crash of the machine may take it
      fsync: 'off',
    },
  });
  globalThis.reinstateTestServer = server;
  process.env['REINSTATE_TEST_SERVER'] = server.url('postgres');
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
