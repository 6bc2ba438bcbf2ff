import type { OrderEvent } from '../../src/orders/order-event.js';

/** An order event with plausible defaults; `n` makes its source position and order unique. */
export function orderEvent(n: number, given: Partial<OrderEvent> = {}): OrderEvent {
  return {
    shopId: 'shop',
    source: {
      incarnation: '7312/1/1',
      commitLsn: `0/${(0x1000 + n * 0x100).toString(16).toUpperCase()}`,
      transactionId: 700 + n,
    },
    orderId: String(n),
    orderNumber: `S-${n}`,
    kinds: ['cancelled'],
    statusBefore: 'paid',
    statusAfter: 'cancelled',
    actorKind: 'unknown',
    actor: null,
    reason: null,
    customerId: `c${n}`,
    total: { amountMinor: 4_200, currency: 'EUR' },
    attributes: { channel: 'web' },
    rowChanges: [],
    snapshot: null,
    marker: null,
    traceparent: null,
    committedAt: '2026-11-22T03:00:00.123456Z',
    ...given,
  };
}

/** Inserts a shop row, which journal entries refer to. */
export const insertShop = `INSERT INTO reinstate.shop (id, name, profile_name, profile_hash, created_at)
  VALUES ($1, $1, 'test', 'hash', '2026-01-01T00:00:00Z')`;
