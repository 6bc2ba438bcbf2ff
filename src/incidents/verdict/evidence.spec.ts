import type { JournalEntry } from '../../orders/order-event.js';
import type { OrderSnapshot } from '../../orders/order-snapshot.js';
import type { RowChange, RowImage } from '../../orders/row-change.js';
import { loadProfile } from '../../shops/profile-file.js';
import type { Profile } from '../../shops/profile.js';
import { cancellationOf } from './evidence.js';

let profile: Profile;
beforeAll(async () => {
  ({ profile } = await loadProfile('sample-shop', { directory: '.' }));
});

const before: OrderSnapshot = {
  orderId: '7',
  number: 'S-7',
  status: 'paid',
  state: 'open',
  customerId: 'c1',
  currency: 'EUR',
  totalMinor: 4_990,
  placedAt: null,
  cancelledAt: null,
  lines: [],
  payments: [{ paymentId: '1', state: 'captured', heldMinor: 4_990, refundedMinor: 0 }],
  attributes: { warehouse: 'north' },
};

/** An entry of order 7, `second` seconds after three. */
function entry(position: number, second: number, given: Partial<JournalEntry> = {}): JournalEntry {
  return {
    shopId: 'shop',
    position,
    source: { incarnation: '1/1/1', commitLsn: `0/${position}`, transactionId: position },
    orderId: '7',
    orderNumber: 'S-7',
    kinds: ['changed'],
    statusBefore: null,
    statusAfter: null,
    actorKind: 'unknown',
    actor: null,
    reason: null,
    customerId: 'c1',
    total: { amountMinor: 4_990, currency: 'EUR' },
    attributes: { warehouse: 'north' },
    rowChanges: [],
    snapshot: null,
    marker: null,
    traceparent: null,
    committedAt: new Date(Date.UTC(2026, 2, 1, 3, 0, second)).toISOString(),
    recordedAt: new Date(0),
    ...given,
  };
}

const cancelled = {
  kinds: ['cancelled'],
  statusBefore: 'paid',
  statusAfter: 'cancelled',
  snapshot: before,
} satisfies Partial<JournalEntry>;
const job = { actorKind: 'job', actor: 'unpaid-orders', reason: 'payment not received' } as const;
const historyRow: RowChange = {
  table: 'shop.order_history',
  key: ['1'],
  operation: 'insert',
  before: null,
  after: { id: '1', type: 'CANCELLED', to_status: 'cancelled' },
};

function rows(paymentState: string, more: Record<string, RowImage[]> = {}) {
  return new Map<string, RowImage[]>([
    ['shop.orders', [{ id: '7', status: 'cancelled', currency: 'EUR', total_minor: '0' }]],
    ['shop.payment', [{ id: '1', order_id: '7', amount_minor: '4990', state: paymentState }]],
    ...Object.entries(more),
  ]);
}

const factsOf = (
  entries: readonly JournalEntry[],
  given: { profile?: Profile; rows?: ReturnType<typeof rows> } = {},
) => cancellationOf({ profile, rows: rows('captured'), ...given, entries })?.facts;

