import { FAULT_WAYS } from '../../demo/faults/fault-report.js';
import { pickOrder, shipOrder } from '../../demo/shop/fulfil-order.js';
import { refundOrder } from '../../demo/shop/pay-order.js';
import { inTransaction } from '../../demo/shop/transaction.js';
import { AdapterScene } from '../support/adapter-scene.js';

const actor = { kind: 'staff', name: 'warehouse' } as const;

let scene: AdapterScene;

beforeAll(async () => {
  scene = await AdapterScene.create();
});

afterAll(async () => {
  await scene.close();
});

describe('reading', () => {
  test('an order by id or number, as people and decisions need it', async () => {
    const orderId = await scene.buy();
    const order = await scene.adapter.read(orderId);
    expect(order).toMatchObject({
      orderId,
      status: 'paid',
      state: 'open',
      currency: 'EUR',
      customerId: '1',
    });
    expect(order!.lines).toHaveLength(2);
    expect(order!.payments).toMatchObject([
      { state: 'captured', heldMinor: order!.totalMinor, refundedMinor: 0 },
    ]);
    expect(JSON.stringify(order)).not.toMatch(/Neil|ada@/);
    expect(await scene.adapter.findByNumber(order!.number!)).toBe(orderId);
  });

  test.each(['999999', 'not-a-number', '99999999999999999999999', "'"])(
    'nothing for an order %s that there is not',
    async (orderId) => {
      expect(await scene.adapter.read(orderId)).toBeUndefined();
      expect(await scene.adapter.findByNumber(orderId)).toBeUndefined();
      expect(await scene.adapter.capabilities(orderId)).toMatchObject({
        way: 'person',
        reason: 'evidence-missing',
      });
    },
  );

  test('rows are as the log writes them, children found through their parents', async () => {
    const orderId = await scene.buy();
    await inTransaction(scene.pool, (tx) => refundOrder(tx, { orderId, reason: 'why', actor }));
    const rows = await scene.rowsOf(orderId);
    expect(rows.get('shop.refund')).toHaveLength(1);
    expect(rows.get('shop.orders')![0]).toMatchObject({
      slot_starts_at: '2026-12-01 08:00:00.123456+00',
      ship_name: "O'Neil \\ Söhne",
      contact_phone: null,
    });
    expect(rows.has('shop.stock')).toBe(false);
  });

  test('cancelled orders of a period, newest first', async () => {
    const since = new Date(Date.now() - 5);
    const ids = [];
    for (const way of FAULT_WAYS) ids.unshift((await scene.wronglyCancelled(way)).orderId);
    const listed = await scene.adapter.listCancelled({
      since,
      until: new Date(Date.now() + 60_000),
      limit: 2,
    });
    expect(listed.map(({ orderId }) => orderId)).toEqual(ids.slice(0, 2));
    expect(
      await scene.adapter.listCancelled({ since: new Date(0), until: new Date(1000), limit: 10 }),
    ).toEqual([]);
  });

  test('what can be done for an order', async () => {
    const { orderId } = await scene.wronglyCancelled();
    expect(await scene.adapter.capabilities(orderId)).toEqual({ way: 'reopen' });
    await inTransaction(scene.pool, (tx) => refundOrder(tx, { orderId, reason: 'why', actor }));
    expect(await scene.adapter.capabilities(orderId)).toMatchObject({ reason: 'money-returned' });
    const shipped = await scene.buy();
    await inTransaction(scene.pool, async (tx) => {
      await pickOrder(tx, { orderId: shipped, actor });
      await shipOrder(tx, { orderId: shipped, actor });
    });
    expect(await scene.adapter.capabilities(shipped)).toMatchObject({ reason: 'shipped' });
    await scene.pool.query(`UPDATE shop.orders SET status = 'cancelled' WHERE id = $1`, [shipped]);
    expect(await scene.adapter.capabilities(shipped)).toMatchObject({ reason: 'shipped' });
    expect(await scene.adapter.capabilities(await scene.buy())).toMatchObject({
      reason: 'not-cancelled-any-more',
    });
  });

  test('counters, in the order asked for', async () => {
    const counters = await scene.adapter.readCounters([
      { table: 'shop.stock', key: ['3', 'LEJ'] },
      { table: 'shop.stock', key: ['3', 'XXX'] },
    ]);
    expect(counters).toMatchObject([{ product_id: '3', warehouse: 'LEJ', on_hand: '1000' }, null]);
  });

  test('the position of the log moves on with each commit', async () => {
    const first = await scene.adapter.currentPosition();
    await scene.buy();
    const second = await scene.adapter.currentPosition();
    const { rows } = await scene.pool.query<{ ahead: boolean }>(
      'SELECT $1::pg_lsn > $2::pg_lsn AS ahead',
      [second.lsn, first.lsn],
    );
    expect(rows).toEqual([{ ahead: true }]);
    expect(second.incarnation).toMatch(/^\d+\/\d+$/);
  });

  test('cannot write, whatever the role may', async () => {
    const draft = structuredClone(scene.profile);
    const sql = `SELECT nextval('shop.order_number') > 0 AND 'paid' IN (SELECT status FROM shop.orders) WHERE $1 IS NULL`;
    draft.invariants = [{ name: 'writes', sql }];
    const asSuperuser = scene.open({ profile: draft, readUrl: scene.database.url });
    const { faults } = await asSuperuser.check();
    expect(faults).toContainEqual(
      expect.objectContaining({
        where: 'invariants[0]',
        message: expect.stringMatching(/read-only transaction/) as unknown,
      }),
    );
  });

  test('says without an address that the shop cannot be reached', async () => {
    const gone = new URL(scene.urls.read);
    gone.port = '1';
    const reading = scene.open({ readUrl: gone.href }).read('1');
    await expect(reading).rejects.toMatchObject({
      code: 'shop-unreachable',
      message: expect.not.stringContaining('127.0.0.1') as unknown,
    });
  });
});
