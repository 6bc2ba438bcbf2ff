import {
  composeEvents,
  ordersToRead,
} from '../../../src/intake/replication/interpret/compose-events.js';
import { draftTransaction } from '../../../src/intake/replication/interpret/draft-transaction.js';
import { KnownRows } from '../../../src/intake/replication/interpret/known-rows.js';
import { OrderRows } from '../../../src/intake/replication/interpret/order-rows.js';
import { mapShop } from '../../../src/intake/replication/interpret/shop-mapping.js';
import type { SourceChange } from '../../../src/intake/replication/source/pgoutput.js';
import type { JournalEntry } from '../../../src/orders/order-event.js';
import type { RowImage } from '../../../src/orders/row-change.js';
import { present } from '../../../src/platform/assert.js';
import { inverseOfSpan, checkTransaction } from '../../../src/restore/plans/inverse.js';
import { composeSpan } from '../../../src/shops/cancellation-span.js';
import { judgeCapability } from '../../../src/shops/capability.js';
import { orderBefore } from '../../../src/shops/order-before.js';
import { loadProfile, parseProfile } from '../../../src/shops/profile-file.js';
import type { Profile } from '../../../src/shops/profile.js';
import { buildSnapshot } from '../../../src/shops/snapshot.js';

type Row = Record<string, string | null>;

let profile: Profile;
beforeAll(async () => {
  ({ profile } = await loadProfile('medusa', { directory: '.' }));
});

const order: Row = {
  id: 'o',
  display_id: '1',
  status: 'pending',
  version: '1',
  currency_code: 'eur',
};
const item: Row = { id: 'i1', order_id: 'o', item_id: 'li', version: '1', quantity: '3' };
const lineItem: Row = { id: 'li', title: 'Rye Bread', variant_id: 'v', unit_price: '3.33' };
const summary: Row = {
  id: 's1',
  order_id: 'o',
  version: '1',
  totals: '{"current_order_total": 9.9934}',
};
const collection: Row = { id: 'pc', status: 'authorized' };
const link: Row = { id: 'l', order_id: 'o', payment_collection_id: 'pc' };
const payment: Row = {
  ...{ id: 'p', payment_collection_id: 'pc', amount: '9.9934', provider_id: 'pp_system_default' },
  ...{ canceled_at: null, captured_at: null },
};
const reservation: Row = {
  ...{ id: 'r', line_item_id: 'li', quantity: '3', deleted_at: null },
  ...{ inventory_item_id: 'inv', location_id: 'loc' },
};
const level = (reserved: string): Row => ({
  ...{ id: 'lev', inventory_item_id: 'inv', location_id: 'loc', reserved_quantity: reserved },
});
const gone = '2026-11-22 03:00:00+00';

function relation(table: string) {
  const mapping = present(profile.tables[table], 'the table is mapped');
  return { table, columns: Object.keys(mapping.columns) };
}
const tuple = (table: string, row: Row) => relation(table).columns.map((name) => row[name] ?? null);
const added = (table: string, row: Row): SourceChange => ({
  kind: 'insert',
  relation: relation(`public.${table}`),
  after: tuple(`public.${table}`, row),
});
const changed = (table: string, row: Row, to: Row): SourceChange => ({
  kind: 'update',
  relation: relation(`public.${table}`),
  before: { whole: true, values: tuple(`public.${table}`, row) },
  after: tuple(`public.${table}`, { ...row, ...to }),
});

/** What a journal holds of transactions that come one after another, a tenth of a second apart. */
function journal(...transactions: readonly (readonly SourceChange[])[]) {
  const mapping = mapShop(profile);
  const known = new KnownRows();
  const orderRows = new OrderRows();
  orderRows.load('o', []);
  const context = {
    mapping,
    shopId: 'main',
    incarnation: '1',
    unseen: [],
    seals: new Map(),
    orderRows,
  };
  const entries: JournalEntry[] = [];
  transactions.forEach((changes, index) => {
    const commitLsn = `0/${index + 1}`;
    const committedAt = `2026-11-22T03:00:00.${index}00000Z`;
    const source = {
      commitLsn,
      endLsn: commitLsn,
      transactionId: index,
      committedAt,
      changes,
      messages: [],
    };
    const draft = draftTransaction(mapping, source, known);
    for (const event of composeEvents(context, draft))
      entries.push({ ...event, position: entries.length + 1, recordedAt: new Date(0) });
    expect(ordersToRead(mapping, draft).every((id) => id === 'o')).toBe(true);
  });
  return { entries, of: entries.filter(({ orderId }) => orderId === 'o'), known, orderRows };
}

