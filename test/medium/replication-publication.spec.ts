import pg from 'pg';
import { StreamInspector } from '../../src/intake/replication/stream-inspector.js';
import { isLater } from '../../src/intake/replication/source/lsn.js';
import type { ShopStream } from '../../src/intake/replication/shop-stream.js';
import type { StreamRow } from '../../src/intake/replication/stream-state.js';
import { rowName } from '../../src/orders/fold.js';
import { judgeBleeding } from '../../src/restore/bleeding.js';
import { checkTransaction } from '../../src/restore/plans/inverse.js';
import { parseProfile } from '../../src/shops/profile-file.js';
import type { Profile } from '../../src/shops/profile.js';
import { brokenChains } from '../support/journal-chains.js';
import { randomLoad } from '../support/random-load.js';
import { createHarness, until, type Harness } from '../support/replication-harness.js';
import { opened, shopRows } from '../support/shop-rows.js';
import {
  cancelOrder,
  createTestShop,
  placeOrder,
  testShopProfile,
  testShopProfileText,
  type TestShop,
} from '../support/test-shop.js';

let shop: TestShop;
let harness: Harness;

async function open(profile: Profile = testShopProfile('key')): Promise<void> {
  shop = await createTestShop();
  harness = await createHarness(shop, { profile });
  await shop.run(
    `INSERT INTO shop.stock VALUES ('tea', 1000, 0), ('milk', 1000, 0)`,
    ...[1, 2, 3, 4].map((id) => placeOrder({ id })),
  );
}

afterEach(async () => {
  await harness.close();
  await shop.drop();
});

/** Looks at the stream again and again, as the service does every few seconds, until it is so. */
async function inspected(
  stream: ShopStream,
  what: string,
  is: (row: StreamRow) => boolean | Promise<boolean>,
): Promise<StreamRow> {
  const { database, store, metrics, clock, settings } = harness;
  const inspector = new StreamInspector(database, store, metrics, clock, settings);
  return until(
    what,
    async () => {
      await inspector.inspect(stream);
      const row = await harness.row();
      return (await is(row)) && row;
    },
    60_000,
  );
}

const isStreaming = (row: StreamRow): boolean => row.state === 'streaming';
const isMismatched = (row: StreamRow): boolean => row.state === 'mismatch' && row.problem !== null;

const kindsOf = async (): Promise<string[]> =>
  (await harness.entries()).map(({ orderId, kinds }) => `${orderId}:${kinds.join()}`);

const publication = async (words: string): Promise<void> =>
  shop.run(`ALTER PUBLICATION ${(await harness.row()).publicationName} ${words}`);

/** The shop's server may forget all that it has committed by now. */
async function slotPasses(): Promise<void> {
  const [now] = await shop.query<{ lsn: string }>('SELECT pg_current_wal_lsn()::text AS lsn');
  await until('the slot has got on', async () => {
    const [slot] = await shop.query<{ confirmed: string }>(
      `SELECT confirmed_flush_lsn::text AS confirmed FROM pg_replication_slots
       WHERE database = current_database() AND NOT temporary`,
    );
    return !isLater(now?.lsn ?? '0/0', slot?.confirmed ?? '0/0');
  });
}

async function dropOurSlot(): Promise<void> {
  await shop.query(
    `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()`,
  );
}

async function expectImagesAreTheShop(): Promise<void> {
  const images = new Map(
    (await harness.images()).map((row) => [rowName(row.table, row.key), row.image]),
  );
  const rows = await shopRows(shop.credentials.attach, testShopProfile());
  expect(await opened(harness, images)).toEqual(rows);
}

/** Holds up whoever writes a row's image; gives what ends it. */
async function holdImage(table: string, key: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: harness.reinstate.url });
  await client.connect();
  await client.query('BEGIN');
  const { rowCount } = await client.query(
    'SELECT FROM reinstate.row_image WHERE table_name = $1 AND row_key = $2 FOR UPDATE',
    [table, JSON.stringify([key])],
  );
  expect(rowCount).toBe(1);
  return () => client.end();
}

/** Until somebody waits for such an image. */
async function imageWaitedFor(): Promise<void> {
  await until('held up', async () => {
    const waiting = await harness.database.query(
      `SELECT FROM pg_locks WHERE NOT granted AND pid IN
         (SELECT pid FROM pg_stat_activity WHERE datname = current_database())`,
    );
    return waiting.length > 0;
  });
}

/** Why an order that this transaction cancelled would not be restored. */
async function refusalOf(position: number): Promise<string | undefined> {
  const entries = await harness.entries();
  const { source } = entries[position - 1]!;
  const own = entries.filter((entry) => entry.source.commitLsn === source.commitLsn);
  return checkTransaction(testShopProfile(), own).refusal?.detail;
}

