import type { FaultWay } from '../../demo/faults/fault-report.js';
import type { RestoreItem } from '../../src/shops/shop-adapter.js';
import { AdapterScene, differences } from '../support/adapter-scene.js';
import { withClient } from '../support/postgres.js';

const note = () => Promise.resolve();

let scene: AdapterScene;

beforeAll(async () => {
  scene = await AdapterScene.create();
});

afterAll(async () => {
  await scene.close();
});

/** Everything of a script but its first line, which is for psql. */
async function scriptOf(item: RestoreItem): Promise<string> {
  return (await scene.adapter.renderSql([item])).split('\n').slice(1).join('\n');
}

const byHand = (script: string) => withClient(scene.urls.write, (client) => client.query(script));

/** What somebody does to an order that was cancelled by its status alone; `$1` is the order. */
const edits: [what: string, found: RegExp, sql: string][] = [
  [
    'the price of its shipping line',
    /^shop\.shipping_line \d+: price_minor, tax_minor$/,
    `UPDATE shop.shipping_line SET price_minor = price_minor + 1, tax_minor = tax_minor + 1 WHERE order_id = $1`,
  ],
  [
    'the quantity of a line',
    /^shop\.order_line \d+: quantity$/,
    `UPDATE shop.order_line SET quantity = quantity + 1 WHERE order_id = $1 AND product_id = 15`,
  ],
  [
    'a column of the order that the cancellation left alone',
    /^shop\.orders \d+: coupon_code$/,
    `UPDATE shop.orders SET coupon_code = NULL WHERE id = $1`,
  ],
  [
    'the address that it goes to',
    /^shop\.orders \d+: ship_street, contact_phone$/,
    `UPDATE shop.orders SET ship_street = 'Elm Street 13', contact_phone = '0800' WHERE id = $1`,
  ],
  [
    'a payment',
    /^shop\.payment \d+: provider_reference$/,
    `UPDATE shop.payment SET provider_reference = 'other-' || id WHERE order_id = $1`,
  ],
  [
    'what its history said',
    /^shop\.order_history \d+: actor$/,
    `UPDATE shop.order_history SET actor = 'nobody' WHERE order_id = $1 AND type = 'PLACED'`,
  ],
  [
    'a line that is new',
    /^shop\.order_line \d+: the row was added$/,
    `INSERT INTO shop.order_line (order_id, product_id, sku, name, quantity, placed_quantity, unit_price_minor, tax_minor, total_minor)
     SELECT order_id, product_id, sku, name, 0, 1, 1, 0, 0 FROM shop.order_line WHERE order_id = $1 LIMIT 1`,
  ],
  [
    'money that was given back, two tables away',
    /^shop\.refund \d+: the row was added$/,
    `INSERT INTO shop.refund (payment_id, amount_minor, reason) SELECT id, 1, 'kind' FROM shop.payment WHERE order_id = $1`,
  ],
  [
    'goods that were released',
    /^shop\.stock_movement \d+: the row was added$/,
    `INSERT INTO shop.stock_movement (order_line_id, product_id, warehouse, kind, quantity)
     SELECT id, product_id, 'LEJ', 'RELEASE', quantity FROM shop.order_line WHERE order_id = $1 LIMIT 1`,
  ],
  [
    'a shipping line that is gone',
    /^shop\.shipping_line \d+: the row is gone$/,
    `DELETE FROM shop.shipping_line WHERE order_id = $1`,
  ],
  [
    'history that is gone',
    /^shop\.order_history \d+: the row is gone$/,
    `DELETE FROM shop.order_history WHERE order_id = $1 AND type = 'PAID'`,
  ],
  [
    'a line that went to another order',
    /^shop\.order_line \d+: the row is gone$/,
    `UPDATE shop.order_line SET order_id = (SELECT min(id) FROM shop.orders) WHERE order_id = $1 AND product_id = 15`,
  ],
  [
    'somebody who cancels it as well',
    /^shop\.order_history \d+: the row was added$/,
    `INSERT INTO shop.order_history (order_id, type, actor_kind, actor, reason) VALUES ($1, 'CANCELLED', 'customer', 'Ada', 'no more')`,
  ],
];

describe('an order is refused as changed since, whole and with the place, where the shop has changed', () => {
  beforeAll(async () => {
    // a line's own order comes first
    await scene.buy();
  });

  test.each(edits)('%s', async (_what, found, sql) => {
    const { orderId, item } = await scene.wronglyCancelled('sql');
    const script = await scriptOf(item);
    await scene.pool.query(sql, [orderId]);
    const before = await scene.dump();

    const outcome = await scene.adapter.restore(item, note);
    expect(outcome).toMatchObject({ outcome: 'refused', reason: 'changed-since' });
    expect((outcome as { detail: string }).detail).toMatch(found);
    await expect(byHand(script)).rejects.toThrow(
      new RegExp(`^changed-since: ${found.source.slice(1)}`),
    );
    expect(await scene.dump()).toEqual(before);
  });

  test.each(['api', 'steps'] as FaultWay[])(
    'in a row that the cancellation by the way %s did not write',
    async (way) => {
      const { orderId, item } = await scene.wronglyCancelled(way);
      const script = await scriptOf(item);
      await scene.pool.query(`UPDATE shop.payment SET amount_minor = 1 WHERE order_id = $1`, [
        orderId,
      ]);
      const before = await scene.dump();
      expect(await scene.adapter.restore(item, note)).toMatchObject({
        reason: 'changed-since',
        detail: expect.stringMatching(/^shop\.payment \d+: amount_minor$/) as unknown,
      });
      await expect(byHand(script)).rejects.toThrow(/^changed-since: shop\.payment/);
      expect(await scene.dump()).toEqual(before);
    },
  );
});

