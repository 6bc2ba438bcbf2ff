import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { PostgresShopAdapter } from '../../src/shops/postgres/postgres-shop-adapter.js';
import { createHarness, until, type Harness } from '../support/replication-harness.js';
import { createTestShop, testShopProfile, type TestShop } from '../support/test-shop.js';

/** Two neighbours that are one and the same number for JavaScript. */
const [order, neighbour] = ['9007199254740993', '9007199254740992'] as const;
const price = '9007199254740995';

let shop: TestShop;
let harness: Harness;
let adapter: PostgresShopAdapter;

beforeAll(async () => {
  shop = await createTestShop();
  // opened first: a driver that changed the process for its own good would be found out
  harness = await createHarness(shop);
  adapter = new PostgresShopAdapter({
    profile: testShopProfile(),
    readUrl: shop.credentials.read,
    writeUrl: shop.credentials.write,
    lockTimeoutMs: 500,
    statementTimeoutMs: 5_000,
    transactionTimeoutMs: 10_000,
    concurrency: 1,
    markerOf: () => 'none',
    mayWrite: () => Promise.resolve(false),
  });
  await shop.run(`INSERT INTO shop.stock VALUES ('tea', 1000, 0)`);
  for (const id of [order, neighbour]) {
    await shop.run(`
      INSERT INTO shop.orders (id, number, customer_id, status, total_minor, placed_at)
        VALUES (${id}, 'N-${id}', 'c1', 'paid', 1000, now());
      INSERT INTO shop.order_line VALUES (${id}, ${id}, 'tea', 1, ${price});`);
  }
  await harness.attach();
  await until('streaming', async () => (await harness.row()).state === 'streaming');
});

afterAll(async () => {
  await adapter.close();
  await harness.close();
  await shop.drop();
});

it('a key and an amount beyond 2^53 are journalled to the last digit', async () => {
  await shop.run(`
    UPDATE shop.orders SET status = 'cancelled', cancelled_at = now() WHERE id = ${order};
    UPDATE shop.order_line SET quantity = 0 WHERE order_id = ${order};`);
  await harness.caughtUp();
  const [entry, ...others] = await harness.entries();
  expect(others).toEqual([]);
  expect(entry).toMatchObject({ orderId: order, orderNumber: `N-${order}`, kinds: ['cancelled'] });
  const line = entry?.rowChanges.find(({ table }) => table === 'shop.order_line');
  expect(line).toMatchObject({ key: [order], before: { quantity: '1', price_minor: price } });
});

it('and read from the shop as they are, each order its own', async () => {
  expect(await adapter.findByNumber(`N-${neighbour}`)).toBe(neighbour);
  const rows = await adapter.readRows(neighbour);
  expect(rows?.get('shop.orders')).toMatchObject([{ id: neighbour, status: 'paid' }]);
  expect(rows?.get('shop.order_line')).toMatchObject([{ id: neighbour, price_minor: price }]);
});
