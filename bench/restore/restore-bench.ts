import { until } from '../../demo/story/waiting.js';
import type { Bench, BenchContext, Samples } from '../figure.js';
import { BenchShop, shopId, type OrderRange } from '../setting/bench-shop.js';
import { House } from '../setting/house.js';
import { startShopServer } from '../setting/servers.js';
import { bareRestore } from './bare-restore.js';
import { carryOut, incidentOf, planOf } from './product-restore.js';

const sizes = {
  full: { orders: 2_000, repetitions: 3 },
  quick: { orders: 150, repetitions: 1 },
};

/** The product's usual setting: so many orders side by side, and so many connections of the bare loop. */
const concurrency = 4;

const reference = `a bare loop on ${concurrency} connections: lock, update, invariants, commit`;

/** Orders that a job has cancelled are restored and verified; beside it a loop that does only the shop's part. */
export const restoreBench: Bench = {
  name: 'restore',
  title: 'Restore of 2,000 cancelled orders of three lines, each verified',
  figures: [
    {
      name: 'restore-rate',
      title: 'restored and verified',
      unit: 'orders/s',
      better: 'more',
      reference,
      aims: [{ of: 'ratio', atLeast: 0.5 }],
    },
    {
      name: 'restore-time',
      title: 'all of them',
      unit: 's',
      better: 'less',
      reference,
      aims: [{ of: 'value', atMost: 20 }],
    },
  ],
  run: measure,
};

interface Shops {
  /** which Reinstate follows */
  readonly followed: BenchShop;
  /** of the same orders on the same server, for the bare loop */
  readonly bare: BenchShop;
}

async function measure(context: BenchContext): Promise<Map<string, Samples>> {
  const { orders, repetitions } = sizes[context.size];
  const { say } = context;
  const shops = await openShops(context, orders * repetitions);
  const config = shops.followed.config({
    concurrency,
    per_hour: 1_000_000,
    // the machine may have other work: a lock waited for too long is tried again
    stop_at_lock_timeouts: 1_000,
  });
  const house = await House.build(context, { shops: [config] });
  await house.start();
  await shops.followed.follow(house);
  await (await house.as('admin')).post(`/shops/${shopId}/arm`);
  const measured: number[] = [];
  const bare: number[] = [];
  for (let repetition = 0; repetition < repetitions; repetition += 1) {
    const range = { first: 1 + repetition * orders, count: orders };
    const job = `job-${repetition + 1}`;
    const theProduct = async () =>
      measured.push(await restoreByProduct(shops.followed, house, { range, job, say }));
    const theBare = async () => {
      await shops.bare.cancelAll(range, job);
      bare.push(await bareRestore(shops.bare, { range, concurrency }));
    };
    // neither comes always first
    for (const part of repetition % 2 === 0 ? [theProduct, theBare] : [theBare, theProduct])
      await part();
    say(
      `repetition ${repetition + 1}: ${measured.at(-1)?.toFixed(2)} s, bare ${bare.at(-1)?.toFixed(2)} s`,
    );
  }
  const rates = (seconds: readonly number[]) => seconds.map((each) => orders / each);
  return new Map([
    ['restore-rate', { measured: rates(measured), reference: rates(bare) }],
    ['restore-time', { measured, reference: bare }],
  ]);
}

async function openShops(context: BenchContext, count: number): Promise<Shops> {
  const { endings, say } = context;
  const server = await startShopServer(context);
  const followed = await BenchShop.open({ server, database: 'shop', endings });
  const bare = await BenchShop.open({ server, database: 'bare', endings });
  for (const shop of [followed, bare]) {
    await shop.place({ first: 1, count, overDays: 20 });
    await shop.analyze();
  }
  say(`two shops with ${count} orders each`);
  return { followed, bare };
}

interface Harm {
  readonly range: OrderRange;
  readonly job: string;
  readonly say: (line: string) => void;
}

/** Seconds from the start of the run to its end, with every order verified. */
async function restoreByProduct(
  shop: BenchShop,
  house: House,
  { range, job, say }: Harm,
): Promise<number> {
  await shop.cancelAll(range, job);
  const incidentId = await until('a wrongful case of each order', () => incidentOf(house, range), {
    timeoutMs: 300_000,
    everyMs: 500,
  });
  const begun = performance.now();
  const plan = await planOf(house, incidentId, range.count);
  say(`a plan for ${range.count} orders took ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  return carryOut(house, plan, range.count);
}