describe('the evidence of a cancellation', () => {
  it('is none where the journal has no cancellation', () => {
    expect(cancellationOf({ profile, rows: rows('captured'), entries: [entry(1, 0)] })).toBe(
      undefined,
    );
  });

  it('a raw UPDATE: nobody known, no history, money held, more to come until the settle time', () => {
    const found = cancellationOf({
      profile,
      rows: rows('captured'),
      entries: [entry(5, 0, cancelled)],
    });
    expect(found).toEqual({
      orderId: '7',
      orderNumber: 'S-7',
      position: 5,
      cancelledAt: new Date('2026-03-01T03:00:00Z'),
      startedAt: new Date('2026-03-01T03:00:00Z'),
      traceparent: null,
      customerId: 'c1',
      totalMinor: 4_990,
      attributes: { warehouse: 'north' },
      facts: {
        partial: false,
        actorKind: 'unknown',
        actor: null,
        reason: null,
        inHistory: false,
        heldMinor: 4_990,
        currency: 'EUR',
        refunded: false,
        paidAfter: false,
        shippedBefore: false,
        fraudFlag: false,
        settlesAt: '2026-03-01T03:00:03.001Z',
      },
    });
  });

  it('settles by our clock where the shop’s is behind: its time to write begins when we hear of it', () => {
    const heard = new Date('2026-03-01T03:00:40Z');
    const facts = factsOf([entry(5, 0, { ...cancelled, recordedAt: heard })]);
    expect(facts?.settlesAt).toBe('2026-03-01T03:00:43.001Z');
  });

  it('several transactions: the last names who did it, and moves the settle time', () => {
    const facts = factsOf([
      entry(4, 0, cancelled),
      entry(6, 2, { ...job, rowChanges: [historyRow] }),
    ]);
    expect(facts).toMatchObject({ ...job, inHistory: true, settlesAt: '2026-03-01T03:00:05.001Z' });
  });

  it('a history row that comes too late for the span still says who', () => {
    const facts = factsOf([
      entry(4, 0, cancelled),
      entry(9, 59, {
        actorKind: 'staff',
        actor: 'm.peters',
        reason: 'fraud',
        rowChanges: [historyRow],
      }),
    ]);
    expect(facts).toMatchObject({ actorKind: 'staff', actor: 'm.peters', inHistory: true });
  });

  it('a history row that nobody saw come (lost in a gap, or from before) may be about this cancellation', () => {
    const history = { 'shop.order_history': [historyRow.after ?? {}] };
    const lost = factsOf([entry(4, 0, cancelled)], { rows: rows('captured', history) });
    expect(lost).toMatchObject({ actorKind: 'unknown', inHistory: true });
    // one that came with an earlier cancellation is about that one
    const earlier = [
      entry(2, 0, { ...cancelled, ...job, rowChanges: [historyRow] }),
      entry(3, 20, { kinds: ['restored'] }),
      entry(4, 50, cancelled),
    ];
    expect(factsOf(earlier, { rows: rows('captured', history) })).toMatchObject({
      actorKind: 'unknown',
      inHistory: false,
    });
  });

  it('what somebody does later, without such a row, says nothing about who', () => {
    const facts = factsOf([
      entry(4, 0, cancelled),
      entry(9, 59, { actorKind: 'staff', actor: 'm.peters' }),
    ]);
    expect(facts).toMatchObject({ actorKind: 'unknown', inHistory: false });
  });

  it('a shop without a history is not blamed for it', () => {
    const { history, ...without } = profile;
    expect(history).toBeDefined();
    expect(factsOf([entry(4, 0, cancelled)], { profile: without })).toMatchObject({
      inHistory: null,
    });
  });

  it('a payment after it is seen, one before it is not', () => {
    const paid = { kinds: ['paid'] } satisfies Partial<JournalEntry>;
    expect(factsOf([entry(3, 0, paid), entry(4, 9, cancelled)])?.paidAfter).toBe(false);
    expect(factsOf([entry(4, 0, cancelled), entry(5, 9, paid)])?.paidAfter).toBe(true);
  });

  it.each([
    ['a refund', [entry(4, 0, cancelled), entry(5, 9, { kinds: ['refunded'] })], 'captured'],
    ['a voided payment', [entry(4, 0, cancelled)], 'voided'],
  ])('%s after it is money given back', (_what, entries, state) => {
    expect(factsOf(entries, { rows: rows(state) })?.refunded).toBe(true);
  });

  it('a refund before it is not', () => {
    const facts = factsOf([entry(3, 0, { kinds: ['refunded'] }), entry(4, 60, cancelled)]);
    expect(facts?.refunded).toBe(false);
  });

  it.each<[string, JournalEntry[], Record<string, RowImage[]>]>([
    ['its status before', [entry(4, 0, { ...cancelled, statusBefore: 'shipped' })], {}],
    ['an earlier entry', [entry(1, 0, { kinds: ['shipped'] }), entry(4, 60, cancelled)], {}],
    ['a row of the shop', [entry(4, 0, cancelled)], { 'shop.stock_movement': [{ kind: 'SHIP' }] }],
  ])('goods that had left are known by %s', (_what, entries, more) => {
    expect(factsOf(entries, { rows: rows('captured', more) })?.shippedBefore).toBe(true);
  });

  it('goods that left after it had not left before', () => {
    const facts = factsOf([entry(4, 0, cancelled), entry(5, 60, { kinds: ['shipped'] })]);
    expect(facts?.shippedBefore).toBe(false);
  });

  it('a fraud flag is a row that the profile names', () => {
    const flagged = {
      ...profile,
      fraud: { table: 'shop.order_history', where: { type: ['NOTE'], reason: ['fraud'] } },
    };
    const more = { 'shop.order_history': [{ type: 'NOTE', reason: 'fraud' }] };
    const entries = [entry(4, 0, cancelled)];
    expect(factsOf(entries, { profile: flagged, rows: rows('captured', more) })?.fraudFlag).toBe(
      true,
    );
    expect(factsOf(entries, { profile: flagged })?.fraudFlag).toBe(false);
  });

  it('where the rows are gone, the money is what the journal last knew', () => {
    const entries = [entry(4, 0, cancelled)];
    expect(factsOf(entries, { rows: new Map() })?.heldMinor).toBe(4_990);
    const blind = [entry(4, 0, { ...cancelled, snapshot: null })];
    expect(factsOf(blind, { rows: new Map() })?.heldMinor).toBeNull();
  });

  it('only lines taken away: a partial one', () => {
    const facts = factsOf([entry(4, 0, { ...job, kinds: ['changed', 'line-cancelled'] })]);
    expect(facts).toMatchObject({ partial: true, ...job });
  });

  it('our own restore and undo are no evidence of anything', () => {
    const facts = factsOf([
      entry(4, 0, { ...cancelled, ...job }),
      entry(5, 60, { kinds: ['restored'], marker: { action: 'restore', itemId: 'i' } }),
      entry(6, 120, {
        ...{ ...cancelled, kinds: ['cancelled', 'refunded', 'paid'] },
        marker: { action: 'undo', itemId: 'i' },
      }),
    ]);
    expect(facts).toMatchObject({ ...job, refunded: false, paidAfter: false });
  });

  it('of two cancellations it is the newer one', () => {
    const found = cancellationOf({
      ...{ profile, rows: rows('captured') },
      entries: [
        entry(4, 0, { ...cancelled, ...job }),
        entry(5, 60, { kinds: ['restored'], statusAfter: 'paid' }),
        entry(6, 120, { ...cancelled, actorKind: 'customer', reason: 'changed my mind' }),
      ],
    });
    expect(found).toMatchObject({ position: 6, facts: { actorKind: 'customer' } });
  });
});
