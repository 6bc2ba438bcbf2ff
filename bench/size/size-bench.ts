import { STRIKES } from '../../demo/faults/ways.js';
import { until } from '../../demo/story/waiting.js';
import type { Bench, BenchContext, Figure, Samples } from '../figure.js';
import { BenchShop } from '../setting/bench-shop.js';
import { House } from '../setting/house.js';
import { placeOneOrder } from '../setting/one-order.js';
import { startShopServer } from '../setting/servers.js';

const sizes = { full: { orders: 300, repetitions: 3 }, quick: { orders: 30, repetitions: 1 } };

function bytes(name: string, title: string): Figure {
  const words = 'none set: it sizes the disk';
  const reference = 'what it takes in the shop’s own database';
  return { name, title, unit: 'bytes', better: 'less', reference, aims: [{ of: 'ratio', words }] };
}

/** What an order takes on disk in Reinstate's own database, with all indexes. */
export const sizeBench: Bench = {
  name: 'size',
  title: 'Disk that Reinstate needs for each order of its shop',
  figures: [
    bytes('size-placed', 'an order of one line, placed and paid'),
    bytes('size-cancelled', 'its cancellation'),
  ],
  run: measure,
};

/** Bytes of both databases. */
interface Stored {
  readonly own: number;
  readonly shop: number;
}

async function measure(context: BenchContext): Promise<ReadonlyMap<string, Samples>> {
  const { orders, repetitions } = sizes[context.size];
  const server = await startShopServer(context);
  const shop = await BenchShop.open({ server, database: 'shop', endings: context.endings });
  const house = await House.build(context, { shops: [shop.config()] });
  await house.start();
  await shop.follow(house);
  const placed: Stored[] = [];
  const cancelled: Stored[] = [];
  for (let repetition = 0; repetition < repetitions; repetition += 1) {
    const start = await storedBy(shop, house);
    const ids: string[] = [];
    for (let made = 0; made < orders; made += 1) ids.push(await placeOneOrder(shop.pool));
    await journalled(house, { kind: 'placed', orders: orders * (repetition + 1) });
    const between = await storedBy(shop, house);
    await STRIKES.api(shop.pool, ids);
    await journalled(house, { kind: 'cancelled', orders: orders * (repetition + 1) });
    placed.push(grown(start, between, orders));
    cancelled.push(grown(between, await storedBy(shop, house), orders));
    context.say(`${repetition + 1} of ${repetitions}`);
  }
  return new Map([
    ['size-placed', samplesOf(placed)],
    ['size-cancelled', samplesOf(cancelled)],
  ]);
}

function grown(from: Stored, to: Stored, orders: number): Stored {
  return { own: (to.own - from.own) / orders, shop: (to.shop - from.shop) / orders };
}

function samplesOf(stored: readonly Stored[]): Samples {
  return { measured: stored.map(({ own }) => own), reference: stored.map(({ shop }) => shop) };
}

async function journalled(house: House, { kind, orders }: { kind: string; orders: number }) {
  const known = async () => {
    const [row] = await house.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM journal_entry WHERE '${kind}' = ANY (kinds)`,
    );
    return (row?.count ?? 0) >= orders || undefined;
  };
  await until(`${orders} orders to be journalled as ${kind}`, known, {
    timeoutMs: 120_000,
    everyMs: 250,
  });
}

async function storedBy(shop: BenchShop, house: House): Promise<Stored> {
  const sum = (schema: string) =>
    `SELECT sum(pg_total_relation_size(oid))::float8 AS bytes FROM pg_class
     WHERE relnamespace = '${schema}'::regnamespace AND relkind = 'r'`;
  await Promise.all([shop.pool.query('VACUUM'), house.query('VACUUM')]);
  const { rows } = await shop.pool.query<{ bytes: number }>(sum('shop'));
  const [own] = await house.query<{ bytes: number }>(sum('reinstate'));
  return { own: own?.bytes ?? 0, shop: rows[0]?.bytes ?? 0 };
}
