import type { JournalEntry } from '../../orders/order-event.js';
import type { RowChange, RowImage } from '../../orders/row-change.js';
import { parseProfile } from '../../shops/profile-file.js';
import { readFileSync } from 'node:fs';
import type { PlannedChange } from '../../shops/shop-adapter.js';
import { echoDifferences } from './echo.js';

const file = 'profiles/sample-shop.yaml';
const profile = parseProfile(readFileSync(file, 'utf8'), file);

const cancelled = {
  id: '7',
  status: 'cancelled',
  total_minor: '0',
  updated_at: 't1',
  version: '2',
};
const restored = { id: '7', status: 'paid', total_minor: '4500', updated_at: 't2', version: '3' };

const planned: PlannedChange[] = [
  {
    do: 'set',
    table: 'shop.orders',
    key: ['7'],
    expected: { status: 'cancelled', total_minor: '0' },
    to: { status: 'paid', total_minor: '4500' },
  },
  {
    do: 'move',
    table: 'shop.stock',
    key: ['5', 'north'],
    column: 'allocated',
    amount: '2',
    minimum: 0,
    maximum: 'on_hand',
  },
  {
    do: 'insert',
    table: 'shop.order_history',
    row: {
      order_id: '7',
      type: 'STATUS',
      reason: '{"a":1,"b":"x"}',
      created_at: { at: 'restore' },
    },
    compensates: null,
  },
];

function change(
  table: string,
  key: string[],
  before: RowImage | null,
  after: RowImage | null,
): RowChange {
  const operation = before === null ? 'insert' : after === null ? 'delete' : 'update';
  return { table, key, operation, before, after };
}

const history = {
  id: '51',
  order_id: '7',
  type: 'STATUS',
  reason: '{"b": "x", "a": 1}',
  created_at: 't2',
};
const stock = (before: string, after: string) => {
  const row = { product_id: '5', warehouse: 'north', on_hand: '20' };
  return change(
    'shop.stock',
    ['5', 'north'],
    { ...row, allocated: before },
    { ...row, allocated: after },
  );
};

const own = [
  change('shop.orders', ['7'], cancelled, restored),
  change('shop.order_history', ['51'], null, history),
];

function entry(orderId: string, rowChanges: readonly RowChange[]): JournalEntry {
  return {
    shopId: 'shop',
    position: 9,
    recordedAt: new Date(0),
    source: { incarnation: 'i', commitLsn: '0/1', transactionId: 1 },
    orderId,
    orderNumber: null,
    kinds: ['restored'],
    statusBefore: 'cancelled',
    statusAfter: 'paid',
    actorKind: 'unknown',
    actor: null,
    reason: null,
    customerId: null,
    total: null,
    attributes: {},
    rowChanges,
    snapshot: null,
    marker: { action: 'restore', itemId: 'i' },
    traceparent: null,
    committedAt: '2026-01-01T00:00:00.000000Z',
  };
}

function differences(
  ownRows: readonly RowChange[] = own,
  shared: readonly RowChange[] = [stock('3', '5')],
  more: JournalEntry[] = [],
  opened = new Map<string, string | null>(),
) {
  const entries = [entry('7', ownRows), entry('', shared), ...more];
  return echoDifferences({ profile, orderId: '7', planned, entries, opened });
}

