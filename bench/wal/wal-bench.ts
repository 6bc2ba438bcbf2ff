import { join } from 'node:path';
import pg from 'pg';
import { STRIKES } from '../../demo/faults/ways.js';
import { createShopDatabase, SHOP_SERVER_SETTINGS } from '../../demo/shop/database.js';
import type { LocalPostgres } from '../../local-postgres/local-postgres.js';
import { loadProfile } from '../../src/shops/profile-file.js';
import { MarkerKey, signedMarker } from '../../src/shops/restore-marker.js';
import type { Bench, BenchContext, Figure, Samples } from '../figure.js';
import { Endings } from '../setting/endings.js';
import { startServer } from '../setting/servers.js';
import { goodsSql } from '../setting/shop-sql.js';
import { placeOneOrder } from '../setting/one-order.js';

const sizes = { full: { orders: 300, repetitions: 3 }, quick: { orders: 30, repetitions: 1 } };

/** Images of whole pages come on top, with Reinstate and without: how many, the checkpoints decide. */
const quiet = { autovacuum: 'off', full_page_writes: 'off', fsync: 'off' };

/** How a shop's server is set up, and the replica identity of its mapped tables. */
const shops = {
  without: { settings: { wal_level: 'replica' }, identity: 'DEFAULT' },
  byKey: { settings: SHOP_SERVER_SETTINGS, identity: 'DEFAULT' },
  full: { settings: SHOP_SERVER_SETTINGS, identity: 'FULL' },
} as const;

/** Bytes of log: of an order placed and paid, of its cancellation, and of the mark of a restore. */
interface Cost {
  readonly placed: number;
  readonly cancelled: number;
  readonly mark: number;
}

function bytes(
  name: string,
  title: string,
  reference = 'the same with wal_level = replica',
): Figure {
  const words = 'none set: it is the price that the shop pays';
  return { name, title, unit: 'bytes', better: 'less', reference, aims: [{ of: 'ratio', words }] };
}

/** What following costs the shop in write-ahead log. */
export const walBench: Bench = {
  name: 'wal',
  title: 'Write-ahead log that a shop writes more for being followed',
  figures: [
    bytes('wal-placed-key', 'an order placed and paid, identity: key'),
    bytes('wal-placed-full', 'an order placed and paid, identity: full'),
    bytes('wal-cancelled-key', 'an order cancelled, identity: key'),
    bytes('wal-cancelled-full', 'an order cancelled, identity: full'),
    bytes('wal-mark', 'our mark of a restore, with a commit', 'an order cancelled, identity: full'),
  ],
  run: measure,
};

async function measure(context: BenchContext): Promise<ReadonlyMap<string, Samples>> {
  const { repetitions } = sizes[context.size];
  const costs: Record<keyof typeof shops, Cost>[] = [];
  for (let repetition = 0; repetition < repetitions; repetition += 1) {
    const place = (name: string) => join(context.directory, `${name}-${repetition}`);
    costs.push({
      without: await costOf(shops.without, { ...context, directory: place('without') }),
      byKey: await costOf(shops.byKey, { ...context, directory: place('key') }),
      full: await costOf(shops.full, { ...context, directory: place('full') }),
    });
    context.say(`${repetition + 1} of ${repetitions}`);
  }
  const samples = (
    measured: (cost: (typeof costs)[number]) => number,
    reference: (cost: (typeof costs)[number]) => number,
  ): Samples => ({ measured: costs.map(measured), reference: costs.map(reference) });
  return new Map([
    [
      'wal-placed-key',
      samples(
        ({ byKey }) => byKey.placed,
        ({ without }) => without.placed,
      ),
    ],
    [
      'wal-placed-full',
      samples(
        ({ full }) => full.placed,
        ({ without }) => without.placed,
      ),
    ],
    [
      'wal-cancelled-key',
      samples(
        ({ byKey }) => byKey.cancelled,
        ({ without }) => without.cancelled,
      ),
    ],
    [
      'wal-cancelled-full',
      samples(
        ({ full }) => full.cancelled,
        ({ without }) => without.cancelled,
      ),
    ],
    [
      'wal-mark',
      samples(
        ({ full }) => full.mark,
        ({ full }) => full.cancelled,
      ),
    ],
  ]);
}

/** In a server of its own, which is ended with it. */
async function costOf(
  { settings, identity }: (typeof shops)[keyof typeof shops],
  context: Pick<BenchContext, 'directory' | 'size' | 'endings'>,
): Promise<Cost> {
  const endings = new Endings();
  context.endings.add(() => endings.run());
  const { directory, size } = context;
  const server = await startServer(directory, { ...quiet, ...settings }, endings);
  const pool = await openShop(server, { identity, endings });
  const cost = await costOfOrders(pool, sizes[size].orders);
  await endings.run();
  return cost;
}

/** The sample shop without the demo's audit. */
async function openShop(
  server: LocalPostgres,
  { identity, endings }: { identity: 'DEFAULT' | 'FULL'; endings: Endings },
): Promise<pg.Pool> {
  const { url } = await createShopDatabase(server.url(), 'shop');
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  pool.on('error', () => undefined);
  endings.add(() => pool.end());
  await pool.query('DROP SCHEMA audit CASCADE');
  await pool.query(goodsSql, [10]);
  const { profile } = await loadProfile('sample-shop', { directory: '.' });
  for (const table of Object.keys(profile.tables))
    await pool.query(`ALTER TABLE ${table} REPLICA IDENTITY ${identity}`);
  await pool.query('CHECKPOINT');
  return pool;
}

/** Orders of one line, placed, paid and cancelled by the shop's own code. */
async function costOfOrders(pool: pg.Pool, orders: number): Promise<Cost> {
  const times = async (work: () => Promise<unknown>): Promise<void> => {
    for (let done = 0; done < orders; done += 1) await work();
  };
  const ids: string[] = [];
  const placed = await logOf(pool, () => times(async () => ids.push(await placeOneOrder(pool))));
  const cancelled = await logOf(pool, () => STRIKES.api(pool, ids));
  const mark = await logOf(pool, () =>
    times(() => pool.query(`SELECT pg_logical_emit_message(true, 'reinstate', $1)`, [markText()])),
  );
  return { placed: placed / orders, cancelled: cancelled / orders, mark: mark / orders };
}

/** Log that the work makes, in bytes; nothing else goes on in the server. */
async function logOf(pool: pg.Pool, work: () => Promise<unknown>): Promise<number> {
  const position = async (): Promise<number> => {
    const sql = `SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 AS bytes`;
    const { rows } = await pool.query<{ bytes: number }>(sql);
    return rows[0]?.bytes ?? 0;
  };
  const before = await position();
  await work();
  return (await position()) - before;
}

function markText(): string {
  const item = { shopId: 'main', itemId: crypto.randomUUID(), orderId: '1' };
  return signedMarker({ ...item, action: 'restore' }, MarkerKey.from(Buffer.alloc(32, 3)));
}
