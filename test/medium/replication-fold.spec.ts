import { FoldCheck } from '../support/fold-check.js';
import { randomLoad } from '../support/random-load.js';
import { createHarness, type Harness } from '../support/replication-harness.js';
import {
  createTestShop,
  placeOrder,
  testShopProfile,
  type TestShop,
} from '../support/test-shop.js';

const seeds =
  process.env['REINSTATE_SEED'] === undefined
    ? [1, 20_261_122]
    : [Number(process.env['REINSTATE_SEED'])];

describe.each(['full', 'key'] as const)('under load, with identity %s', (identity) => {
  let shop: TestShop;
  let harness: Harness;

  beforeEach(async () => {
    shop = await createTestShop();
    harness = await createHarness(shop, { profile: testShopProfile(identity) });
    await shop.run(`INSERT INTO shop.stock VALUES ('tea', 1000, 0), ('milk', 1000, 0)`);
  });

  afterEach(async () => {
    await harness.close();
    await shop.drop();
  });

  it.each(seeds)('the journal’s fold is the shop, row by row (seed %i)', async (seed) => {
    const { attach: url } = shop.credentials;
    // orders from before, and load that goes on while the shop is attached
    await randomLoad(url, { seed, count: 60, firstId: 0 });
    await shop.run(`UPDATE shop.orders SET placed_at = now() WHERE placed_at IS NULL`);
    const check = await FoldCheck.begin(harness);
    await harness.attach();
    await Promise.all([
      randomLoad(url, { seed: seed + 1, count: 250, firstId: 10_000 }),
      randomLoad(url, { seed: seed + 2, count: 250, firstId: 20_000 }),
      randomLoad(url, { seed: seed + 3, count: 250, firstId: 30_000 }),
    ]);
    await check.holds();
    expect((await harness.entries()).length).toBeGreaterThan(300);
  });

  it('what becomes of a line in a cart is not journalled, and no hole: it comes back, or is gone', async () => {
    const cart = (id: number): string =>
      `INSERT INTO shop.orders (id, number, status, total_minor) VALUES (${id}, 'cart', 'pending', 0)`;
    const line = (id: number): string =>
      `INSERT INTO shop.order_line VALUES (${id}, 1, 'tea', 4, 5)`;
    await shop.run(placeOrder({ id: 1 }), line(10), line(11));
    const check = await FoldCheck.begin(harness);
    await harness.attach();
    await shop.run(cart(2));
    await shop.run(`UPDATE shop.order_line SET order_id = 2 WHERE id IN (10, 11)`);
    await shop.run(`UPDATE shop.order_line SET quantity = 5 WHERE id = 10`);
    await shop.run(`UPDATE shop.order_line SET order_id = 1 WHERE id = 10`);
    await shop.run(`DELETE FROM shop.order_line WHERE id = 11`);
    await shop.run(`UPDATE shop.orders SET placed_at = now() WHERE id = 2`);
    await check.holds();
    const entries = await harness.entries();
    const kinds = entries.map((entry) => `${entry.orderId}:${entry.kinds.join()}`);
    expect(kinds.at(-1)).toBe('2:placed');
    expect(kinds.filter((kind) => kind.startsWith('1:'))).toHaveLength(2);
  });
});
