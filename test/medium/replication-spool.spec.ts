import type { Profile } from '../../src/shops/profile.js';
import { FoldCheck } from '../support/fold-check.js';
import { createHarness, until, type Harness } from '../support/replication-harness.js';
import {
  cancelOrder,
  createTestShop,
  placeOrder,
  testShopProfile,
  type TestShop,
} from '../support/test-shop.js';

const spoolBytesMax = 30_000;
const orders = Array.from({ length: 60 }, (_, index) => index + 1);

/** The profile once somebody has mended it. */
function withoutNotes(): Profile {
  const profile = testShopProfile();
  const table = profile.tables['shop.orders']!;
  const columns = Object.fromEntries(
    Object.entries(table.columns).filter(([column]) => column !== 'notes'),
  );
  return { ...profile, tables: { ...profile.tables, 'shop.orders': { ...table, columns } } };
}

describe('a profile that does not fit for long', () => {
  let shop: TestShop;
  let harness: Harness;

  beforeEach(async () => {
    shop = await createTestShop();
    harness = await createHarness(shop, { spoolBytesMax });
    await shop.run(
      `INSERT INTO shop.stock VALUES ('tea', 1000, 0)`,
      ...orders.map((id) => placeOrder({ id })),
    );
    await harness.attach();
    await until('streaming', async () => (await harness.row()).state === 'streaming');
  });

  afterEach(async () => {
    await harness.close();
    await shop.drop();
  });

  it('fills our database up to a bound: said before and at it, and nothing is lost', async () => {
    const check = await FoldCheck.begin(harness, withoutNotes());
    await shop.run(`ALTER TABLE shop.orders DROP COLUMN notes`);
    const said = new Set<string>();
    for (const id of orders) {
      await shop.run(cancelOrder(id));
      const { problem } = await harness.row();
      said.add(problem ?? '');
    }
    const row = await until('full', async () => {
      const now = await harness.row();
      said.add(now.problem ?? '');
      return now.problem?.includes('has reached its bound of') === true && now;
    });
    expect(row.state).toBe('mismatch');
    expect(row.problem).toContain('the shop holds its write-ahead log back');
    expect([...said].some((words) => /taken up by (8|9)\d %/.test(words))).toBe(true);
    const [kept] = await harness.database.query<{ bytes: number; rows: number }>(
      `SELECT sum(octet_length(transaction::text))::int AS bytes, count(*)::int AS rows FROM replication_spool`,
    );
    expect(kept!.rows).toBeLessThan(orders.length);
    expect(kept!.bytes).toBe(row.spooledBytes);
    // by no more than the last batch
    expect(kept!.bytes).toBeLessThan(spoolBytesMax * 3);

    await harness.stopAll();
    harness.open(withoutNotes()).start();
    await until('streaming', async () => (await harness.row()).state === 'streaming');
    await check.holds();
    const cancelled = (await harness.entries()).filter(({ kinds }) => kinds.includes('cancelled'));
    expect(cancelled.map(({ orderId }) => Number(orderId))).toEqual(orders);
    expect(await harness.row()).toMatchObject({ slotGeneration: 1, spooledBytes: 0 });
  });
});
