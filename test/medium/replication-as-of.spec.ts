import { describe, expect, it } from '@jest/globals';
import { answerAsOf, type AsOfAnswer } from '../../src/incidents/order-as-of.js';
import { OrderAsOfStore } from '../../src/incidents/order-as-of.store.js';
import { ownerOf } from '../../src/intake/replication/interpret/ownership.js';
import { mapShop } from '../../src/intake/replication/interpret/shop-mapping.js';
import { rowName } from '../../src/orders/fold.js';
import { buildSnapshot } from '../../src/shops/snapshot.js';
import { randomLoad } from '../support/random-load.js';
import { createHarness, until, type Harness } from '../support/replication-harness.js';
import { opened, shopRows, type TextRow } from '../support/shop-rows.js';
import {
  cancelOrder,
  createTestShop,
  placeOrder,
  testShopProfile,
  type TestShop,
} from '../support/test-shop.js';

const profile = testShopProfile();
const mapping = mapShop(profile);

/** The shop as it was at a moment, by its own clock. */
interface Capture {
  readonly at: string;
  readonly rows: ReadonlyMap<string, TextRow>;
}

describe('an order as of a time', () => {
  let shop: TestShop;
  let harness: Harness;

  beforeEach(async () => {
    shop = await createTestShop();
    harness = await createHarness(shop);
    await shop.run(`INSERT INTO shop.stock VALUES ('tea', 1000, 0), ('milk', 1000, 0)`);
  });

  afterEach(async () => {
    await harness.close();
    await shop.drop();
  });

  async function now(): Promise<string> {
    const [row] = await shop.query<{ at: string }>(
      `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at`,
    );
    return row!.at;
  }

  async function capture(): Promise<Capture> {
    const rows = await shopRows(shop.credentials.attach, profile);
    return { at: await now(), rows };
  }

  /** The load leaves orders of earlier rounds alone: these change some of them in every round. */
  async function changeEarlier(round: number): Promise<void> {
    await shop.run(
      `UPDATE shop.orders SET total_minor = total_minor + 1, ship_name = 'Round ${round}' WHERE id % 2 = ${round % 2}`,
    );
    await shop.run(
      `UPDATE shop.order_line SET quantity = quantity + 1 WHERE id % 3 = ${round % 3}`,
      `DELETE FROM shop.payment WHERE id % 7 = ${round}`,
      `INSERT INTO shop.history (order_id, kind) SELECT id, 'NOTE' FROM shop.orders WHERE id % 5 = ${round % 5}`,
    );
  }

  async function ask(orderId: string, at: string): Promise<AsOfAnswer | undefined> {
    const found = await harness.history.asOf(harness.shopId, orderId, { moment: at });
    const watched = await new OrderAsOfStore().watched(harness.database, harness.shopId);
    return found && answerAsOf({ profile, orderId, at, found, watched });
  }

  /** A row that moves to another order leaves its own children, which did not change, with the first one. */
  async function ordersOfMovedRows(): Promise<Set<string>> {
    const rows = await harness.database.query<{ ids: string[] }>(
      `SELECT ARRAY[change #>> '{before,order_id}', change #>> '{after,order_id}'] AS ids
       FROM journal_entry, jsonb_array_elements(row_changes) AS change
       WHERE change #>> '{before,order_id}' <> change #>> '{after,order_id}'`,
    );
    return new Set(rows.flatMap(({ ids }) => ids));
  }

  const streaming = () =>
    until('streaming', async () => (await harness.row()).state === 'streaming');

  it.each([3, 20_261_123])(
    'is what the shop itself had then, row by row (seed %i)',
    async (seed) => {
      const { attach: url } = shop.credentials;
      await randomLoad(url, { seed, count: 40, firstId: 0 });
      await shop.run(`UPDATE shop.orders SET placed_at = now() WHERE placed_at IS NULL`);
      await harness.attach();
      await streaming();
      const captures = [await capture()];
      for (let round = 1; round <= 6; round += 1) {
        await randomLoad(url, { seed: seed + round, count: 40, firstId: round * 1_000 });
        await changeEarlier(round);
        captures.push(await capture());
      }
      // a shop that goes on after the last capture: the journal has certainly passed it
      await shop.run(placeOrder({ id: 900_000 }));
      await harness.caughtUp();

      const moved = await ordersOfMovedRows();
      let compared = 0;
      const wrong: unknown[] = [];
      for (const { at, rows } of captures) {
        for (const [orderId, own] of ordersOf(rows)) {
          if (moved.has(orderId)) continue;
          const answer = await ask(orderId, at);
          const expected = buildSnapshot(profile, imagesOf(own));
          const told = new Map(
            (answer?.rows ?? []).map((row) => [rowName(row.table, row.key), row.image]),
          );
          compared += 1;
          try {
            expect(answer?.standing).toBe('known');
            expect(await opened(harness, told)).toEqual(own);
            expect(answer?.order).toEqual(expected);
          } catch (error) {
            wrong.push({ orderId, at, error: String(error).slice(0, 600) });
          }
        }
      }
      expect(wrong).toEqual([]);
      expect(compared).toBeGreaterThan(100);
    },
  );

  const standing = async (orderId: string, at: string) => (await ask(orderId, at))?.standing;
  const total = async (orderId: string, at: string) => (await ask(orderId, at))?.order?.totalMinor;

  /** Waits until the journal knows of everything that the shop had done at this moment. */
  const seen = (at: string) =>
    until('seen', async () => {
      const { until: seenUntil } = await new OrderAsOfStore().watched(
        harness.database,
        harness.shopId,
      );
      return seenUntil !== null && seenUntil > at;
    });

  it('says where it cannot be told: not placed, deleted, before the watch, after the journal’s end', async () => {
    const first = await now();
    await shop.run(placeOrder({ id: 1 }));
    const before = await now();
    await harness.attach();
    await streaming();
    const watched = await now();
    await shop.run(placeOrder({ id: 2 }));
    await shop.run(cancelOrder(1));
    const cancelled = await now();
    await shop.run('DELETE FROM shop.orders WHERE id = 1');
    const deleted = await now();
    await shop.run(placeOrder({ id: 3 }));
    await harness.caughtUp();
    await seen(deleted);

    expect(await ask('7', deleted)).toBeUndefined();
    const states = async (orderId: string) =>
      Promise.all([first, before, watched, cancelled, deleted].map((at) => standing(orderId, at)));
    expect(await states('1')).toEqual(['not-placed', 'not-watched', 'known', 'known', 'deleted']);
    expect(await states('2')).toEqual(['not-placed', 'not-placed', 'not-placed', 'known', 'known']);
    const [then, later] = await Promise.all([watched, cancelled].map((at) => ask('1', at)));
    expect(then?.order).toMatchObject({ status: 'paid', totalMinor: 1_000 });
    expect(then?.order?.lines).toMatchObject([{ quantity: 2 }]);
    expect(later?.order).toMatchObject({ status: 'cancelled', totalMinor: 0 });
    expect(later?.order?.lines).toMatchObject([{ quantity: 0 }]);
    expect((await ask('1', deleted))?.order).toBeNull();
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString().replace('Z', '000Z');
    expect(await ask('2', tomorrow)).toMatchObject({
      standing: 'not-journalled',
      order: { status: 'paid' },
    });
  });

  it('says that a time lies in a gap, for that time only, and what was last seen', async () => {
    await shop.run(...[1, 2, 3].map((id) => placeOrder({ id })));
    const stream = await harness.attach();
    await streaming();
    const attached = await now();
    await shop.run(`UPDATE shop.orders SET total_minor = 11 WHERE id = 1`);
    const quiet = await now();
    await harness.caughtUp();
    await seen(quiet);
    await stream.stop();
    await shop.query(
      `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()`,
    );
    await shop.run(`UPDATE shop.orders SET total_minor = 12 WHERE id IN (1, 2)`);
    const lost = await now();
    harness.open().start();
    await until('a new slot', async () => {
      const row = await harness.row();
      return row.slotGeneration === 2 && row.state === 'streaming';
    });
    const after = await now();
    await shop.run(`UPDATE shop.orders SET total_minor = 13 WHERE id = 1`);
    await harness.caughtUp();
    await seen(after);

    const states = async (orderId: string) =>
      Promise.all([attached, quiet, lost, after].map((at) => standing(orderId, at)));
    expect(await states('1')).toEqual(['known', 'known', 'in-gap', 'known']);
    // nothing had been journalled of it before the gap
    expect(await states('2')).toEqual(['not-known', 'not-known', 'in-gap', 'known']);
    expect(await states('3')).toEqual(['known', 'known', 'in-gap', 'known']);
    const totals = await Promise.all([attached, quiet, lost, after].map((at) => total('1', at)));
    expect(totals).toEqual([1_000, 11, 11, 12]);
    const inGap = await ask('1', lost);
    expect(inGap?.detail).toMatch(/^changes were lost after .* and before .*somebody dropped it/);
    expect((await ask('2', attached))?.order).toBeNull();
  });

  it('at a position of the journal is the fold of the entries up to it', async () => {
    await harness.attach();
    await streaming();
    await shop.run(placeOrder({ id: 1 }));
    await shop.run(`UPDATE shop.orders SET total_minor = 11 WHERE id = 1`);
    await shop.run(`UPDATE shop.orders SET total_minor = 12 WHERE id = 1`);
    await harness.caughtUp();
    const entries = (await harness.entries()).filter(({ orderId }) => orderId === '1');
    const totals = await Promise.all(
      entries.map(async ({ position }) => {
        const found = await harness.history.asOf(harness.shopId, '1', { position });
        return found?.rows.find(({ table }) => table === 'shop.orders')?.image['total_minor'];
      }),
    );
    expect(totals).toEqual(['1000', '11', '12']);
    const none = await harness.history.asOf(harness.shopId, '1', { position: 0 });
    expect(none).toMatchObject({ rows: [], last: null, next: { position: entries[0]?.position } });
  });
});