const placing = () => [
  [added('payment_collection', collection)],
  [
    added('order_line_item', lineItem),
    added('order', order),
    added('order_summary', summary),
    added('order_item', item),
  ],
  [added('order_payment_collection', link)],
  [added('reservation_item', reservation), changed('inventory_level', level('0'), level('3'))],
  [added('payment', payment)],
];

const cancelling = () => [
  [changed('payment', payment, { canceled_at: gone })],
  [
    changed('reservation_item', reservation, { deleted_at: gone }),
    changed('inventory_level', level('3'), level('0')),
  ],
  [
    added('order_change', {
      id: 'c',
      order_id: 'o',
      change_type: 'credit_line',
      status: 'pending',
    }),
  ],
  [
    added('order_item', { ...item, id: 'i2', version: '2' }),
    added('order_summary', {
      ...summary,
      id: 's2',
      version: '2',
      totals: '{"current_order_total": 0}',
    }),
    changed('order', order, { version: '2' }),
  ],
  [changed('order', { ...order, version: '2' }, { status: 'canceled', canceled_at: gone })],
];

describe('rows that other rows name', () => {
  it('belong to the order of those, in one transaction or once they are named', () => {
    const { of, known } = journal(...placing());
    const ownerOf = (table: string, ...key: string[]) =>
      known.get({ table: `public.${table}`, key })?.orderId;
    expect(ownerOf('order_line_item', 'li')).toBe('o');
    expect(ownerOf('payment_collection', 'pc')).toBe('o');
    expect(ownerOf('payment', 'p')).toBe('o');
    expect(ownerOf('reservation_item', 'r')).toBe('o');
    // the collection was there before, and comes to the order with the row that names it
    expect(of[1]?.rowChanges.map(({ table, operation }) => [table, operation])).toEqual([
      ['public.order_payment_collection', 'insert'],
      ['public.payment_collection', 'insert'],
    ]);
  });

  it('belong to no order before', () => {
    const { entries, known } = journal([added('payment_collection', collection)]);
    expect(entries).toEqual([]);
    expect(known.get({ table: 'public.payment_collection', key: ['pc'] })?.orderId).toBeNull();
  });
});

describe('a cancellation in several transactions, the status last', () => {
  it('is one, and the order before it is the one before the first of them', () => {
    const { of, orderRows } = journal(...placing(), ...cancelling());
    const span = present(composeSpan(profile, of), 'it was cancelled');
    expect([span.entries.length, span.unclaimed.length]).toEqual([5, 0]);
    const first = present(span.entries[0], 'it has entries');
    const before = orderBefore(profile, { entries: of, rows: orderRows.list('o') }, first);
    expect(before).toMatchObject({
      status: 'pending',
      totalMinor: 999,
      lines: [{ lineId: 'i1', product: 'v', name: 'Rye Bread', quantity: 3, unitPriceMinor: 333 }],
      payments: [{ paymentId: 'p', state: 'authorized', heldMinor: 999 }],
    });
    const core = of.find(({ kinds }) => kinds.includes('cancelled'));
    expect(core?.snapshot).toMatchObject({ totalMinor: 0, lines: [{ lineId: 'i2' }] });
  });

  it('is taken back whole, its counters by the rows that it took away', () => {
    const { entries, of } = journal(...placing(), ...cancelling());
    const span = present(composeSpan(profile, of), 'it was cancelled');
    const transactions = span.entries.map(({ source }) =>
      checkTransaction(
        profile,
        entries.filter((entry) => entry.source.commitLsn === source.commitLsn),
      ),
    );
    const inverse = inverseOfSpan({
      profile,
      orderId: 'o',
      itemId: 'x',
      net: span.net,
      transactions,
    });
    const changes = inverse.ok ? inverse.value : [];
    expect(changes.map((change) => [change.do, change.table])).toEqual([
      ['set', 'public.order'],
      ['set', 'public.reservation_item'],
      ['set', 'public.payment'],
      ['delete', 'public.order_summary'],
      ['delete', 'public.order_item'],
      ['delete', 'public.order_change'],
      ['move', 'public.inventory_level'],
    ]);
    expect(changes[0]).toMatchObject({
      to: { status: 'pending', version: '1', canceled_at: null },
    });
    expect(changes.at(-1)).toMatchObject({ key: ['lev'], amount: '3', maximum: 'saleable' });
  });
});

