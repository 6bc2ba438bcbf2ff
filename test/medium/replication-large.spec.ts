import { createHarness, until, type Harness } from '../support/replication-harness.js';
import { createTestShop, type TestShop } from '../support/test-shop.js';

/** Rows are four times as many; 25,000 orders (100,000 rows in one transaction) work too, but take minutes. */
const count = Number(process.env['REINSTATE_LARGE_ORDERS'] ?? 5_000);

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

describe(`one transaction of ${count} orders`, () => {
  let shop: TestShop;
  let harness: Harness;

  beforeAll(async () => {
    shop = await createTestShop();
    harness = await createHarness(shop);
    await shop.run(`INSERT INTO shop.stock VALUES ('tea', 1000, 0)`);
    await harness.attach();
    await until('streaming', async () => (await harness.row()).state === 'streaming');
  });

  afterAll(async () => {
    await harness.close();
    await shop.drop();
  });

  /** Runs one transaction, and gives how many entries of which kinds it made, and the greatest memory. */
  async function journalled(...statements: string[]) {
    const head = await harness.journal.head(harness.shopId);
    const started = performance.now();
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 50);
    await shop.run(...statements);
    const ran = performance.now();
    await harness.caughtUp(900_000);
    clearInterval(watch);
    const ms = [ran - started, performance.now() - ran].map(Math.round);
    const rows = await harness.database.query<{ kinds: string; n: number }>(
      `SELECT array_to_string(kinds, ' ') AS kinds, count(*) AS n FROM journal_entry WHERE position > $1 GROUP BY 1 ORDER BY 1`,
      [head],
    );
    process.stdout.write(`${JSON.stringify({ ms, mb: Math.round(most / 1e6), rows })}\n`);
    expect((await harness.row()).problem).toBeNull();
    return Object.fromEntries(rows.map(({ kinds, n }) => [kinds, n]));
  }

  it('is journalled whole: placed, cancelled, and emptied by TRUNCATE', async () => {
    expect(await journalled(...placeMany)).toEqual({ 'placed paid': count, shared: 1 });
    const cancelled = await journalled(
      `UPDATE shop.order_line SET quantity = 0`,
      `UPDATE shop.orders SET status = 'cancelled', total_minor = 0, cancelled_at = now()`,
      `INSERT INTO shop.history (order_id, kind, actor_kind, actor, reason)
         SELECT id, 'CANCELLED', 'job', 'unpaid-orders', 'not paid in time' FROM shop.orders`,
      `INSERT INTO shop.stock_movement (order_line_id, product, kind, quantity)
         SELECT id, 'tea', 'RELEASE', 2 FROM shop.orders`,
      `UPDATE shop.stock SET allocated = 0`,
    );
    expect(cancelled).toEqual({ cancelled: count, shared: 1 });
    const [whole] = await harness.database.query<{ n: number }>(
      `SELECT count(*) AS n FROM journal_entry WHERE 'cancelled' = ANY(kinds) AND jsonb_array_length(row_changes) = 4
         AND snapshot->>'status' = 'paid' AND actor = 'unpaid-orders'`,
    );
    expect(whole?.n).toBe(count);

    expect(await journalled(`TRUNCATE shop.orders, shop.stock CASCADE`)).toEqual({
      deleted: count,
      shared: 1,
    });
    const [left] = await harness.database.query<{ n: number }>(
      `SELECT count(*) AS n FROM row_image`,
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
  }, 1_200_000);
});