async function bleedingCause(): Promise<string | undefined> {
  const now = harness.clock.now();
  const stream = await harness.row();
  const shopPosition = { lsn: stream.confirmedLsn ?? '', incarnation: stream.incarnation ?? '' };
  const judged = judgeBleeding({ now, seenAt: [], settleMs: 0, stream, shop: shopPosition });
  return judged.bleeding ? judged.cause : undefined;
}

describe('a table that is taken out of the publication', () => {
  beforeEach(() => open());

  it('stops nothing: changes are kept, the slot goes on, and all is journalled once it is back', async () => {
    const stream = await harness.attach();
    await inspected(stream, 'streaming', isStreaming);
    const name = (await harness.row()).publicationName;
    await publication('DROP TABLE shop.payment');
    await shop.run(cancelOrder(1));
    const row = await inspected(stream, 'noticed', isMismatched);
    expect(row.problem).toBe(
      `the publication ${name} does not hold shop.payment: changes are kept as they come; attach the shop again`,
    );
    expect(row.gap).toContain(`shop.payment was taken out of the publication ${name}`);
    const known = await kindsOf();

    await shop.run(cancelOrder(2));
    await shop.run(`UPDATE shop.payment SET amount_minor = 7 WHERE id = 3`);
    await shop.run(`INSERT INTO shop.payment VALUES (31, 3, 8, 'captured')`);
    await shop.run(`UPDATE shop.orders SET total_minor = 9 WHERE id = 3`);
    await harness.caughtUp();
    await slotPasses();
    expect(await kindsOf()).toEqual(known);
    expect(await bleedingCause()).toBe('stream-not-running');
    const metrics = await harness.registry.metrics();
    expect(metrics).toContain('reinstate_replication_state{shop="test-shop",state="mismatch"} 1');
    expect(metrics).toContain('reinstate_replication_gaps_total{shop="test-shop"} 1');

    // a DBA puts it back: nobody has to attach or to restart anything
    await publication('ADD TABLE shop.payment');
    const back = await inspected(stream, 'streaming again', isStreaming);
    expect(back).toMatchObject({ slotGeneration: 1, gap: null, unseenTables: {}, problem: null });
    await shop.run(`UPDATE shop.payment SET state = 'authorized' WHERE id = 4`);
    await harness.caughtUp();

    const kinds = await kindsOf();
    expect(kinds.filter((kind) => kind.startsWith('1:'))).toEqual(['1:cancelled']);
    const rest = kinds.slice(kinds.indexOf('2:cancelled'));
    expect(rest).toEqual([
      ...['2:cancelled', ':shared,gap', '3:changed', ':gap'],
      // what was lost, and the order of which rows changed meanwhile
      ...[':gap', '3:gap', '4:changed'],
    ]);
    const entries = await harness.entries();
    expect(entries.map(({ position }) => position)).toEqual(entries.map((_, at) => at + 1));
    const first = entries.find(({ orderId }) => orderId === '1');
    const [cancelled, lost, told, last] = [rest.length, 3, 2, 1].map((back) => entries.at(-back));
    expect(await refusalOf(cancelled!.position)).toContain(
      'shop.payment: was not published, so that nobody knows what became of its rows',
    );
    expect(await refusalOf(last!.position)).toBeUndefined();
    expect(lost?.reason).toContain(`shop.payment was taken out of the publication ${name}`);
    const since = new Date(lost?.attributes['since'] ?? '').getTime();
    expect(since).toBeLessThanOrEqual(new Date(first!.committedAt).getTime());
    expect(told?.rowChanges).toMatchObject([
      { table: 'shop.payment', operation: 'update', before: null, after: { amount_minor: '7' } },
      { table: 'shop.payment', operation: 'insert', before: null, after: { amount_minor: '8' } },
    ]);
    expect(last?.rowChanges).toMatchObject([
      { before: { state: 'captured' }, after: { state: 'authorized' } },
    ]);
    await expectImagesAreTheShop();
  });

  it('is noticed after a restart too, and attaching the shop again mends it', async () => {
    const first = await harness.attach();
    await inspected(first, 'streaming', isStreaming);
    await first.stop();
    await publication('DROP TABLE shop.payment');
    await shop.run(cancelOrder(1));
    const second = harness.open();
    second.start();
    await inspected(second, 'noticed', isMismatched);
    await slotPasses();
    await second.stop();
    await shop.run(cancelOrder(2));
    const third = await harness.attach();
    await inspected(third, 'streaming', isStreaming);
    await harness.caughtUp();
    expect(await kindsOf()).toEqual([
      ...['1:cancelled', ':shared,gap', '2:cancelled', ':shared,gap', ':gap'],
    ]);
    await expectImagesAreTheShop();
  });

  it.each(['while it is followed', 'while it is not'] as const)(
    'and put back before anybody looked (%s): what changed in between is not passed over',
    async (when) => {
      const first = await harness.attach();
      await inspected(first, 'streaming', isStreaming);
      if (when === 'while it is not') await first.stop();
      await publication('DROP TABLE shop.payment');
      await shop.run(`UPDATE shop.payment SET amount_minor = 7 WHERE id = 3`);
      await shop.run(cancelOrder(1));
      await publication('ADD TABLE shop.payment');
      const stream = when === 'while it is not' ? harness.open() : first;
      stream.start();
      await inspected(
        stream,
        'told',
        async (row) => isStreaming(row) && (await kindsOf()).includes('3:gap'),
      );
      const kinds = await kindsOf();
      expect(kinds.filter((kind) => kind === '1:cancelled')).toHaveLength(1);
      expect(kinds.slice(-2)).toEqual([':gap', '3:gap']);
      expect((await harness.row()).slotGeneration).toBe(1);
      await expectImagesAreTheShop();
    },
  );

  it('and then the slot is lost as well: one gap tells both, and a new snapshot follows all the same', async () => {
    const first = await harness.attach();
    await inspected(first, 'streaming', isStreaming);
    await publication('DROP TABLE shop.payment');
    await inspected(first, 'noticed', isMismatched);
    await shop.run(cancelOrder(1));
    await harness.caughtUp();
    await first.stop();
    await dropOurSlot();
    const second = harness.open();
    second.start();
    // the table is still missing: the new stream goes on without it, too
    await inspected(second, 'a new slot', (row) => row.slotGeneration === 2 && isMismatched(row));
    await shop.run(cancelOrder(2));
    await publication('ADD TABLE shop.payment');
    await inspected(second, 'streaming', isStreaming);
    await harness.caughtUp();
    const kinds = await kindsOf();
    expect(kinds[0]).toBe(':gap');
    expect((await harness.entries())[0]?.reason).toMatch(
      /shop.payment was taken out .* is gone: somebody dropped it; 1 transactions that did not fit/,
    );
    expect(kinds.slice(kinds.indexOf('2:cancelled'))).toEqual([
      ...['2:cancelled', ':shared,gap', ':gap'],
    ]);
    await expectImagesAreTheShop();
  });

  it('is missing when a new slot is made, and back before its snapshot is read: nothing is passed over', async () => {
    const first = await harness.attach();
    await inspected(first, 'streaming', isStreaming);
    await first.stop();
    await dropOurSlot();
    await publication('DROP TABLE shop.payment');
    const release = await holdImage('shop.orders', '2');
    const second = harness.open();
    second.start();
    // the slot is made, and what it did not see before is about to be written down
    await imageWaitedFor();
    await shop.run(`UPDATE shop.payment SET amount_minor = 7 WHERE id = 3`);
    await publication('ADD TABLE shop.payment');
    await release();
    await inspected(
      second,
      'told',
      async (row) => isStreaming(row) && (await kindsOf()).includes('3:gap'),
    );
    expect(await kindsOf()).toEqual([':gap', ':gap', '3:gap']);
    expect((await harness.entries())[1]?.reason).toContain('shop.payment was taken out');
    expect(await harness.row()).toMatchObject({ slotGeneration: 2, gap: null, unseenTables: {} });
    await expectImagesAreTheShop();
  });

  it('and put back, its rows cannot be read anew yet: nothing is restored by them meanwhile', async () => {
    const stream = await harness.attach();
    await inspected(stream, 'streaming', isStreaming);
    // a slot waits for whoever has changed the catalogue
    const writer = new pg.Client({ connectionString: shop.url });
    await writer.connect();
    try {
      await writer.query('BEGIN');
      await writer.query('CREATE TABLE shop.import (id int)');
      await publication('DROP TABLE shop.payment');
      await publication('ADD TABLE shop.payment');
      await inspected(stream, 'a slot is awaited', async () => {
        const slots = await shop.query(
          `SELECT FROM pg_replication_slots WHERE slot_name LIKE '%\\_refresh' AND database = current_database()`,
        );
        return slots.length > 0;
      });
      expect((await harness.row()).state).toBe('mismatch');
      const isSaid = (row: StreamRow): boolean => row.problem?.includes('waits for') === true;
      expect((await inspected(stream, 'said', isSaid)).state).toBe('mismatch');
    } finally {
      await writer.end();
    }
    await inspected(stream, 'streaming again', isStreaming);
    await expectImagesAreTheShop();
  });

  it('cut off while its rows are read anew: what was lost is told once', async () => {
    const first = await harness.attach();
    await inspected(first, 'streaming', isStreaming);
    await publication('DROP TABLE shop.payment');
    await inspected(first, 'noticed', isMismatched);
    await shop.run(`UPDATE shop.payment SET amount_minor = 7 WHERE id = 3`);
    const release = await holdImage('shop.orders', '2');
    await publication('ADD TABLE shop.payment');
    await inspected(first, 'the loss is told', (row) => row.gap === null);
    const stopping = first.stop();
    await release();
    await stopping;
    expect((await harness.row()).unseenTables).toEqual({ 'shop.payment': 'lost' });
    const second = harness.open();
    second.start();
    await inspected(second, 'streaming', isStreaming);
    expect(await kindsOf()).toEqual([':gap', '3:gap']);
    await expectImagesAreTheShop();
  });

  it.each(['with all tables', 'without one of them', 'with one that was missing before'] as const)(
    'a publication that is dropped and made anew (%s): a gap, and a new slot',
    async (how) => {
      const first = await harness.attach();
      await inspected(first, 'streaming', isStreaming);
      const name = (await harness.row()).publicationName;
      if (how === 'with one that was missing before') {
        await publication('DROP TABLE shop.payment');
        await inspected(first, 'noticed', isMismatched);
      }
      await first.stop();
      await shop.run(`DROP PUBLICATION ${name}`);
      await shop.run(cancelOrder(1));
      const isShort = how === 'without one of them';
      const tables = [...harness.target().mapping.tables.keys()].filter(
        (table) => !isShort || table !== 'shop.payment',
      );
      await shop.run(`CREATE PUBLICATION ${name} FOR TABLE ${tables.join(', ')}`);
      const second = harness.open();
      second.start();
      const isBack = isShort ? isMismatched : isStreaming;
      await inspected(second, 'a new slot', (row) => row.slotGeneration === 2 && isBack(row));
      if (isShort) await publication('ADD TABLE shop.payment');
      await inspected(second, 'streaming', isStreaming);
      const [gap, ...rest] = await harness.entries();
      expect(gap?.reason).toContain('was dropped and made anew');
      const orders = rest.filter(({ orderId }) => orderId !== '');
      expect(new Set(orders.map(({ orderId }) => orderId))).toEqual(new Set(['1']));
      await expectImagesAreTheShop();
    },
  );

  it('a publication that is gone altogether loses the whole shop’s changes, until it is attached again', async () => {
    const stream = await harness.attach();
    await inspected(stream, 'streaming', isStreaming);
    await shop.run(`DROP PUBLICATION ${(await harness.row()).publicationName}`);
    await shop.run(cancelOrder(1));
    const lost = await inspected(stream, 'lost', ({ state }) => state === 'lost');
    expect(lost.gap).toContain('is gone: attach the shop again');
    await stream.stop();
    const again = await harness.attach();
    await inspected(again, 'a new slot', (row) => row.slotGeneration === 2 && isStreaming(row));
    expect((await kindsOf())[0]).toBe(':gap');
    await expectImagesAreTheShop();
  });
});

