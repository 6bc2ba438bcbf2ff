import type { JournalEntry } from '../../src/orders/order-event.js';
import { fold, rowName, type Rows } from '../../src/orders/fold.js';
import { ownerOf } from '../../src/intake/replication/interpret/ownership.js';
import { mapShop } from '../../src/intake/replication/interpret/shop-mapping.js';
import { brokenChains, changesInView } from '../support/journal-chains.js';
import { randomLoad } from '../support/random-load.js';
import { createHarness, type Harness } from '../support/replication-harness.js';
import { opened, shopRows, type TextRow } from '../support/shop-rows.js';
import {
  createTestShop,
  placeOrder,
  testShopProfile,
  type TestShop,
} from '../support/test-shop.js';

const profile = testShopProfile();
const mapping = mapShop(profile);

/** Rows of orders that count as placed, and counters: what the journal is about. */
function journalledRows(
  rows: ReadonlyMap<string, TextRow>,
  images: Harness['images'] extends () => Promise<infer T> ? T : never,
): Map<string, TextRow> {
  const placed = new Set(
    [...rows]
      .filter(([name, row]) => name.startsWith('shop.orders ') && row['placed_at'] !== null)
      .map(([, row]) => row['id']),
  );
  const owner = new Map(images.map((row) => [rowName(row.table, row.key), row.orderId]));
  return new Map(
    [...rows].filter(([name]) => {
      const orderId = owner.get(name) ?? null;
      return name.startsWith('shop.stock ') || (orderId !== null && placed.has(orderId));
    }),
  );
}

/** A row that moved to a cart left the journal's view: what the cart did with it afterwards is not written down. */
function isOfOrder(rows: ReadonlyMap<string, TextRow>, name: string, image: TextRow): boolean {
  const table = name.slice(0, name.indexOf(' '));
  const lookup = (ref: { table: string; key: readonly string[] }) =>
    rows.get(rowName(ref.table, ref.key));
  const owner = ownerOf(mapping, { table, image }, lookup);
  if (owner === null || owner === 'shared') return owner === 'shared';
  return typeof lookup({ table: 'shop.orders', key: [owner.orderId] })?.['placed_at'] === 'string';
}

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
    const before = await shopRows(url, profile);
    await harness.attach();
    await Promise.all([
      randomLoad(url, { seed: seed + 1, count: 250, firstId: 10_000 }),
      randomLoad(url, { seed: seed + 2, count: 250, firstId: 20_000 }),
      randomLoad(url, { seed: seed + 3, count: 250, firstId: 30_000 }),
    ]);
    await harness.caughtUp();

    const after = await shopRows(url, profile);
    const stored = await harness.images();
    const images = new Map(stored.map((row) => [rowName(row.table, row.key), row.image]));
    expect(await opened(harness, images)).toEqual(after);

    const entries = await harness.entries();
    expect(entries.length).toBeGreaterThan(300);
    expect(entries.filter(({ kinds }) => kinds.includes('gap'))).toEqual([]);
    expect(entries.map(({ position }) => position)).toEqual(entries.map((_, index) => index + 1));
    expect(brokenChains(entries)).toEqual([]);

    await expectFoldIsTheShop({ before, after, entries });
  });

  it('what becomes of a line in a cart is not journalled, and no hole: it comes back, or is gone', async () => {
    const { attach: url } = shop.credentials;
    const cart = (id: number): string =>
      `INSERT INTO shop.orders (id, number, status, total_minor) VALUES (${id}, 'cart', 'pending', 0)`;
    const line = (id: number): string =>
      `INSERT INTO shop.order_line VALUES (${id}, 1, 'tea', 4, 5)`;
    await shop.run(placeOrder({ id: 1 }), line(10), line(11));
    const before = await shopRows(url, profile);
    await harness.attach();
    await shop.run(cart(2));
    await shop.run(`UPDATE shop.order_line SET order_id = 2 WHERE id IN (10, 11)`);
    await shop.run(`UPDATE shop.order_line SET quantity = 5 WHERE id = 10`);
    await shop.run(`UPDATE shop.order_line SET order_id = 1 WHERE id = 10`);
    await shop.run(`DELETE FROM shop.order_line WHERE id = 11`);
    await shop.run(`UPDATE shop.orders SET placed_at = now() WHERE id = 2`);
    await harness.caughtUp();
    const after = await shopRows(url, profile);
    const entries = await harness.entries();
    const kinds = entries.map((entry) => `${entry.orderId}:${entry.kinds.join()}`);
    expect(kinds.at(-1)).toBe('2:placed');
    expect(kinds.filter((kind) => kind.startsWith('1:'))).toHaveLength(2);
    expect(brokenChains(entries)).toEqual([]);
    await expectFoldIsTheShop({ before, after, entries });
  });

  async function expectFoldIsTheShop(given: {
    before: ReadonlyMap<string, TextRow>;
    after: ReadonlyMap<string, TextRow>;
    entries: readonly JournalEntry[];
  }): Promise<void> {
    const { before, after, entries } = given;
    const base: Rows = new Map([...before].map(([name, row]) => [name, row]));
    const folded = await opened(harness, fold(base, changesInView(entries)));
    const expected = journalledRows(after, await harness.images());
    const wrong = [...expected].filter(
      ([name, row]) => JSON.stringify(sorted(folded.get(name))) !== JSON.stringify(sorted(row)),
    );
    expect(wrong).toEqual([]);
    const surplus = [...folded].filter(
      ([name, row]) => !after.has(name) && isOfOrder(folded, name, row),
    );
    expect(surplus).toEqual([]);
  }
});

function sorted(row: TextRow | undefined): [string, string | null][] {
  return Object.entries(row ?? {}).sort(([a], [b]) => a.localeCompare(b));
}
