import { fold, rowName, type Rows } from '../../src/orders/fold.js';
import { sameValue, type RowImage } from '../../src/orders/row-change.js';
import type { JournalEntry } from '../../src/orders/order-event.js';
import { ownerOf } from '../../src/intake/replication/interpret/ownership.js';
import { mapShop } from '../../src/intake/replication/interpret/shop-mapping.js';
import { randomLoad } from '../support/random-load.js';
import { createHarness, type Harness } from '../support/replication-harness.js';
import { opened, shopRows, type TextRow } from '../support/shop-rows.js';
import { createTestShop, testShopProfile, type TestShop } from '../support/test-shop.js';

const profile = testShopProfile();
const mapping = mapShop(profile);

/** For each row, an entry's before-image is the one before's after-image: nothing lost, nothing doubled. */
function brokenChains(entries: readonly JournalEntry[]): string[] {
  const last = new Map<string, RowImage | null>();
  const broken: string[] = [];
  const bySource = Map.groupBy(entries, ({ source }) => JSON.stringify(source));
  for (const group of bySource.values()) {
    // a row that moved from one order to another stands in both entries of its transaction
    const changes = new Map(
      group
        .flatMap(({ rowChanges }) => rowChanges)
        .map((change) => [rowName(change.table, change.key), change]),
    );
    const isPlacing = group.some(({ kinds }) => kinds.includes('placed'));
    for (const [name, { before, after }] of changes) {
      const known = last.get(name);
      if (known !== undefined && !isPlacing && !same(known, before)) broken.push(name);
      last.set(name, after);
    }
  }
  return broken;
}

function same(left: RowImage | null, right: RowImage | null): boolean {
  if (left === null || right === null) return left === right;
  return Object.keys({ ...left, ...right }).every((column) =>
    sameValue(left[column] ?? null, right[column] ?? null),
  );
}

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

    const base: Rows = new Map([...before].map(([name, row]) => [name, row]));
    const folded = await opened(
      harness,
      fold(
        base,
        entries.flatMap(({ rowChanges }) => rowChanges),
      ),
    );
    const expected = journalledRows(after, stored);
    const wrong = [...expected].filter(
      ([name, row]) => JSON.stringify(sorted(folded.get(name))) !== JSON.stringify(sorted(row)),
    );
    expect(wrong).toEqual([]);
    const surplus = [...folded].filter(
      ([name, row]) => !after.has(name) && isOfOrder(folded, name, row),
    );
    expect(surplus).toEqual([]);
  });
});

function sorted(row: TextRow | undefined): [string, string | null][] {
  return Object.entries(row ?? {}).sort(([a], [b]) => a.localeCompare(b));
}