describe('money', () => {
  const rows = (given: { payment?: Row; refund?: Row }) =>
    new Map<string, RowImage[]>([
      ['public.order', [{ ...order, status: 'canceled' }]],
      ['public.payment', [{ ...payment, ...given.payment }]],
      [
        'public.refund',
        given.refund === undefined ? [] : [{ id: 'f', payment_id: 'p', ...given.refund }],
      ],
    ]);

  it.each<[string, Row | undefined, Row | undefined, string]>([
    ['a promise that was let go', { canceled_at: gone }, undefined, 'reopen'],
    [
      'what a payment service holds',
      { provider_id: 'stripe', captured_at: gone },
      undefined,
      'reopen',
    ],
    [
      'what a payment service let go',
      { provider_id: 'stripe', canceled_at: gone },
      undefined,
      'money-returned',
    ],
    ['what was given back', { captured_at: gone }, { amount: '9.9934' }, 'money-returned'],
    [
      'a refund that was taken away',
      { captured_at: gone },
      { amount: '1', deleted_at: gone },
      'reopen',
    ],
  ])('of %s', (_what, paid, refund, expected) => {
    const given = { ...(paid && { payment: paid }), ...(refund && { refund }) };
    const capability = judgeCapability(profile, rows(given));
    expect(capability.way === 'person' ? capability.reason : capability.way).toBe(expected);
  });

  it('that was let go counts as held where it was a mere promise', () => {
    const held = (given: Row) => buildSnapshot(profile, rows({ payment: given })).payments[0];
    expect(held({ canceled_at: gone })).toMatchObject({ state: 'canceled', heldMinor: 999 });
    expect(held({ canceled_at: gone, provider_id: 'stripe' })).toMatchObject({ heldMinor: 0 });
  });
});

describe('a profile is told what is wrong with', () => {
  let text: string;
  beforeAll(async () => {
    const { readFile } = await import('node:fs/promises');
    text = await readFile('profiles/medusa.yaml', 'utf8');
  });

  it.each([
    [
      '{ column: id, parent: public.order_item, by: item_id }',
      '{ column: id, by: item_id }',
      /`by` is a column of `parent`/,
    ],
    [
      '{ column: id, parent: public.order_item, by: item_id }',
      '{ column: variant_id, parent: public.order_item, by: item_id }',
      /the one column of the key/,
    ],
    [
      '{ column: id, parent: public.order_item, by: item_id }',
      '{ column: id, parent: public.payment, by: provider_id }',
      /itself holds the order's key/,
    ],
    [
      '{ mirror: { of: reserved_quantity, json: value } }',
      '{ mirror: { of: stocked_quantity, json: value } }',
      /only a delta is mirrored/,
    ],
    [
      'current: { version: version }',
      'current: { version: revision }',
      /column revision is not mapped/,
    ],
    ['removed_at: deleted_at', 'removed_at: gone_at', /column gone_at is not mapped/],
    ['captured: captured_at', 'captured: caught_at', /column caught_at is not mapped/],
    ['json: current_order_total', 'member: current_order_total', /Unrecognized keys/],
  ])('%s', (found, instead, fault) => {
    expect(text).toContain(found);
    expect(() => parseProfile(text.replace(found, instead), 'medusa.yaml')).toThrow(fault);
  });
});