/** The placed orders among the rows, each with its rows. */
function ordersOf(rows: ReadonlyMap<string, TextRow>): Map<string, Map<string, TextRow>> {
  const lookup = (ref: { table: string; key: readonly string[] }) =>
    rows.get(rowName(ref.table, ref.key));
  const orders = new Map<string, Map<string, TextRow>>();
  for (const [name, image] of rows) {
    const table = name.slice(0, name.indexOf(' '));
    const owner = ownerOf(mapping, { table, image }, { image: lookup, orderByLink: () => null });
    if (owner === null || owner === 'shared') continue;
    const placedAt = lookup({ table: 'shop.orders', key: [owner.orderId] })?.['placed_at'];
    if (typeof placedAt !== 'string') continue;
    const own = orders.get(owner.orderId) ?? new Map<string, TextRow>();
    orders.set(owner.orderId, own.set(name, image));
  }
  return orders;
}

function imagesOf(rows: ReadonlyMap<string, TextRow>): Map<string, TextRow[]> {
  const named = [...rows].map(([name, image]) => ({
    table: name.slice(0, name.indexOf(' ')),
    image,
  }));
  const byTable = Map.groupBy(named, ({ table }) => table);
  return new Map([...byTable].map(([table, own]) => [table, own.map(({ image }) => image)]));
}
