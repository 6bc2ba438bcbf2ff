import type { JournalEntry } from '../../src/orders/order-event.js';
import { changedColumns, type RowChange } from '../../src/orders/row-change.js';
import { signedMarker } from '../../src/shops/restore-marker.js';
import { largeText, Random } from '../support/random-load.js';
import { createHarness, until, type Harness } from '../support/replication-harness.js';
import {
  cancelOrder,
  createTestShop,
  placeOrder,
  testShopProfile,
  type TestShop,
} from '../support/test-shop.js';

function changeOf(entry: JournalEntry, table: string): RowChange {
  const found = entry.rowChanges.find((change) => change.table === table);
  if (found === undefined) throw new Error(`no change of ${table}`);
  return found;
}

describe.each(['full', 'key'] as const)('what replication journals (identity %s)', (identity) => {
  let shop: TestShop;
  let harness: Harness;
  const notes = largeText(new Random(1));

  beforeAll(async () => {
    shop = await createTestShop();
    harness = await createHarness(shop, { profile: testShopProfile(identity) });
    await shop.run(`INSERT INTO shop.stock VALUES ('tea', 1000, 0), ('milk', 1000, 0)`);
    for (const id of [1, 2, 3, 4, 5, 6, 7]) await shop.run(placeOrder({ id }));
    await shop.run(`UPDATE shop.orders SET notes = '${notes}'`);
    await harness.attach();
    await until('streaming', async () => (await harness.row()).state === 'streaming');
  });

  afterAll(async () => {
    await harness.close();
    await shop.drop();
  });

  /** What the journal gains by these statements, in one transaction of the shop. */
  async function journalled(...statements: string[]): Promise<JournalEntry[]> {
    const head = await harness.journal.head(harness.shopId);
    await shop.run(...statements);
    await harness.caughtUp();
    return harness.journal.readAfter(harness.shopId, head, 100);
  }

  it('a cancellation: before and after, who and why, the state before as snapshot, counters apart', async () => {
    let woken = 0;
    const unlisten = harness.wake.listen('detection', () => (woken += 1));
    const entries = await journalled(cancelOrder(1));
    unlisten();
    expect(entries).toHaveLength(2);
    const [cancelled, shared] = entries as [JournalEntry, JournalEntry];
    expect(cancelled).toMatchObject({
      orderId: '1',
      orderNumber: 'S-1',
      kinds: ['cancelled'],
      statusBefore: 'paid',
      statusAfter: 'cancelled',
      actorKind: 'job',
      actor: 'unpaid-orders',
      reason: 'not paid in time',
      customerId: 'c1',
      total: { amountMinor: 1000, currency: 'EUR' },
      attributes: { channel: 'web' },
      snapshot: { status: 'paid', totalMinor: 1000, lines: [{ quantity: 2 }] },
      marker: null,
    });
    expect(changeOf(cancelled, 'shop.orders')).toMatchObject({
      operation: 'update',
      before: { status: 'paid', total_minor: '1000', cancelled_at: null, notes },
      after: { status: 'cancelled', total_minor: '0', notes },
    });
    expect(cancelled.committedAt).toMatch(/\.\d{6}Z$/);
    expect(shared).toMatchObject({ orderId: '', kinds: ['shared'], source: cancelled.source });
    expect(changeOf(shared, 'shop.stock').before?.['allocated']).toBe('14');
    expect(changeOf(shared, 'shop.stock').after?.['allocated']).toBe('12');
    expect(woken).toBeGreaterThan(0);
  });

  it('a raw UPDATE has an unknown actor, and an order for each row', async () => {
    const entries = await journalled(
      `UPDATE shop.orders SET status = 'cancelled' WHERE id IN (2, 3)`,
    );
    expect(entries.map(({ orderId, kinds, actorKind }) => [orderId, kinds, actorKind])).toEqual([
      ['2', ['cancelled'], 'unknown'],
      ['3', ['cancelled'], 'unknown'],
    ]);
    expect(changedColumns(entries[0]!.rowChanges[0]!)).toEqual(['status']);
  });

  it('a child that changes alone finds its order through its parents', async () => {
    const [entry] = await journalled(`INSERT INTO shop.refund VALUES (70, 4, 300)`);
    expect(entry).toMatchObject({ orderId: '4', orderNumber: 'S-4', kinds: ['refunded'] });
    const [changed] = await journalled(`UPDATE shop.refund SET amount_minor = 200 WHERE id = 70`);
    expect(changed).toMatchObject({ orderId: '4', kinds: ['changed'], statusAfter: 'paid' });
    expect(changed?.rowChanges).toMatchObject([
      { before: { amount_minor: '300' }, after: { amount_minor: '200' } },
    ]);
    const [gone] = await journalled(`DELETE FROM shop.refund WHERE id = 70`);
    expect(gone?.rowChanges).toMatchObject([
      { operation: 'delete', before: { amount_minor: '200' }, after: null },
    ]);
  });

  it('a row updated twice in one transaction: one net change; one that changed nothing: none', async () => {
    const [entry, ...others] = await journalled(
      `UPDATE shop.orders SET total_minor = 1 WHERE id = 5`,
      `UPDATE shop.orders SET total_minor = 2, version = 9 WHERE id = 5`,
    );
    expect(others).toEqual([]);
    expect(entry?.rowChanges).toHaveLength(1);
    expect(entry?.rowChanges[0]).toMatchObject({
      before: { total_minor: '1000', version: '1', notes },
      after: { total_minor: '2', version: '9', notes },
    });
    expect(
      await journalled(`UPDATE shop.orders SET total_minor = total_minor WHERE id = 5`),
    ).toEqual([]);
    expect(
      await journalled(
        `UPDATE shop.orders SET channel = 'ios' WHERE id = 5`,
        `UPDATE shop.orders SET channel = 'web' WHERE id = 5`,
      ),
    ).toEqual([]);
  });

  it('our own marker, and the shop’s trace', async () => {
    const itemId = '01940000-0000-7000-8000-000000000001';
    const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const subject = { shopId: harness.shopId, orderId: '2', itemId, action: 'restore' } as const;
    const marker = signedMarker(subject, harness.markerKey);
    const entries = await journalled(
      `SELECT pg_logical_emit_message(true, 'reinstate', '{"action":"restore","itemId":"item-1"}')`,
      `SELECT pg_logical_emit_message(true, 'reinstate', '${marker}')`,
      `SELECT pg_logical_emit_message(true, 'traceparent', '${trace}')`,
      `SELECT pg_logical_emit_message(false, 'reinstate', '{"action":"undo","itemId":"other"}')`,
      `UPDATE shop.orders SET status = 'paid' WHERE id = 2`,
    );
    expect(entries).toMatchObject([
      {
        orderId: '2',
        kinds: ['restored'],
        marker: { action: 'restore', itemId },
        traceparent: trace,
      },
    ]);
    const [next] = await journalled(`UPDATE shop.orders SET version = 3 WHERE id = 2`);
    expect(next).toMatchObject({ marker: null, traceparent: null });
  });

  it('carts are no orders: nothing until placed, then the whole order', async () => {
    expect(
      await journalled(
        `INSERT INTO shop.orders (id, number, customer_id, status, total_minor) VALUES (90, '', 'c90', 'pending', 0)`,
        `INSERT INTO shop.order_line VALUES (90, 90, 'tea', 1, 500), (91, 90, 'milk', 1, 100)`,
      ),
    ).toEqual([]);
    expect(
      await journalled(
        `UPDATE shop.order_line SET quantity = 3 WHERE id = 90`,
        `DELETE FROM shop.order_line WHERE id = 91`,
      ),
    ).toEqual([]);
    const [placed] = await journalled(
      `UPDATE shop.orders SET placed_at = now(), number = 'S-90', total_minor = 1500 WHERE id = 90`,
      `INSERT INTO shop.payment VALUES (90, 90, 1500, 'captured')`,
    );
    expect(placed).toMatchObject({
      orderId: '90',
      kinds: ['placed', 'paid'],
      total: { amountMinor: 1500 },
      snapshot: { state: 'open', lines: [{ quantity: 3 }], payments: [{ heldMinor: 1500 }] },
    });
    expect(placed?.rowChanges.map(({ table, operation }) => [table, operation]).sort()).toEqual([
      ['shop.order_line', 'insert'],
      ['shop.orders', 'insert'],
      ['shop.payment', 'insert'],
    ]);
  });

  it('deleted orders, with everything they were', async () => {
    const [deleted] = await journalled(`DELETE FROM shop.orders WHERE id = 6`);
    expect(deleted).toMatchObject({
      orderId: '6',
      orderNumber: 'S-6',
      kinds: ['deleted'],
      statusBefore: 'paid',
      statusAfter: null,
    });
    expect(deleted?.rowChanges.map(({ table, before }) => [table, before?.['id']]).sort()).toEqual([
      ['shop.order_line', '6'],
      ['shop.orders', '6'],
      ['shop.payment', '6'],
      ['shop.stock_movement', expect.any(String)],
    ]);
  });

  it('TRUNCATE is the deletion of every row', async () => {
    await journalled(`INSERT INTO shop.refund VALUES (71, 4, 10), (72, 5, 20)`);
    const entries = await journalled(`TRUNCATE shop.refund`);
    expect(entries.map(({ orderId }) => orderId).sort()).toEqual(['4', '5']);
    expect(entries.flatMap(({ rowChanges }) => rowChanges)).toMatchObject([
      { operation: 'delete', before: { amount_minor: '10' } },
      { operation: 'delete', before: { amount_minor: '20' } },
    ]);
  });

  it('personal values only sealed, and erasable', async () => {
    const [entry] = await journalled(
      `UPDATE shop.orders SET ship_name = E'\\uFEFFJane Doe-Secret' WHERE id = 7`,
    );
    const { before, after } = changeOf(entry!, 'shop.orders');
    const values = [before?.['ship_name'], after?.['ship_name']];
    expect(values).toMatchObject([{ keyOf: 'customer:c7' }, { keyOf: 'customer:c7' }]);
    const sealed = values.filter((value) => typeof value === 'object' && value !== null);
    expect(await harness.personalData.open(harness.shopId, sealed)).toEqual([
      'Name c7',
      '\uFEFFJane Doe-Secret',
    ]);
    const [found] = await harness.database.query<{ clear: number }>(
      `SELECT (SELECT count(*) FROM journal_entry WHERE row_changes::text ~ 'Secret|Name c' OR snapshot::text ~ 'Secret|Name c')
            + (SELECT count(*) FROM row_image WHERE image::text ~ 'Secret|Name c') AS clear`,
    );
    expect(found?.clear).toBe(0);
    await harness.database.transaction((transaction) =>
      harness.personalData.erase(transaction, harness.shopId, 'customer:c7'),
    );
    const [next, ...others] = await journalled(
      `UPDATE shop.orders SET total_minor = 5 WHERE id = 7`,
    );
    expect(others).toEqual([]);
    expect(next?.kinds).toEqual(['changed']);
    expect(changedColumns(next!.rowChanges[0]!)).toEqual(['total_minor']);
    const again = changeOf(next!, 'shop.orders').after?.['ship_name'];
    expect(again).toMatchObject({ keyOf: 'customer:c7', sealed: '' });
  });

  it('a row that is not what it was last known to be raises a gap', async () => {
    await harness.database.query(
      `UPDATE row_image SET image = image || '{"total_minor": "77"}' WHERE table_name = 'shop.orders' AND row_key = '["5"]'`,
    );
    const entries = await journalled(
      `UPDATE shop.orders SET channel = 'ios' WHERE id = 5`,
      `UPDATE shop.stock SET on_hand = on_hand + 1 WHERE product = 'milk'`,
    );
    const gaps = entries.filter(({ kinds }) => kinds.includes('gap'));
    if (identity === 'key') {
      // without the whole old row nothing can be compared
      expect(gaps).toEqual([]);
      return;
    }
    expect(gaps).toMatchObject([{ orderId: '', kinds: ['shared', 'gap'] }]);
    expect(gaps[0]?.reason).toBe('shop.orders [5]: total_minor changed without our having seen it');
    expect(changeOf(entries[0]!, 'shop.orders').before?.['total_minor']).toBe('2');
  });

  it('a repeated delivery adds nothing', async () => {
    const { writer } = harness;
    const write = writer.write.bind(writer);
    const delivered: Parameters<typeof write>[0][] = [];
    writer.write = (batch) => {
      delivered.push(batch);
      return write(batch);
    };
    const came = await journalled(
      `INSERT INTO shop.refund VALUES (80, 4, 30)`,
      `UPDATE shop.orders SET total_minor = total_minor - 30 WHERE id = 4`,
    ).finally(() => (writer.write = write));
    expect(came).toMatchObject([{ orderId: '4', kinds: ['refunded'] }]);
    const changes = delivered.flatMap(({ transactions }) => transactions.flatMap((t) => t.changes));
    expect(changes).toHaveLength(2);
    const before = { entries: await harness.entries(), images: await harness.images() };
    for (const batch of delivered) expect(await write(batch)).toEqual([]);
    expect({ entries: await harness.entries(), images: await harness.images() }).toEqual(before);
  });
});
