import { FoldCheck } from '../support/fold-check.js';
import { startFollower, type Follower } from '../support/follower.js';
import { createHarness, until, type Harness } from '../support/replication-harness.js';
import { shopRows } from '../support/shop-rows.js';
import { createTestShop, testShopProfile, type TestShop } from '../support/test-shop.js';

/** Rows are four times as many: 250,000 orders are 1,000,000 rows in one transaction (`test/ops/big-transaction.sh`). */
const count = Number(process.env['REINSTATE_LARGE_ORDERS'] ?? 5_000);
const limitMs = 1_800_000;

/** Few enough that the journal can be read whole, and compared with the shop row by row. */
const isFew = count <= 10_000;

/**
 * Most memory that a process of its own may come to need beyond what it has at rest. Held whole, a transaction
 * takes some kilobytes for each of its rows: gigabytes for a million. Of few orders this tells nothing, since the
 * collector alone takes as much: there, the number of parts shows that no more than one of them is held.
 */
const growthMegabytesMost = 450;

/** Four rows an order, of which a part has 5,000 at most; the last one is gone before it is seen. */
const partsLeast = Math.floor((count * 4) / 5_000) - 1;

/** SQL that places many orders of one line each, all at once. */
const placeMany = [
  `INSERT INTO shop.orders (id, number, customer_id, status, total_minor, ship_name, placed_at)
     SELECT id, 'S-' || id, 'c' || id, 'paid', 1000, 'Name ' || id, now() FROM generate_series(1, ${count}) id`,
  `INSERT INTO shop.order_line SELECT id, id, 'tea', 2, 500 FROM generate_series(1, ${count}) id`,
  `INSERT INTO shop.payment SELECT id, id, 1000, 'captured' FROM generate_series(1, ${count}) id`,
  `INSERT INTO shop.stock_movement (order_line_id, product, kind, quantity)
     SELECT id, 'tea', 'ALLOCATE', 2 FROM generate_series(1, ${count}) id`,
  `UPDATE shop.stock SET allocated = allocated + 2 * ${count} WHERE product = 'tea'`,
];

const cancelAll = [
  `UPDATE shop.order_line SET quantity = 0`,
  `UPDATE shop.orders SET status = 'cancelled', total_minor = 0, cancelled_at = now()`,
  `INSERT INTO shop.history (order_id, kind, actor_kind, actor, reason)
     SELECT id, 'CANCELLED', 'job', 'unpaid-orders', 'not paid in time' FROM shop.orders`,
  `INSERT INTO shop.stock_movement (order_line_id, product, kind, quantity)
     SELECT id, 'tea', 'RELEASE', 2 FROM shop.orders`,
  `UPDATE shop.stock SET allocated = 0`,
];

