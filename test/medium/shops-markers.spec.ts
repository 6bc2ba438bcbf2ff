import type { JournalEntry } from '../../src/orders/order-event.js';
import { PostgresShopAdapter } from '../../src/shops/postgres/postgres-shop-adapter.js';
import { MarkerKey, signedMarker, type MarkerSubject } from '../../src/shops/restore-marker.js';
import type { RestoreItem } from '../../src/shops/shop-adapter.js';
import { createHarness, until, type Harness } from '../support/replication-harness.js';
import { withClient } from '../support/postgres.js';
import {
  createTestShop,
  placeOrder,
  testShopProfile,
  type TestShop,
} from '../support/test-shop.js';

let shop: TestShop;
let harness: Harness;
let adapter: PostgresShopAdapter;
const shopId = 'test-shop';

beforeAll(async () => {
  shop = await createTestShop();
  harness = await createHarness(shop);
  adapter = new PostgresShopAdapter({
    profile: testShopProfile(),
    readUrl: shop.credentials.read,
    writeUrl: shop.credentials.write,
    ...{ lockTimeoutMs: 500, statementTimeoutMs: 5_000, transactionTimeoutMs: 10_000 },
    concurrency: 1,
    markerOf: (item) => signedMarker({ shopId, ...item }, harness.markerKey),
    mayWrite: () => Promise.resolve(true),
  });
  await shop.run(`INSERT INTO shop.stock VALUES ('tea', 1000, 0)`);
  for (let id = 1; id <= 9; id += 1) await shop.run(placeOrder({ id }));
  await harness.attach();
  await until('streaming', async () => (await harness.row()).state === 'streaming');
});

afterAll(async () => {
  await adapter.close();
  await harness.close();
  await shop.drop();
});

async function journalled(work: () => Promise<unknown>): Promise<JournalEntry[]> {
  await harness.caughtUp();
  const head = await harness.journal.head(shopId);
  await work();
  await harness.caughtUp();
  return harness.journal.readAfter(shopId, head, 100);
}

const cancel = (id: number) => `UPDATE shop.orders SET status = 'cancelled' WHERE id = ${id}`;
const reopen = (id: number) => `UPDATE shop.orders SET status = 'paid' WHERE id = ${id}`;
const emit = (content: string) => ({
  sql: `SELECT pg_logical_emit_message(true, 'reinstate', $1)`,
  values: [content],
});

function subjectOf(orderId: number, given: Partial<MarkerSubject> = {}): MarkerSubject {
  const itemId = crypto.randomUUID();
  return { shopId, orderId: String(orderId), itemId, action: 'restore', ...given };
}

const signed = (subject: MarkerSubject) => signedMarker(subject, harness.markerKey);

function itemOf({ orderId, itemId, action }: MarkerSubject): RestoreItem {
  const [from, to] = action === 'restore' ? ['cancelled', 'paid'] : ['paid', 'cancelled'];
  const set = { do: 'set', table: 'shop.orders', key: [orderId] } as const;
  const changes = [{ ...set, expected: { status: from }, to: { status: to } }];
  return { itemId, action, orderId, expectedStatus: from, changes, expect: [] };
}

/** How many markers were refused by now, by reason. */
async function refused(): Promise<Record<string, number>> {
  const metric = harness.registry.getSingleMetric('reinstate_restore_markers_refused_total');
  const { values } = await metric!.get();
  return Object.fromEntries(values.map(({ labels, value }) => [String(labels['reason']), value]));
}

test('the adapter’s own restore, and its undo, are known in the stream', async () => {
  await shop.run(cancel(1));
  const restore = subjectOf(1);
  const undo = subjectOf(1, { action: 'undo' });
  const entries = await journalled(async () => {
    for (const subject of [restore, undo]) {
      const outcome = await adapter.restore(itemOf(subject), () => Promise.resolve());
      expect(outcome).toMatchObject({ outcome: 'applied' });
    }
  });
  expect(entries).toMatchObject([
    { orderId: '1', kinds: ['restored'], marker: { action: 'restore', itemId: restore.itemId } },
    { orderId: '1', kinds: ['cancelled'], marker: { action: 'undo', itemId: undo.itemId } },
  ]);
  expect(await refused()).toEqual({});
});

test('the script that a DBA runs leaves the same mark', async () => {
  await shop.run(cancel(2));
  const subject = subjectOf(2);
  const text = await adapter.renderSql([itemOf(subject)]);
  const [entry] = await journalled(() =>
    withClient(shop.credentials.write, (client) => client.query(text.replace(/^\\.*$/m, ''))),
  );
  expect(entry).toMatchObject({ orderId: '2', marker: { itemId: subject.itemId } });
});

