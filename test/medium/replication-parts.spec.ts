import type { JournalEntry } from '../../src/orders/order-event.js';
import { isSealed } from '../../src/orders/row-change.js';
import type { Profile } from '../../src/shops/profile.js';
import { FoldCheck } from '../support/fold-check.js';
import { randomLoad } from '../support/random-load.js';
import { createHarness, until, type Harness } from '../support/replication-harness.js';
import {
  cancelOrder,
  createTestShop,
  placeOrder,
  testShopProfile,
  type TestShop,
} from '../support/test-shop.js';

/** So little that nearly every transaction counts as one that is too big for memory. */
const partLimits = { changes: 2, bytes: 1_000_000 };

/** What an entry says, whatever it was sealed with and whichever of its transaction's entries it is. */
function said(entry: JournalEntry): string {
  const { transactionId } = entry.source;
  const apart = { position: 0, recordedAt: null, source: null, transactionId };
  const rowChanges = entry.rowChanges.toSorted((a, b) =>
    `${a.table} ${a.key.join()}`.localeCompare(`${b.table} ${b.key.join()}`),
  );
  return JSON.stringify({ ...entry, ...apart, rowChanges }, (_name, value: unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    const object = value as JournalEntry['attributes'];
    if ('sealed' in object && isSealed({ ...object } as never)) return { keyOf: object['keyOf'] };
    return Object.fromEntries(Object.entries(object).sort(([a], [b]) => a.localeCompare(b)));
  });
}

async function waiting(harness: Harness): Promise<{ parts: number; bytes: number }> {
  const [row] = await harness.database.query<{ parts: number; bytes: number }>(
    `SELECT (SELECT count(*) FROM replication_part)::int AS parts, spooled_bytes AS bytes FROM replication_stream`,
  );
  return row!;
}

