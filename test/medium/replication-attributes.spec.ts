import { pastEvents } from '../../src/detection/history.js';
import { HistoryStore } from '../../src/detection/history.store.js';
import type { JournalEntry } from '../../src/orders/order-event.js';
import { parseProfile } from '../../src/shops/profile-file.js';
import { createHarness, until, type Harness } from '../support/replication-harness.js';
import {
  cancelOrder,
  createTestShop,
  placeOrder,
  testShopProfileText,
  type TestShop,
} from '../support/test-shop.js';

/** Attributes from the order's own row, from a child of it and from a child of that. */
const profile = parseProfile(
  testShopProfileText.replace(
    'attributes: { channel: channel }',
    `attributes:
    channel: channel
    products: { table: shop.order_line, column: product }
    taken: { table: shop.stock_movement, column: product, where: { kind: [ALLOCATE] } }`,
  ),
  'attributes.yaml',
);
const secondLine = (id: number): string =>
  `INSERT INTO shop.order_line VALUES (${100 + id}, ${id}, 'milk', 3, 100)`;
const expected = { channel: 'web', products: 'milk, tea', taken: 'tea' };

let shop: TestShop;
let harness: Harness;

beforeAll(async () => {
  shop = await createTestShop();
  harness = await createHarness(shop, { profile });
  await shop.run(`INSERT INTO shop.stock VALUES ('tea', 1000, 0), ('milk', 1000, 0)`);
  await shop.run(placeOrder({ id: 1 }), secondLine(1));
  await shop.run(placeOrder({ id: 2 }), secondLine(2));
  await shop.run(cancelOrder(2));
  await harness.attach();
  await until('streaming', async () => (await harness.row()).state === 'streaming');
});

afterAll(async () => {
  await harness.close();
  await shop.drop();
});

/** What the journal says of an order in one more transaction of the shop. */
async function journalled(...statements: string[]): Promise<JournalEntry | undefined> {
  const head = await harness.journal.head(harness.shopId);
  await shop.run(...statements);
  await harness.caughtUp();
  const entries = await harness.journal.readAfter(harness.shopId, head, 10);
  return entries.find(({ orderId }) => orderId !== '');
}

test('an order is placed, loses a line and is cancelled with what stands on all its rows', async () => {
  const placed = await journalled(placeOrder({ id: 3 }), secondLine(3));
  expect(placed).toMatchObject({ kinds: ['placed', 'paid'], attributes: expected });
  const partly = await journalled(`UPDATE shop.order_line SET quantity = 1 WHERE id = 103`);
  expect(partly).toMatchObject({ kinds: ['line-cancelled'], attributes: expected });
  const cancelled = await journalled(cancelOrder(3));
  expect(cancelled).toMatchObject({ kinds: ['cancelled'], attributes: expected });
  expect(cancelled?.snapshot?.attributes).toEqual(expected);
});

test('an order from before the attach has them too when it is cancelled', async () => {
  const cancelled = await journalled(cancelOrder(1));
  expect(cancelled).toMatchObject({ kinds: ['cancelled'], attributes: expected });
});

test('detection learns them of the shop’s past', async () => {
  const store = new HistoryStore(harness.personalData);
  const shopWithPast = { id: harness.shopId, profile };
  const orders = await store.read(harness.database, shopWithPast, new Date(0));
  const events = pastEvents(profile, orders, new Date(8.64e15));
  const ofSecond = events.filter(({ orderId }) => orderId === '2');
  expect(ofSecond.map(({ kind }) => kind)).toEqual(['placed', 'cancelled']);
  for (const { attributes } of ofSecond) expect(attributes).toMatchObject(expected);
});