it.each(['full', 'key'] as const)(
  'under load, with identity %s: a table that goes and comes back leaves the images the shop’s rows',
  async (identity) => {
    await open(testShopProfile(identity));
    const { attach: url } = shop.credentials;
    const stream = await harness.attach();
    await inspected(stream, 'streaming', isStreaming);
    const load = new AbortController();
    const loads = [100_000, 500_000].map((firstId) =>
      randomLoad(url, { seed: firstId, count: Infinity, firstId, signal: load.signal }),
    );
    const loaded = Promise.all(loads);
    try {
      await until('journalled', async () => (await harness.entries()).length > 50);
      await publication('DROP TABLE shop.payment');
      await inspected(stream, 'noticed', isMismatched);
      await until('kept', async () => {
        const [spool] = await harness.database.query<{ rows: number }>(
          'SELECT count(*) AS rows FROM replication_spool',
        );
        return spool!.rows > 50;
      });
      await publication('ADD TABLE shop.payment');
      await inspected(stream, 'streaming again', isStreaming);
    } finally {
      load.abort();
      await loaded;
    }
    await harness.caughtUp();
    const entries = await harness.entries();
    expect(entries.map(({ position }) => position)).toEqual(entries.map((_, at) => at + 1));
    const seen = entries.map((entry) => ({
      ...entry,
      rowChanges: entry.rowChanges.filter(
        // a refund's order is known by its payment
        ({ table }) => table !== 'shop.payment' && table !== 'shop.refund',
      ),
    }));
    expect(brokenChains(seen)).toEqual([]);
    await expectImagesAreTheShop();
  },
);