describe('the echo of a restore', () => {
  it('equals the plan, whatever touch and version columns and printed forms say', () => {
    expect(differences()).toEqual([]);
  });

  it.each([
    [
      'a value is not as planned',
      [change('shop.orders', ['7'], cancelled, { ...restored, total_minor: '4499' }), own[1]!],
      undefined,
      'row 7 of shop.orders: total_minor is not as planned',
    ],
    [
      'more was changed',
      [change('shop.orders', ['7'], cancelled, { ...restored, coupon_code: 'X' }), own[1]!],
      undefined,
      'row 7 of shop.orders: coupon_code was changed too',
    ],
    ['a row was not changed', [own[1]!], undefined, 'row 7 of shop.orders was not changed'],
    [
      'the history is missing',
      [own[0]!],
      undefined,
      'no row was added to shop.order_history as planned',
    ],
    [
      'the history came twice',
      [...own, change('shop.order_history', ['52'], null, { ...history, id: '52' })],
      undefined,
      'row 52 of shop.order_history was added, which the plan does not say',
    ],
    [
      'a counter moved too far',
      own,
      [stock('3', '7')],
      'row 5/north of shop.stock: allocated was not moved by 2',
    ],
    ['a counter did not move', own, [], 'row 5/north of shop.stock: allocated was not moved by 2'],
    [
      'another counter moved',
      own,
      [stock('3', '5'), { ...stock('3', '4'), key: ['6', 'north'] }],
      'row 6/north of shop.stock was changed, which the plan does not say',
    ],
  ])('names what differs: %s', (_name, ownRows, shared, expected) => {
    expect(differences(ownRows, shared)).toEqual([expected]);
  });

  it('lets stock arrive in the same transaction, which the profile ignores', () => {
    const arrived = stock('3', '5');
    expect(differences(own, [{ ...arrived, after: { ...arrived.after, on_hand: '30' } }])).toEqual(
      [],
    );
  });

  it('compares what was added to a personal column in the clear, while it can be read', () => {
    const sealed = { sealed: 'box', hash: 'h', keyOf: 'customer:1' };
    const rows = [
      own[0]!,
      change('shop.order_history', ['51'], null, { ...history, reason: sealed }),
    ];
    const compare = (clear: string | null) =>
      differences(rows, undefined, [], new Map([['box', clear]]));
    expect(compare('{"b": "x", "a": 1}')).toEqual([]);
    expect(compare(null)).toEqual([]);
    expect(compare('{"b": "y", "a": 1}')).toContain(
      'no row was added to shop.order_history as planned',
    );
  });

  it.each([
    ['the order of keys', '{"a":1,"b":"x"}', '{"b": "x", "a": 1}', 0],
    ['a number of many digits', '{"id":12345678901234567890}', '{"id": 12345678901234567890}', 0],
    ['its last digit', '{"id":12345678901234567890}', '{"id": 12345678901234567891}', 2],
    ['zeros behind the point', '[1.50]', '[1.5]', 0],
    ['a boolean in short', 'true', 't', 0],
    ['a boolean that is another', 'true', 'f', 2],
    ['a text that is not there', 'true', '', 2],
  ])('compares what was added exactly: %s', (_name, wanted, told, count) => {
    const row = {
      order_id: '7',
      type: 'STATUS',
      reason: wanted,
      created_at: { at: 'restore' } as const,
    };
    const insert = { do: 'insert', table: 'shop.order_history', row, compensates: null } as const;
    const found = echoDifferences({
      ...{ profile, orderId: '7', planned: [insert], opened: new Map() },
      entries: [
        entry('7', [change('shop.order_history', ['51'], null, { ...history, reason: told })]),
      ],
    });
    expect(found).toHaveLength(count);
  });

  it('names a second order in the transaction', () => {
    expect(differences(own, undefined, [entry('8', [])])).toEqual([
      'the transaction changed another order too',
    ]);
  });

  it('tells rows apart that were to be deleted and were not', () => {
    const plan: PlannedChange[] = [
      { do: 'delete', table: 'shop.order_history', key: ['50'], expected: {} },
    ];
    const gone = change('shop.order_history', ['50'], history, null);
    const compare = (rows: RowChange[]) =>
      echoDifferences({
        profile,
        orderId: '7',
        planned: plan,
        entries: [entry('7', rows)],
        opened: new Map(),
      });
    expect(compare([gone])).toEqual([]);
    expect(compare([])).toEqual(['row 50 of shop.order_history was not taken away']);
  });
});