describe(`one transaction of ${count} orders`, () => {
  let shop: TestShop;
  let harness: Harness;
  let follower: Follower;
  let check: FoldCheck;

  beforeAll(async () => {
    shop = await createTestShop();
    harness = await createHarness(shop);
    await shop.run(`INSERT INTO shop.stock VALUES ('tea', 1000, 0)`);
    check = await FoldCheck.begin(harness);
    await harness.attach();
    await until('streaming', async () => (await harness.row()).state === 'streaming');
    await harness.stopAll();
    follower = await startFollower(harness);
    // small, so that everything that it ever loads is loaded
    await shop.run(`UPDATE shop.stock SET on_hand = 1001`);
    await harness.caughtUp();
  });

  afterAll(async () => {
    await follower.kill();
    await harness.close();
    await shop.drop();
  });

  /** Runs one transaction, and gives how many entries of which kinds it made, and in how many parts it was taken in. */
  async function journalled(...statements: string[]) {
    const head = await harness.journal.head(harness.shopId);
    const atRest = await follower.peakBytes();
    const started = performance.now();
    await shop.run(...statements);
    const ran = performance.now();
    let parts = 0;
    let isSeenWhole = true;
    const caughtUp = harness.caughtUp(limitMs).then(() => true);
    const tick = () => new Promise<false>((resolve) => setTimeout(() => resolve(false), 100));
    while (!(await Promise.race([caughtUp, tick()]))) {
      // a process that has ended is not waited for
      expect(await follower.peakBytes()).toBeGreaterThan(0);
      const [kept] = await harness.database.query<{ parts: number; seen: number }>(
        `SELECT (SELECT coalesce(max(number) + 1, 0) FROM replication_part)::int AS parts,
           (SELECT count(*) FROM journal_entry WHERE position > $1)::int AS seen`,
        [head],
      );
      parts = Math.max(parts, kept!.parts);
      if (kept!.seen > 0 && kept!.seen < count) isSeenWhole = false;
    }
    const ms = [ran - started, performance.now() - ran].map(Math.round);
    const growth = Math.round(((await follower.peakBytes()) - atRest) / 1e6);
    const rows = await harness.database.query<{ kinds: string; n: number }>(
      `SELECT array_to_string(kinds, ' ') AS kinds, count(*) AS n FROM journal_entry WHERE position > $1 GROUP BY 1 ORDER BY 1`,
      [head],
    );
    process.stdout.write(`${JSON.stringify({ ms, growthMb: growth, parts, rows })}\n`);
    if (!isFew) expect(growth).toBeLessThan(growthMegabytesMost);
    expect(isSeenWhole).toBe(true);
    expect((await harness.row()).problem).toBeNull();
    return { kinds: Object.fromEntries(rows.map(({ kinds, n }) => [kinds, n])), parts };
  }

  /** The journal comes to the shop's rows, and every image is one of them. */
  async function expectTheShop(): Promise<void> {
    if (isFew) await check.holds();
    else await expectImagesAreTheShop();
  }

  /** Every image is the shop's row, counted and compared by both servers. */
  async function expectImagesAreTheShop(): Promise<void> {
    for (const [table, columns] of [
      ['shop.orders', 'status, total_minor, number, placed_at, cancelled_at, version'],
      ['shop.order_line', 'order_id, quantity, price_minor'],
      ['shop.stock_movement', 'order_line_id, kind, quantity'],
    ] as const) {
      const names = columns.split(', ');
      const [left] = await shop.query<{ sum: string }>(
        `SELECT count(*) || ' ' || coalesce(sum(hashtext(concat_ws('|', id, ${names
          .map((name) => `${name}::text`)
          .join(', ')}))::bigint), 0) AS sum FROM (SELECT * FROM ${table}) rows`,
      );
      const [right] = await harness.database.query<{ sum: string }>(
        `SELECT count(*) || ' ' || coalesce(sum(hashtext(concat_ws('|', image->>'id', ${names
          .map((name) => `image->>'${name}'`)
          .join(', ')}))::bigint), 0) AS sum FROM row_image WHERE table_name = $1`,
        [table],
      );
      expect([table, right?.sum]).toEqual([table, left?.sum]);
    }
  }

  it('is taken in by parts and becomes visible whole: placed, cancelled, emptied by TRUNCATE', async () => {
    const placed = await journalled(...placeMany);
    expect(placed.kinds).toEqual({ 'placed paid': count, shared: 1 });
    expect(placed.parts).toBeGreaterThanOrEqual(partsLeast);
    await expectTheShop();
    const cancelled = await journalled(...cancelAll);
    expect(cancelled.kinds).toEqual({ cancelled: count, shared: 1 });
    expect(cancelled.parts).toBeGreaterThanOrEqual(partsLeast);
    await expectTheShop();
    const [whole] = await harness.database.query<{ n: number }>(
      `SELECT count(*) AS n FROM journal_entry WHERE 'cancelled' = ANY(kinds) AND jsonb_array_length(row_changes) = 4
         AND snapshot->>'status' = 'paid' AND actor = 'unpaid-orders'`,
    );
    expect(whole?.n).toBe(count);

    const emptied = await journalled(`TRUNCATE shop.orders, shop.stock CASCADE`);
    expect(emptied.kinds).toEqual({ deleted: count, shared: 1 });
    await expectTheShop();
    expect([...(await shopRows(shop.credentials.attach, testShopProfile()))]).toEqual([]);
    const [left] = await harness.database.query<{ n: number }>(
      `SELECT (SELECT count(*) FROM row_image) + (SELECT count(*) FROM replication_part) AS n`,
    );
    expect(left?.n).toBe(0);
    const [gone] = await harness.journal.ofOrder(harness.shopId, '7').then((all) => all.slice(-1));
    expect(gone).toMatchObject({ kinds: ['deleted'], statusBefore: 'cancelled' });
    expect(gone?.rowChanges.map(({ table }) => table).sort()).toEqual([
      'shop.history',
      'shop.order_line',
      'shop.orders',
      'shop.payment',
      'shop.stock_movement',
      'shop.stock_movement',
    ]);
  }, 5_400_000);
});