describe('a profile that maps a table which is not published yet', () => {
  const small = parseProfile(
    testShopProfileText
      .replace(/^refunds: .*\n/m, '')
      .replace(/^ {2}shop\.refund:\n(?: {4}.*\n)+/m, ''),
    'small.yaml',
  );

  beforeEach(() => open(small));

  it('keeps the changes until the shop is attached again, and then says what they do not know', async () => {
    const first = await harness.attach();
    await inspected(first, 'streaming', isStreaming);
    await shop.run(`INSERT INTO shop.refund VALUES (1, 1, 5)`);
    await first.stop();

    const stream = harness.open(testShopProfile('key'));
    stream.start();
    const row = await inspected(stream, 'noticed', isMismatched);
    expect(row.problem).toContain('does not hold shop.refund: changes are kept as they come');
    // nothing that was known is lost
    expect(row).toMatchObject({ gap: null, unseenTables: { 'shop.refund': 'new' } });
    await shop.run(cancelOrder(1));
    await shop.run(`INSERT INTO shop.refund VALUES (2, 2, 5)`);
    await harness.caughtUp();
    await slotPasses();
    expect(await kindsOf()).toEqual([]);
    expect(await bleedingCause()).toBe('stream-not-running');

    await harness.attacher.attach(harness.target(testShopProfile('key')), {
      credential: shop.credentials.attach,
      allowUnboundedWal: false,
      slotLimitMs: 10_000,
    });
    await inspected(stream, 'streaming', isStreaming);
    await shop.run(`UPDATE shop.refund SET amount_minor = 6 WHERE id = 2`);
    await shop.run(cancelOrder(3));
    await harness.caughtUp();
    expect(await kindsOf()).toEqual([
      ...['1:cancelled', ':shared,gap', '2:changed', '3:cancelled', ':shared'],
    ]);
    expect(await refusalOf(1)).toContain('shop.refund: was not published');
    expect(await refusalOf(4)).toBeUndefined();
    const [, , changed] = await harness.entries();
    expect(changed?.rowChanges).toMatchObject([
      { before: { amount_minor: '5' }, after: { amount_minor: '6' } },
    ]);
    await expectImagesAreTheShop();
  });

  it('taken back instead, the profile reads what was kept as if nothing had been', async () => {
    const first = await harness.attach();
    await inspected(first, 'streaming', isStreaming);
    await first.stop();
    const mistaken = harness.open(testShopProfile('key'));
    mistaken.start();
    await inspected(mistaken, 'noticed', isMismatched);
    await shop.run(cancelOrder(1));
    await harness.caughtUp();
    await mistaken.stop();

    const mended = harness.open();
    mended.start();
    await inspected(
      mended,
      'nothing unseen',
      (row) => isStreaming(row) && Object.keys(row.unseenTables).length === 0,
    );
    await harness.caughtUp();
    expect(await kindsOf()).toEqual(['1:cancelled', ':shared']);
  });
});

