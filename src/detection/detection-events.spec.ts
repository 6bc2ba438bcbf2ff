import { describe, expect, it } from '@jest/globals';
import type { JournalEntry } from '../orders/order-event.js';
import { eventsOf } from './detection-events.js';

const entry: JournalEntry = {
  shopId: 'shop',
  position: 7,
  recordedAt: new Date('2026-07-01T03:00:01Z'),
  source: { incarnation: '1/1/1', commitLsn: '0/1', transactionId: 1 },
  orderId: '55',
  orderNumber: 'N55',
  kinds: ['cancelled'],
  statusBefore: 'paid',
  statusAfter: 'cancelled',
  actorKind: 'job',
  actor: 'unpaid-orders',
  reason: 'x'.repeat(500),
  customerId: '12',
  total: { amountMinor: 990, currency: 'EUR' },
  attributes: { channel: 'web' },
  rowChanges: [],
  snapshot: {
    orderId: '55',
    number: 'N55',
    status: 'paid',
    state: 'open',
    customerId: '12',
    currency: 'EUR',
    totalMinor: 990,
    placedAt: null,
    cancelledAt: null,
    lines: [],
    payments: [{ paymentId: '1', state: 'captured', heldMinor: 990, refundedMinor: 0 }],
    attributes: { channel: 'web' },
  },
  marker: null,
  traceparent: null,
  committedAt: '2026-07-01T03:00:00.123456Z',
};

const at = new Date('2026-07-01T03:00:00.123Z');

describe('an entry of the journal', () => {
  it('of a cancellation says whose order it was, who cancelled, and that money was held', () => {
    expect(eventsOf(entry, at)).toEqual([
      {
        kind: 'cancelled',
        position: 7,
        at: new Date('2026-07-01T03:00:00.123Z'),
        orderId: '55',
        account: 'customer:12',
        attributes: {
          channel: 'web',
          actor_kind: 'job',
          actor: 'unpaid-orders',
          reason: 'x'.repeat(120),
        },
        paid: true,
        amountMinor: 990,
        currency: 'EUR',
      },
    ]);
  });

  it('of a guest counts the order as the account, and a customer is no slice', () => {
    const [event] = eventsOf(
      { ...entry, customerId: null, actorKind: 'customer', actor: 'Anna' },
      at,
    );
    expect(event?.account).toBe('order:55');
    expect(event?.attributes).not.toHaveProperty('actor');
  });

  it.each<[string, Partial<JournalEntry>]>([
    ['our own restore or undo', { marker: { action: 'undo', itemId: 'i' } }],
    ['a cart', { snapshot: { ...entry.snapshot!, state: 'draft' } }],
    ['shared rows', { orderId: '', kinds: ['shared'] }],
    [
      'a change by nobody known',
      { kinds: ['changed'], actorKind: 'unknown', actor: null, reason: null },
    ],
  ])('of %s is no event', (_, change) => {
    expect(eventsOf({ ...entry, ...change }, at)).toEqual([]);
  });

  it('that tells later who it was clarifies the cancellation', () => {
    const [event] = eventsOf({ ...entry, kinds: ['changed'] }, at);
    expect(event).toMatchObject({ kind: 'clarified', attributes: { actor: 'unpaid-orders' } });
  });

  it('of a placing does not take the customer for an actor', () => {
    const [event] = eventsOf({ ...entry, kinds: ['placed', 'paid'], actorKind: 'customer' }, at);
    expect(event).toMatchObject({ kind: 'placed', attributes: { channel: 'web' } });
    expect(event?.attributes).not.toHaveProperty('actor_kind');
  });
});