test.each([
  ['unsigned', () => JSON.stringify({ action: 'undo', itemId: crypto.randomUUID() })],
  [
    'signed by somebody else',
    () => signedMarker(subjectOf(3, { action: 'undo' }), MarkerKey.from(Buffer.alloc(32, 9))),
  ],
  ['of another shop', () => signed(subjectOf(3, { action: 'undo', shopId: 'second-shop' }))],
  ['of another order', () => signed(subjectOf(4, { action: 'undo' }))],
  ['for a restore', () => signed(subjectOf(3))],
])('a cancellation under a mark that is %s is one like any other', async (_what, content) => {
  await shop.run(reopen(3));
  const before = await refused();
  const [entry] = await journalled(() => shop.run(cancel(3), emit(content())));
  expect(entry).toMatchObject({ orderId: '3', kinds: ['cancelled'], marker: null });
  const after = await refused();
  const sum = (counts: Record<string, number>) =>
    Object.values(counts).reduce((total, count) => total + count, 0);
  expect(sum(after)).toBe(sum(before) + 1);
});

test('a genuine mark says nothing of the other orders in its transaction', async () => {
  await shop.run(cancel(5));
  const { itemId, ...rest } = subjectOf(5);
  const mark = emit(signed({ itemId, ...rest }));
  const entries = await journalled(() => shop.run(reopen(5), cancel(6), mark));
  expect(entries).toMatchObject([
    { orderId: '5', kinds: ['restored'], marker: { itemId } },
    { orderId: '6', kinds: ['cancelled'], marker: null },
  ]);
});

test('a mark that was seen before hides no fresh cancellation', async () => {
  const undo = subjectOf(7, { action: 'undo' });
  const copy = emit(signed(undo));
  const first = await journalled(() =>
    adapter.restore(itemOf(undo), () => Promise.resolve()).then(() => shop.run(reopen(7))),
  );
  expect(first[0]).toMatchObject({ kinds: ['cancelled'], marker: { itemId: undo.itemId } });
  const before = await refused();
  const [replayed] = await journalled(() => shop.run(cancel(7), copy));
  expect(replayed).toMatchObject({ orderId: '7', kinds: ['cancelled'], marker: null });
  expect((await refused())['replayed']).toBe((before['replayed'] ?? 0) + 1);
});

test('a transaction that is read again finds its own mark, and calls it no copy', async () => {
  await shop.run(cancel(8));
  const subject = subjectOf(8);
  const restore = () => adapter.restore(itemOf(subject), () => Promise.resolve());
  const [entry] = await journalled(restore);
  const source = entry!.source;
  const marked = { shopId, source, contents: [signed(subject)] };
  const unmarked = { ...entry!, marker: null };
  const before = await refused();
  const again = await harness.database.transaction((transaction) =>
    harness.markers.mark(transaction, marked, [unmarked]),
  );
  expect(again).toMatchObject([{ marker: { itemId: subject.itemId } }]);
  expect(await refused()).toEqual(before);
  const elsewhere = { ...marked, source: { ...source, transactionId: source.transactionId + 1 } };
  const copied = await harness.database.transaction((transaction) =>
    harness.markers.mark(transaction, elsewhere, [unmarked]),
  );
  expect(copied).toMatchObject([{ marker: null }]);
});

test('a mark is only remembered with the journal entry that it stands on', async () => {
  await shop.run(cancel(9));
  const subject = subjectOf(9);
  const [entry] = await journalled(() => shop.run(reopen(9)));
  const marked = { shopId, source: entry!.source, contents: [signed(subject)] };
  const lost = harness.database.transaction(async (transaction) => {
    await harness.markers.mark(transaction, marked, [entry!]);
    throw new Error('the journal could not be written');
  });
  await expect(lost).rejects.toThrow('could not be written');
  const rows = await harness.database.query('SELECT FROM restore_marker WHERE item_id = $1', [
    subject.itemId,
  ]);
  expect(rows).toEqual([]);
});

test('what was remembered cannot be changed, by any role', async () => {
  for (const sql of [
    `UPDATE reinstate.restore_marker SET transaction_id = 1`,
    `DELETE FROM reinstate.restore_marker`,
    `TRUNCATE reinstate.restore_marker`,
  ]) {
    await expect(harness.database.query(sql)).rejects.toThrow();
    await expect(
      withClient(harness.reinstate.url, (client) => client.query(sql)),
    ).rejects.toThrow();
  }
});
