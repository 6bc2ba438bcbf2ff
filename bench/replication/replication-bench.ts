import type { Bench, BenchContext, Figure, Samples } from '../figure.js';
import { BenchShop } from '../setting/bench-shop.js';
import { House } from '../setting/house.js';
import { startShopServer } from '../setting/servers.js';
import { streamOf } from './slots.js';
import { takeIn, type Scene } from './take-in.js';

/** `placed`: orders of one transaction, eleven rows each in the tables that are followed. */
const sizes = {
  full: { cancelled: 5_000, placed: 27_300, repetitions: 3 },
  quick: { cancelled: 300, placed: 1_000, repetitions: 1 },
};

/** Ids of the orders of large transactions, beyond all others. */
const firstPlaced = 1_000_001;

const reference = 'a client that only reads such a slot';

function rate(name: string, title: string): Figure {
  const aims = [{ of: 'ratio', atLeast: 0.35 }] as const;
  return { name, title, unit: 'changes/s', better: 'more', reference, aims };
}

/** A backlog that a stopped Reinstate takes in once it runs again, so that the load itself takes no processor. */
export const replicationBench: Bench = {
  name: 'replication',
  title: 'Replication intake: row changes of the shop into the journal',
  figures: [
    rate('replication-cancels', 'cancels, each a transaction of 13 changes'),
    rate('replication-large', 'one transaction of 300,000 rows: orders placed'),
    {
      name: 'stored-bytes',
      title: 'stored for a change of a cancel: journal, row images, indexes',
      unit: 'bytes',
      better: 'less',
      reference: 'write-ahead log that the shop itself wrote for it',
      aims: [{ of: 'ratio', words: 'none set: it sizes the disk' }],
    },
  ],
  run: measure,
};

class Notes {
  readonly samples = new Map(
    replicationBench.figures.map(({ name }) => [
      name,
      { measured: [] as number[], reference: [] as number[] },
    ]),
  );

  add(name: string, measured: number, reference: number): void {
    this.samples.get(name)?.measured.push(measured);
    this.samples.get(name)?.reference.push(reference);
  }
}

async function measure(context: BenchContext): Promise<ReadonlyMap<string, Samples>> {
  const { cancelled, placed, repetitions } = sizes[context.size];
  const scene = await open(context, cancelled * repetitions);
  const { shop, house } = scene;
  const notes = new Notes();
  for (let repetition = 0; repetition < repetitions; repetition += 1) {
    const bareFirst = repetition % 2 === 1;
    const range = { first: 1 + repetition * cancelled, count: cancelled };
    const before = await storedBytes(house);
    const cancels = await takeIn(scene, {
      make: () => shop.cancelAll(range, `job-${repetition}`),
      ...{ transactions: cancelled, lastOrder: range.first + cancelled - 1, bareFirst },
    });
    const { changes } = cancels;
    notes.add('replication-cancels', cancels.product, cancels.bare);
    notes.add(
      'stored-bytes',
      ((await storedBytes(house)) - before) / changes,
      cancels.written / changes,
    );
    const more = { first: firstPlaced + repetition * placed, count: placed };
    const large = await takeIn(scene, {
      make: () => shop.place(more),
      ...{ transactions: 1, lastOrder: more.first + placed - 1, bareFirst },
    });
    notes.add('replication-large', large.product, large.bare);
  }
  return notes.samples;
}

async function open(context: BenchContext, orders: number): Promise<Scene> {
  const { endings, say } = context;
  const server = await startShopServer(context);
  const shop = await BenchShop.open({ server, database: 'shop', endings });
  await shop.place({ first: 1, count: orders, overDays: 20 });
  await shop.analyze();
  const house = await House.build(context, { shops: [shop.config()] });
  await house.start();
  await shop.follow(house);
  say(`Reinstate follows a shop with ${orders} orders`);
  return { context, shop, house, stream: await streamOf(house) };
}

/** What the journal and the row images take on disk, with their indexes and what is stored out of line. */
async function storedBytes(house: House): Promise<number> {
  const [row] = await house.query<{ bytes: number }>(
    `SELECT (pg_total_relation_size('row_image')
       + (SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('journal_entry') WHERE isleaf))::float8 AS bytes`,
  );
  return row?.bytes ?? 0;
}
