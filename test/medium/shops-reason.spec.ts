import { isSealed } from '../../src/orders/row-change.js';
import { parseProfile } from '../../src/shops/profile-file.js';
import { createHarness, until, type Harness } from '../support/replication-harness.js';
import {
  cancelOrder,
  createTestShop,
  placeOrder,
  testShopProfileText,
  type TestShop,
} from '../support/test-shop.js';

let shop: TestShop;
let harness: Harness;

beforeAll(async () => {
  shop = await createTestShop();
  const text = testShopProfileText.replace('reason: value,', 'reason: { value: personal },');
  harness = await createHarness(shop, { profile: parseProfile(text, 'personal-reason.yaml') });
  await shop.run(`INSERT INTO shop.stock VALUES ('tea', 1000, 0)`);
  await shop.run(placeOrder({ id: 1 }));
  await harness.attach();
  await until('streaming', async () => (await harness.row()).state === 'streaming');
});

afterAll(async () => {
  await harness.close();
  await shop.drop();
});

test('why an order was cancelled is known, although its column is sealed in the journal', async () => {
  await shop.run(cancelOrder(1));
  await harness.caughtUp();
  const entries = await harness.entries();
  const cancelled = entries.find(({ kinds }) => kinds.includes('cancelled'));
  expect(cancelled).toMatchObject({
    actorKind: 'job',
    actor: 'unpaid-orders',
    reason: 'not paid in time',
  });
  const told = cancelled?.rowChanges.find(({ table }) => table === 'shop.history');
  expect(isSealed(told?.after?.['reason'])).toBe(true);
  const images = await harness.images();
  expect(JSON.stringify([cancelled?.rowChanges, images])).not.toContain('not paid in time');
});