describe.each(['full', 'key'] as const)('transactions taken in part by part (%s)', (identity) => {
  let shop: TestShop;
  let whole: Harness;
  let parted: Harness;

  beforeEach(async () => {
    shop = await createTestShop();
    const profile = testShopProfile(identity);
    whole = await createHarness(shop, { profile });
    parted = await createHarness(shop, { profile, partLimits });
    await shop.run(`INSERT INTO shop.stock VALUES ('tea', 1000, 0), ('milk', 1000, 0)`);
  });

  afterEach(async () => {
    await whole.close();
    await parted.close();
    await shop.drop();
  });

  async function attachBoth(): Promise<FoldCheck> {
    const check = await FoldCheck.begin(parted);
    for (const harness of [whole, parted]) {
      await harness.attach();
      await until('streaming', async () => (await harness.row()).state === 'streaming');
    }
    return check;
  }

  /** Both have journalled the same, but for the order in which one transaction's orders stand. */
  async function expectSame(): Promise<JournalEntry[]> {
    await whole.caughtUp();
    const entries = await parted.entries();
    const told = (all: readonly JournalEntry[]) => all.map(said).sort();
    expect(told(entries)).toEqual(told(await whole.entries()));
    expect(await waiting(parted)).toEqual({ parts: 0, bytes: 0 });
    return entries;
  }

  it('say what they would say whole', async () => {
    const { attach: url } = shop.credentials;
    await randomLoad(url, { seed: 5, count: 40, firstId: 0 });
    await shop.run(`UPDATE shop.orders SET placed_at = now() WHERE placed_at IS NULL`);
    const check = await attachBoth();
    await randomLoad(url, { seed: 6, count: 150, firstId: 10_000 });
    await check.holds();
    expect((await expectSame()).length).toBeGreaterThan(100);
  });

  it('find the order of a child that came before its parents, and of one whose parent moved', async () => {
    await shop.run(placeOrder({ id: 1 }), placeOrder({ id: 2 }));
    await shop.run(
      `ALTER TABLE shop.refund ALTER CONSTRAINT refund_payment_id_fkey DEFERRABLE`,
      `ALTER TABLE shop.payment ALTER CONSTRAINT payment_order_id_fkey DEFERRABLE`,
    );
    const check = await attachBoth();
    await shop.run(
      'SET CONSTRAINTS ALL DEFERRED',
      `INSERT INTO shop.refund VALUES (30, 3, 5), (31, 3, 6)`,
      `INSERT INTO shop.payment VALUES (3, 3, 1000, 'captured')`,
      `UPDATE shop.refund SET amount_minor = 7 WHERE id = 30`,
      `INSERT INTO shop.orders (id, number, customer_id, status, total_minor, ship_name, placed_at)
         VALUES (3, 'S-3', 'c3', 'paid', 1000, 'Name c3', now())`,
    );
    await shop.run(
      `INSERT INTO shop.refund VALUES (10, 1, 5)`,
      `UPDATE shop.refund SET amount_minor = 8 WHERE id = 31`,
      `UPDATE shop.payment SET order_id = 2 WHERE id = 1`,
      `UPDATE shop.orders SET total_minor = 9 WHERE id IN (1, 2, 3)`,
    );
    await check.holds();
    const entries = await expectSame();
    const placed = entries.find(({ orderId }) => orderId === '3');
    expect(placed?.kinds).toEqual(['placed', 'paid', 'refunded']);
    expect(placed?.rowChanges).toHaveLength(4);
  });

  it('empty tables in between, fill them again, and name what is missed', async () => {
    await shop.run(...[1, 2, 3].map((id) => placeOrder({ id })));
    await shop.run(`INSERT INTO shop.refund VALUES (10, 1, 5), (20, 2, 5)`);
    const check = await attachBoth();
    await shop.run(
      `UPDATE shop.refund SET amount_minor = 6 WHERE id = 20`,
      `INSERT INTO shop.refund VALUES (30, 3, 5)`,
      cancelOrder(1),
      `TRUNCATE shop.refund`,
      `INSERT INTO shop.refund VALUES (20, 2, 9)`,
      cancelOrder(2),
    );
    await check.holds();
    const ofRefunds = (await expectSame()).flatMap(({ rowChanges }) =>
      rowChanges.filter(({ table }) => table === 'shop.refund'),
    );
    expect(
      ofRefunds.map(({ key, operation, after }) => [key[0], operation, after?.['amount_minor']]),
    ).toEqual([
      ['10', 'delete', undefined],
      ['20', expect.any(String), '9'],
    ]);
  });

  it('wait whole where they do not fit the profile, and are read once it does', async () => {
    await shop.run(...[1, 2, 3].map((id) => placeOrder({ id })));
    const small = withoutNotes(testShopProfile(identity));
    await attachBoth();
    const check = await FoldCheck.begin(parted, small);
    await shop.run(`ALTER TABLE shop.orders DROP COLUMN notes`);
    await shop.run(...[1, 2, 3].map((id) => cancelOrder(id)));
    for (const harness of [whole, parted])
      await until('kept', async () => (await harness.row()).state === 'mismatch');
    await parted.caughtUp();
    expect(await parted.entries()).toEqual([]);
    const kept = await waiting(parted);
    expect(kept.parts).toBeGreaterThan(3);
    expect(kept.bytes).toBeGreaterThan(0);
    for (const harness of [whole, parted]) {
      await harness.stopAll();
      harness.open(small).start();
      await until('streaming', async () => (await harness.row()).state === 'streaming');
    }
    await shop.run(`UPDATE shop.orders SET total_minor = 4 WHERE id = 2`);
    await check.holds();
    await expectSame();
  });
});

/** The profile once somebody has mended it. */
function withoutNotes(profile: Profile): Profile {
  const orders = profile.tables['shop.orders']!;
  const columns = Object.fromEntries(
    Object.entries(orders.columns).filter(([column]) => column !== 'notes'),
  );
  return { ...profile, tables: { ...profile.tables, 'shop.orders': { ...orders, columns } } };
}
