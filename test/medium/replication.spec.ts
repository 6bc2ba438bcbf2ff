import { createHarness, until, type Harness } from '../support/replication-harness.js';
import { cancelOrder, createTestShop, placeOrder, type TestShop } from '../support/test-shop.js';

describe('replication of a shop', () => {
  let shop: TestShop;
  let harness: Harness;

  beforeEach(async () => {
    shop = await createTestShop();
    harness = await createHarness(shop);
    await shop.run(`INSERT INTO shop.stock VALUES ('tea', 1000, 0), ('milk', 1000, 0)`);
    await shop.run(placeOrder({ id: 1 }));
  });

  afterEach(async () => {
    await harness.close();
    await shop.drop();
  });

  const entry = (n: number) => until(`entry ${n}`, async () => (await harness.entries())[n - 1]);

  it('journals a cancellation with its before-image', async () => {
    await harness.attach();
    await shop.run(cancelOrder(1));
    const [first, shared] = [await entry(1), await entry(2)];
    console.log(
      JSON.stringify(first, null, 1),
      JSON.stringify(shared, null, 1),
      await harness.row(),
    );
  });
});
