import type { JournalEntry } from '../orders/order-event.js';
import type { RowChange, RowImage } from '../orders/row-change.js';
import { orderBefore } from './order-before.js';
import { loadProfile } from './profile-file.js';
import type { Profile } from './profile.js';

let profile: Profile;
beforeAll(async () => {
  ({ profile } = await loadProfile('sample-shop', { directory: '.' }));
});

const order = (total: string, status = 'paid'): RowImage => ({
  ...{ id: '7', number: 'S-7', customer_id: '3', currency: 'EUR', placed_at: null },
  ...{ status, total_minor: total },
});
const line = (id: string, quantity: string): RowImage => ({ id, order_id: '7', quantity, sku: id });

const idOf = ({ id }: RowImage): string => (typeof id === 'string' ? id : '');

function updated(table: string, before: RowImage | null, after: RowImage): RowChange {
  return { table, key: [idOf(after)], operation: 'update', before, after };
}

/** Two lines go one after the other, then the order; somebody notes something later. */
function cancelledByLines(): JournalEntry[] {
  const changes: readonly (readonly RowChange[])[] = [
    [
      updated('shop.order_line', line('1', '2'), line('1', '0')),
      updated('shop.orders', order('500'), order('300')),
    ],
    [
      updated('shop.order_line', line('2', '1'), line('2', '0')),
      updated('shop.orders', order('300'), order('0')),
    ],
    [updated('shop.orders', order('0'), order('0', 'cancelled'))],
    [updated('shop.orders', order('0', 'cancelled'), order('0', 'cancelled'))],
  ];
  return changes.map((rowChanges, index) => ({
    ...{ shopId: 'main', orderId: '7', orderNumber: 'S-7', position: index + 1 },
    source: { incarnation: '1/1/1', commitLsn: `0/${index}`, transactionId: index },
    kinds: index === 2 ? ['cancelled'] : ['line-cancelled'],
    ...{ statusBefore: null, statusAfter: null, actorKind: 'job', actor: null, reason: null },
    ...{ customerId: '3', total: null, attributes: {}, snapshot: null, marker: null },
    ...{ traceparent: null, committedAt: '2026-11-22T03:00:00.000000Z', recordedAt: new Date() },
    rowChanges,
  }));
}

const rows = [
  { table: 'shop.orders', image: order('0', 'cancelled') },
  { table: 'shop.order_line', image: line('1', '0') },
  { table: 'shop.order_line', image: line('2', '0') },
  { table: 'shop.order_line', image: line('3', '9') },
];

describe('an order before its span', () => {
  test('is worked out from its rows as they stand, all that came since taken back', () => {
    const entries = cancelledByLines();
    const before = orderBefore(profile, { entries, rows }, entries[0]!)!;
    expect(before).toMatchObject({ orderId: '7', state: 'open', totalMinor: 500 });
    expect(before.lines.map(({ quantity }) => quantity)).toEqual([2, 1, 9]);
    const later = orderBefore(profile, { entries, rows }, entries[1]!)!;
    expect(later).toMatchObject({ totalMinor: 300 });
    expect(later.lines.map(({ quantity }) => quantity)).toEqual([0, 1, 9]);
  });

  test('is the journal’s own snapshot where the first entry cancels the order', () => {
    const entries = cancelledByLines();
    expect(orderBefore(profile, { entries, rows }, entries[2]!)).toBeNull();
    const snapshot = orderBefore(profile, { entries, rows }, entries[1]!);
    expect(orderBefore(profile, { entries, rows }, { ...entries[2]!, snapshot })).toBe(snapshot);
  });

  test('is not guessed where a before-image is missing, or the order is not there', () => {
    const entries = cancelledByLines();
    const blind = [updated('shop.order_line', null, line('1', '0'))];
    const lost = [{ ...entries[0]!, rowChanges: blind }, ...entries.slice(1)];
    expect(orderBefore(profile, { entries: lost, rows }, lost[0]!)).toBeNull();
    const first = { ...entries[0]!, rowChanges: [] };
    expect(orderBefore(profile, { entries: [first], rows: [] }, first)).toBeNull();
  });
});
