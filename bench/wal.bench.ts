import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import pg from 'pg';
import { STRIKES } from '../demo/faults/ways.js';
import { SHOP_SCHEMA_SQL } from '../demo/shop/schema.js';
import { inTransaction } from '../demo/shop/transaction.js';
import { startLocalPostgres } from '../local-postgres/local-postgres.js';
import { loadProfile } from '../src/shops/profile-file.js';
import { MarkerKey, signedMarker } from '../src/shops/restore-marker.js';
import { placePaidOrder, seedShop } from '../test/medium/restore-scene.js';

const orders = Number(process.env['BENCH_ORDERS'] ?? 300);

interface Costs {
  readonly placed: number;
  readonly cancelled: number;
  readonly marker: number;
}

/** Log that the work makes, in bytes; nothing else goes on in the server. */
async function walOf(pool: pg.Pool, work: () => Promise<unknown>): Promise<number> {
  const position = async () =>
    (await pool.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn() AS lsn')).rows[0]?.lsn;
  const before = await position();
  await work();
  const { rows } = await pool.query<{ bytes: string }>('SELECT pg_wal_lsn_diff($1, $2) AS bytes', [
    await position(),
    before,
  ]);
  return Number(rows[0]?.bytes);
}

/** The sample shop without its audit: orders of one line, placed and paid, then cancelled by the shop's own code. */
async function costsWith(
  settings: Record<string, string>,
  identity: 'DEFAULT' | 'FULL',
): Promise<Costs> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'reinstate-wal-'));
  // images of whole pages come on top, with Reinstate and without: how many, the checkpoints decide
  const quiet = { autovacuum: 'off', full_page_writes: 'off', fsync: 'off' };
  const server = await startLocalPostgres({ dataDirectory, settings: { ...quiet, ...settings } });
  const pool = new pg.Pool({ connectionString: server.url('postgres') });
  try {
    await pool.query(SHOP_SCHEMA_SQL);
    const client = await pool.connect();
    await seedShop(client);
    client.release();
    const { profile } = await loadProfile('sample-shop', { directory: '.' });
    for (const table of Object.keys(profile.tables))
      await pool.query(`ALTER TABLE ${table} REPLICA IDENTITY ${identity}`);
    await pool.query('CHECKPOINT');
    const ids: string[] = [];
    const placed = await walOf(pool, async () => {
      for (let made = 0; made < orders; made += 1)
        ids.push(
          await inTransaction(pool, (tx) => placePaidOrder(tx, { productId: 2, quantity: 1 })),
        );
    });
    const cancelled = await walOf(pool, () => STRIKES.api(pool, ids));
    const key = MarkerKey.from(Buffer.alloc(32, 3));
    const item = {
      shopId: 'main',
      itemId: crypto.randomUUID(),
      orderId: '1',
      action: 'restore',
    } as const;
    const content = signedMarker(item, key);
    const marker = await walOf(pool, async () => {
      for (let sent = 0; sent < orders; sent += 1)
        await pool.query(`SELECT pg_logical_emit_message(true, 'reinstate', $1)`, [content]);
    });
    return { placed: placed / orders, cancelled: cancelled / orders, marker: marker / orders };
  } finally {
    await pool.end();
    await server.stop('fast');
    await rm(server.dataDirectory, { recursive: true, force: true });
    await rm(dataDirectory, { recursive: true, force: true });
  }
}

it('write-ahead log of the shop, with Reinstate and without', async () => {
  const logical = { wal_level: 'logical' };
  const without = await costsWith({ wal_level: 'replica' }, 'DEFAULT');
  const byKey = await costsWith(logical, 'DEFAULT');
  const full = await costsWith(logical, 'FULL');
  const row = (name: string, { placed, cancelled }: Costs) => ({
    '': name,
    'bytes per order placed and paid': Math.round(placed),
    'bytes per order cancelled': Math.round(cancelled),
    'more when cancelled': `${Math.round((cancelled / without.cancelled - 1) * 100)} %`,
  });
  console.table([
    row('without Reinstate (wal_level = replica)', without),
    row('identity: key (wal_level = logical)', byKey),
    row('identity: full (wal_level = logical)', full),
  ]);
  console.log(`bytes per restore for our mark, with its commit: ${Math.round(full.marker)}`);
  expect(full.cancelled).toBeGreaterThan(byKey.cancelled);
  expect(byKey.cancelled).toBeGreaterThan(without.cancelled);
});
