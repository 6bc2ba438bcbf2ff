import { readFileSync } from 'node:fs';
import type { JournalEntry } from '../../orders/order-event.js';
import type { RowChange } from '../../orders/row-change.js';
import { parseProfile } from '../../shops/profile-file.js';
import type { Profile } from '../../shops/profile.js';
import type { PlannedChange } from '../../shops/shop-adapter.js';
import { checkTransaction, inverseOfSpan } from './inverse.js';
import { inverseOfRestore } from './undo.js';

const file = 'profiles/sample-shop.yaml';

/** The sample shop's, but that lines which a cancellation deletes are put back, and ledger rows bear a moment. */
const profile: Profile = (() => {
  const draft = parseProfile(readFileSync(file, 'utf8'), file);
  draft.tables['shop.order_line']!.deleted = 'reinsert';
  const [rule] = draft.tables['shop.stock_movement']!.inserted;
  if (rule?.do !== 'compensate') throw new Error('the ledger is compensated');
  rule.with['created_at'] = { now: true };
  return draft;
})();

function change(
  table: string,
  before: Record<string, string | null> | null,
  after: Record<string, string | null> | null,
): RowChange {
  const operation = before === null ? 'insert' : after === null ? 'delete' : 'update';
  const image = after ?? before ?? {};
  const key = profile.tables[table]!.key.map((column) => image[column]!);
  return { table, key, operation, before, after };
}

function entry(orderId: string, rowChanges: readonly RowChange[]): JournalEntry {
  return {
    shopId: 'shop',
    position: 1,
    recordedAt: new Date(0),
    source: { incarnation: 'i', commitLsn: '0/1', transactionId: 1 },
    orderId,
    orderNumber: null,
    kinds: orderId === '' ? ['shared'] : ['cancelled'],
    statusBefore: 'paid',
    statusAfter: 'cancelled',
    actorKind: 'unknown',
    actor: null,
    reason: null,
    customerId: null,
    total: null,
    attributes: {},
    rowChanges,
    snapshot: null,
    marker: null,
    traceparent: null,
    committedAt: '2026-01-01T00:00:00.000000Z',
  };
}

/** What the restore of a cancellation was planned to write. */
function planned(net: readonly RowChange[], counters: readonly RowChange[]): PlannedChange[] {
  const inverse = inverseOfSpan({
    profile,
    orderId: '7',
    itemId: 'item-1',
    net,
    transactions: [checkTransaction(profile, [entry('7', net), entry('', counters)])],
  });
  if (!inverse.ok) throw new Error(inverse.refusal.detail);
  return inverse.value;
}

const paid = { id: '7', status: 'paid', total_minor: '4500', updated_at: 't0', version: '1' };
const cancelled = {
  ...paid,
  status: 'cancelled',
  total_minor: '0',
  updated_at: 't1',
  version: '2',
};
const restored = { ...paid, updated_at: 't2', version: '3' };
const line = { id: '70', order_id: '7', product_id: '3', quantity: '3' };
const release = {
  id: '90',
  order_line_id: '70',
  product_id: '3',
  warehouse: 'LEJ',
  kind: 'RELEASE',
  quantity: '3',
  created_at: 't1',
};

describe('the inverse of a restore', () => {
  const net = [
    change('shop.orders', paid, cancelled),
    change('shop.stock_movement', null, release),
  ];
  const stock = { product_id: '3', warehouse: 'LEJ', on_hand: '20' };
  const counters = [
    change('shop.stock', { ...stock, allocated: '8' }, { ...stock, allocated: '5' }),
  ];
  const answer = { ...release, id: '92', kind: 'ALLOCATE', created_at: 't2' };
  const history = { id: '51', order_id: '7', type: 'STATUS', created_at: 't2' };
  const echo = entry('7', [
    change('shop.orders', cancelled, restored),
    change('shop.stock_movement', null, answer),
    change('shop.order_history', null, history),
  ]);

  it('cancels the order again as it was, and answers the ledger once more', () => {
    const undo = inverseOfRestore({
      profile,
      restored: planned(net, counters),
      echo,
      cancelled: net,
    });
    expect(undo.ok && undo.value).toEqual([
      {
        do: 'set',
        table: 'shop.orders',
        key: ['7'],
        expected: { status: 'paid', total_minor: '4500' },
        to: { status: 'cancelled', total_minor: '0' },
      },
      {
        do: 'move',
        table: 'shop.stock',
        key: ['3', 'LEJ'],
        column: 'allocated',
        amount: '-3',
        minimum: 0,
        maximum: 'on_hand',
      },
      {
        do: 'insert',
        table: 'shop.stock_movement',
        row: {
          order_line_id: '70',
          product_id: '3',
          warehouse: 'LEJ',
          kind: 'RELEASE',
          quantity: '3',
          created_at: { at: 'restore' },
        },
        compensates: null,
      },
    ]);
  });

  it('takes away a row that the restore had put back', () => {
    const deleted = [net[0]!, change('shop.order_line', line, null)];
    const undo = inverseOfRestore({
      profile,
      restored: planned(deleted, []),
      echo: entry('7', [
        change('shop.orders', cancelled, restored),
        change('shop.order_line', null, line),
      ]),
      cancelled: deleted,
    });
    expect(undo.ok && undo.value.filter((write) => write.do === 'delete')).toEqual([
      {
        do: 'delete',
        table: 'shop.order_line',
        key: ['70'],
        expected: { order_id: '7', product_id: '3', quantity: '3' },
      },
    ]);
  });

  it('leaves an order to a person whose compensated row the journal has lost', () => {
    const undo = inverseOfRestore({
      profile,
      restored: planned(net, counters),
      echo,
      cancelled: net.slice(0, 1),
    });
    expect(undo).toMatchObject({ ok: false, refusal: { reason: 'evidence-missing' } });
  });
});