describe('an order comes back all the same', () => {
  test.each([
    [
      'a note is added to its history',
      `INSERT INTO shop.order_history (order_id, type, actor_kind, actor) VALUES ($1, 'NOTE', 'staff', 'maria')`,
    ],
    [
      'it was touched and nothing else',
      'UPDATE shop.orders SET version = version + 1, updated_at = now() WHERE id = $1',
    ],
    [
      'the stock that it shares with others was moved',
      'UPDATE shop.stock SET on_hand = on_hand + 1 WHERE $1::text IS NOT NULL',
    ],
    [
      'another order was changed',
      `UPDATE shop.shipping_line SET price_minor = 1 WHERE order_id = (SELECT max(id) FROM shop.orders WHERE id < $1)`,
    ],
  ])('where %s', async (_what, sql) => {
    const { orderId, item } = await scene.wronglyCancelled('sql');
    const script = await scriptOf(item);
    await scene.pool.query(sql, [orderId]);
    await byHand(script);
    expect(await scene.adapter.read(orderId)).toMatchObject({ status: 'paid' });
    const next = await scene.wronglyCancelled('sql');
    await scene.pool.query(sql, [next.orderId]);
    expect(await scene.adapter.restore(next.item, note)).toMatchObject({ outcome: 'applied' });
  });

  test('where what the journal never learnt of a row is left out', async () => {
    const { orderId, item } = await scene.wronglyCancelled('sql');
    const known = Object.entries(item.expect[0]!.rows[0]!.values);
    const values = Object.fromEntries(known.filter(([column]) => column !== 'coupon_code'));
    const orders = { table: 'shop.orders', rows: [{ key: [orderId], values }] };
    await scene.pool.query(`UPDATE shop.orders SET coupon_code = 'LATE' WHERE id = $1`, [orderId]);
    const partly = { ...item, expect: [orders, ...item.expect.slice(1)] };
    expect(await scene.adapter.restore(partly, note)).toMatchObject({ outcome: 'applied' });
  });
});

describe('what is only compared', () => {
  test('is not to be read in a script where it is personal', async () => {
    const { item } = await scene.wronglyCancelled('sql');
    const script = await scriptOf(item);
    expect(script).toContain('WELCOME10');
    for (const personal of ['Neil', 'S 1', '10115', 'Berlin', 'ada@example.test'])
      expect(script).not.toContain(personal);
  });

  test('must be opened, in tables of the order that the profile maps', async () => {
    const { item } = await scene.wronglyCancelled('sql');
    const [orders] = item.expect;
    const values = { ship_name: { sealed: 'x', hash: 'y', keyOf: 'customer:1' } };
    const sealed = { table: orders!.table, rows: [{ key: [item.orderId], values }] };
    expect(await scene.adapter.restore({ ...item, expect: [sealed] }, note)).toMatchObject({
      reason: 'evidence-missing',
      detail: expect.stringContaining('sealed') as unknown,
    });
    for (const table of ['shop.ghost', 'shop.stock'])
      expect(
        await scene.adapter.restore({ ...item, expect: [{ table, rows: [] }] }, note),
      ).toMatchObject({ reason: 'shop-error', detail: expect.stringContaining(table) as unknown });
  });

  test('takes one statement for each table, also of an order with 500 lines', async () => {
    const small = await scene.wronglyCancelled('sql');
    const orderId = await scene.buy();
    await scene.pool.query(
      `INSERT INTO shop.order_line (order_id, product_id, sku, name, quantity, placed_quantity, unit_price_minor, tax_minor, total_minor)
       SELECT $1, 1, 'MUG', 'A mug that is one of many', 0, 1, 100, 19, 0 FROM generate_series(1, 500)`,
      [orderId],
    );
    await scene.pool.query(`UPDATE shop.orders SET status = 'cancelled' WHERE id = $1`, [orderId]);
    const item = await scene.plannedAnew({
      ...small.item,
      orderId,
      changes: small.item.changes.map((change) =>
        change.do === 'set'
          ? { ...change, key: [orderId] }
          : change.do === 'insert'
            ? { ...change, row: { ...change.row, order_id: orderId } }
            : change,
      ),
    });
    const statements = (script: string) => script.match(/^DO /gm)?.length;
    expect(statements(await scriptOf(item))).toBe(statements(await scriptOf(small.item)));

    const before = await scene.dump();
    await scene.pool.query(
      `UPDATE shop.order_line SET name = 'Another mug' WHERE id = (SELECT max(id) FROM shop.order_line)`,
    );
    expect(await scene.adapter.restore(item, note)).toMatchObject({
      detail: expect.stringMatching(/^shop\.order_line \d+: name$/) as unknown,
    });
    await scene.pool.query(
      `UPDATE shop.order_line SET name = 'A mug that is one of many' WHERE name = 'Another mug'`,
    );
    expect(await scene.adapter.restore(item, note)).toMatchObject({ outcome: 'applied' });
    expect(differences(before, await scene.dump())).toEqual([
      `orders ${orderId} status`,
      'order_history +1',
    ]);
  });
});