it('images are read anew only once the journal has come so far, whatever ends the connection', async () => {
  await open();
  const first = await harness.attach();
  await inspected(first, 'streaming', isStreaming);
  await first.stop();
  // each is a batch of its own
  for (let count = 0; count < 4; count += 1)
    await shop.run(
      `UPDATE shop.orders SET version = version + 1 WHERE id = 2`,
      `INSERT INTO shop.history (order_id, kind) SELECT 1, 'NOTE' FROM generate_series(1, 1500)`,
    );
  await harness.database.query(`UPDATE replication_stream SET mapping_hash = 'of another profile'`);

  const release = await holdImage('shop.orders', '2');
  const second = harness.open();
  second.start();
  await imageWaitedFor();
  // as the inspection does where it finds a table missing
  second.sees(await harness.row(), {
    ...{ oid: '1', nameless: [], generated: [], members: {}, columns: {} },
    missing: ['shop.payment'],
  });
  await release();
  await inspected(second, 'read anew', (row) => row.mappingHash !== 'of another profile');
  await harness.caughtUp();
  const entries = (await harness.entries()).filter(({ orderId }) => orderId === '2');
  expect(entries).toHaveLength(4);
  expect(brokenChains(entries)).toEqual([]);
  await expectImagesAreTheShop();
});
