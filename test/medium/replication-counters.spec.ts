import { FoldCheck } from '../support/fold-check.js';
import { createHarness, until, type Harness } from '../support/replication-harness.js';
import { cancelOrder, createTestShop, placeOrder, type TestShop } from '../support/test-shop.js';

const counters = 4_500;
/** Of one entry at most. */
const rowsMost = 2_000;

/** As a nightly import of stock does: counters that many orders share, all in one transaction. */
describe(`${counters} counters changed at once`, () => {
  let shop: TestShop;
  let harness: Harness;

  beforeAll(async () => {
    shop = await createTestShop();
    harness = await createHarness(shop, { partLimits: { changes: 500, bytes: 1_000_000 } });
    await shop.run(
      `INSERT INTO shop.stock SELECT 'tea' || CASE WHEN id > 1 THEN '-' || id ELSE '' END, 1000, 0
       FROM generate_series(1, ${counters}) id`,
      placeOrder({ id: 1 }),
    );
  });

  afterAll(async () => {
    await harness.close();
    await shop.drop();
  });

  it('are told in entries of bounded size, in their order, each once; the journal’s fold is the shop', async () => {
    const check = await FoldCheck.begin(harness);
    await harness.attach();
    await until('streaming', async () => (await harness.row()).state === 'streaming');
    await shop.run(`UPDATE shop.stock SET on_hand = on_hand + 5`, cancelOrder(1));
    await shop.run(`UPDATE shop.stock SET on_hand = 7`);
    await shop.run(`DELETE FROM shop.stock WHERE product <> 'tea'`);
    await check.holds();
    const entries = await harness.entries();
    const cancelled = entries.filter(({ orderId }) => orderId === '1');
    expect(cancelled.map(({ kinds }) => kinds.join())).toEqual(['cancelled']);
    const shared = entries.filter(({ orderId }) => orderId === '');
    const transactions = [
      ...Map.groupBy(
        shared,
        ({ source }) => `${source.commitLsn} ${source.transactionId}`,
      ).values(),
    ];
    expect(transactions.map((told) => told.map(({ rowChanges }) => rowChanges.length))).toEqual([
      [rowsMost, rowsMost, counters - 2 * rowsMost],
      [rowsMost, rowsMost, counters - 2 * rowsMost],
      [rowsMost, rowsMost, counters - 1 - 2 * rowsMost],
    ]);
    for (const told of transactions) {
      const keys = told.flatMap(({ rowChanges }) => rowChanges.map(({ key }) => key.join()));
      expect(new Set(keys).size).toBe(keys.length);
      expect(told.map(({ kinds }) => kinds.join())).toEqual(['shared', 'shared', 'shared']);
      const [first, ...others] = told.map(({ committedAt }) => Number(committedAt.slice(20, 26)));
      const later = others.map((microseconds) => (microseconds - first! + 1_000_000) % 1_000_000);
      expect(later).toEqual([1, 2]);
    }
  });
});
