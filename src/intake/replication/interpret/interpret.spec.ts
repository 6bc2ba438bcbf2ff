import type { SealedValue } from '../../../orders/row-change.js';
import { loadProfile } from '../../../shops/profile-file.js';
import type { Profile } from '../../../shops/profile.js';
import type { SourceChange, SourceRelation } from '../source/pgoutput.js';
import type { SourceTransaction } from '../source/source-transaction.js';
import { composeEvents, ordersToRead } from './compose-events.js';
import { MappingMismatch, sealedImage } from './draft-image.js';
import { draftTransaction } from './draft-transaction.js';
import { KnownRows } from './known-rows.js';
import { OrderRows } from './order-rows.js';
import { sealDrafts, type Seal } from './seal-drafts.js';
import { mapShop, type ShopMapping } from './shop-mapping.js';

/** A seal that shows what it was given. */
const seal: Seal = (given) =>
  Promise.resolve(
    given.map(({ keyOf, values }) =>
      values.map((value): SealedValue => ({
        sealed: `(${value})`,
        hash: `${keyOf}=${value}`,
        keyOf,
      })),
    ),
  );

describe('interpreting transactions of the sample shop', () => {
  let mapping: ShopMapping;
  let profile: Profile;

  beforeEach(async () => {
    ({ profile } = await loadProfile('sample-shop', { directory: process.cwd() }));
    mapping = mapShop(profile);
  });

  const relationOf = (table: string): SourceRelation => ({
    table,
    columns: Object.keys(profile.tables[table]?.columns ?? {}),
  });

  function tuple(table: string, values: Record<string, string | null>): (string | null)[] {
    return relationOf(table).columns.map((column) => values[column] ?? null);
  }

  const order = {
    id: '1',
    number: '100001',
    customer_id: '9',
    status: 'paid',
    currency: 'EUR',
    total_minor: '4200',
    ship_name: 'Ann Other',
    channel: 'web',
  };
  const orders = 'shop.orders';

  const insert = (table: string, values: Record<string, string | null>): SourceChange => ({
    kind: 'insert',
    relation: relationOf(table),
    after: tuple(table, values),
  });
  const update = (
    before: Record<string, string | null>,
    after: Record<string, string | null>,
  ): SourceChange => ({
    kind: 'update',
    relation: relationOf(orders),
    before: { whole: true, values: tuple(orders, before) },
    after: tuple(orders, after),
  });

  let count = 0;
  function transaction(...changes: SourceChange[]): SourceTransaction {
    count += 1;
    const lsn = `0/${count}00`;
    const committedAt = '2026-11-22T03:00:00.000001Z';
    return {
      commitLsn: lsn,
      endLsn: lsn,
      transactionId: count,
      committedAt,
      changes,
      messages: [],
    };
  }

  let unseen: string[];
  beforeEach(() => {
    unseen = [];
  });

  /** As the journal writer does it: a batch on rows that start empty. */
  async function interpret(...transactions: SourceTransaction[]) {
    const known = new KnownRows();
    const drafts = transactions.map((source) => draftTransaction(mapping, source, known));
    const seals = await sealDrafts(
      drafts.flatMap((draft) => draft.seals),
      seal,
    );
    const orderRows = new OrderRows();
    for (const id of drafts.flatMap((draft) => ordersToRead(mapping, draft)))
      orderRows.load(id, []);
    const source = { shopId: 'main', incarnation: '1/1/1', unseen };
    const context = { mapping, ...source, seals, orderRows };
    return { events: drafts.map((draft) => composeEvents(context, draft)), drafts, seals, known };
  }

  it('reads parents before their children, shared tables last', () => {
    const tables = mapping.parentsFirst.map(({ table }) => table);
    expect(tables[0]).toBe(orders);
    expect(tables.indexOf('shop.refund')).toBeGreaterThan(tables.indexOf('shop.payment'));
    expect(tables.at(-1)).toBe('shop.stock');
  });

  it('carries rows from transaction to transaction of a batch, personal values sealed once', async () => {
    const { events, known, seals } = await interpret(
      transaction(insert(orders, order)),
      transaction(update(order, { ...order, status: 'cancelled' })),
    );
    expect(events.flat().map(({ kinds }) => kinds)).toEqual([['placed'], ['cancelled']]);
    const [placed, cancelled] = events.flat();
    expect(cancelled?.rowChanges[0]?.before).toEqual(placed?.rowChanges[0]?.after);
    expect(cancelled?.rowChanges[0]?.after?.['ship_name']).toEqual({
      sealed: '(Ann Other)',
      hash: 'customer:9=Ann Other',
      keyOf: 'customer:9',
    });
    expect(cancelled?.snapshot?.totalMinor).toBe(4200);
    const image = known.get({ table: orders, key: ['1'] })?.image ?? {};
    expect(sealedImage(image, seals)['status']).toBe('cancelled');
  });

  it('says of an order which tables nobody saw; of what has no order it says nothing', async () => {
    unseen = ['shop.payment', 'shop.refund'];
    const { events } = await interpret(
      transaction(insert(orders, order)),
      transaction(insert('shop.stock', { product_id: '1', warehouse: 'w' })),
    );
    expect(events.map((own) => own.map(({ orderId, kinds }) => [orderId, ...kinds]))).toEqual([
      [
        ['1', 'placed'],
        ['', 'gap'],
      ],
      [['', 'shared']],
    ]);
    expect(events[0]?.[1]?.reason).toBe(
      'shop.payment: was not published, so that nobody knows what became of its rows; ' +
        'shop.refund: was not published, so that nobody knows what became of its rows',
    );
  });

  it('a guest who becomes a customer: the same values under the other key, and no gap', async () => {
    const guest = { ...order, customer_id: null };
    const { events } = await interpret(
      transaction(insert(orders, guest)),
      transaction(update(guest, order)),
    );
    expect(events.flat().map(({ kinds }) => kinds)).toEqual([['placed'], ['changed']]);
    const [change] = events[1]?.[0]?.rowChanges ?? [];
    expect(change?.before?.['ship_name']).toMatchObject({ keyOf: 'order:1' });
    expect(change?.after?.['ship_name']).toMatchObject({ keyOf: 'customer:9' });
  });

  it('a row that was changed without our seeing it is a gap, named without its values', async () => {
    const { events } = await interpret(
      transaction(insert(orders, order)),
      transaction(
        update(
          { ...order, ship_name: 'Bob', total_minor: '1' },
          { ...order, ship_name: 'Bob', status: 'shipped' },
        ),
      ),
    );
    const [shipped, gap] = events[1] ?? [];
    expect(shipped?.kinds).toEqual(['shipped']);
    expect(shipped?.rowChanges[0]?.before).toMatchObject({ total_minor: '1' });
    expect(gap).toMatchObject({ orderId: '', kinds: ['gap'], rowChanges: [] });
    expect(gap?.reason).toBe(
      'shop.orders [1]: total_minor, ship_name changed without our having seen it',
    );
  });

  it('a delete and an insert of one key are one update, insert and delete are nothing', async () => {
    const remove: SourceChange = {
      kind: 'delete',
      relation: relationOf(orders),
      before: { whole: true, values: tuple(orders, order) },
    };
    const { events } = await interpret(
      transaction(insert(orders, order)),
      transaction(remove, insert(orders, { ...order, total_minor: '1' })),
      transaction(insert(orders, { ...order, id: '2' }), {
        ...remove,
        before: { whole: true, values: tuple(orders, { ...order, id: '2' }) },
      }),
    );
    expect(events[1]).toMatchObject([
      {
        kinds: ['changed'],
        rowChanges: [{ operation: 'update', before: { total_minor: '4200' } }],
      },
    ]);
    expect(events[2]).toEqual([]);
  });

  it('an update of a row that nobody knows has no before-image, and says so', async () => {
    const unknown: SourceChange = {
      kind: 'update',
      relation: relationOf(orders),
      before: null,
      after: tuple(orders, { ...order, status: 'cancelled' }),
    };
    const { events } = await interpret(transaction(unknown));
    expect(events.flat()).toMatchObject([
      { orderId: '1', kinds: ['changed'], rowChanges: [{ operation: 'update', before: null }] },
      { orderId: '', kinds: ['gap'], reason: 'shop.orders [1]: the row before was not known' },
    ]);
  });

  it('attributes come from all rows of the order, also from those that its cancellation takes away', async () => {
    profile = structuredClone(profile);
    profile.order.attributes = {
      carrier: { table: 'shop.shipping_line', column: 'method' },
      channel: 'channel',
    };
    mapping = mapShop(profile);
    const shipping = { id: '5', order_id: '1', method: 'express' };
    const line = { id: '3', order_id: '1', quantity: '2' };
    const { drafts, events } = await interpret(
      transaction(
        insert(orders, order),
        insert('shop.shipping_line', shipping),
        insert('shop.order_line', line),
      ),
      transaction({
        kind: 'update',
        relation: relationOf('shop.order_line'),
        before: { whole: true, values: tuple('shop.order_line', line) },
        after: tuple('shop.order_line', { ...line, quantity: '1' }),
      }),
      transaction(update(order, { ...order, status: 'cancelled' }), {
        kind: 'delete',
        relation: relationOf('shop.shipping_line'),
        before: { whole: true, values: tuple('shop.shipping_line', shipping) },
      }),
    );
    expect(events.flat().map(({ kinds }) => kinds)).toEqual([
      ['placed'],
      ['line-cancelled'],
      ['cancelled'],
    ]);
    for (const { attributes } of events.flat())
      expect(attributes).toEqual({ carrier: 'express', channel: 'web' });
    expect(drafts.map((draft) => ordersToRead(mapping, draft))).toEqual([['1'], ['1'], ['1']]);
  });

  it('a column that is gone is a mismatch, whatever else the transaction holds', async () => {
    const relation = { table: orders, columns: ['id', 'status'] };
    await expect(
      interpret(transaction({ kind: 'insert', relation, after: ['1', 'paid'] })),
    ).rejects.toThrow(MappingMismatch);
  });
});
