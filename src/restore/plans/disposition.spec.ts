import { readFileSync } from 'node:fs';
import type { JournalEntry } from '../../orders/order-event.js';
import type { OrderSnapshot } from '../../orders/order-snapshot.js';
import { erasedValue } from '../../orders/row-change.js';
import { composeSpan } from '../../shops/cancellation-span.js';
import { parseProfile } from '../../shops/profile-file.js';
import { judgeOrder, type OrderFacts } from './disposition.js';

const file = 'profiles/sample-shop.yaml';
const profile = parseProfile(readFileSync(file, 'utf8'), file);
const now = new Date('2026-01-01T04:00:00Z');

const before: OrderSnapshot = {
  orderId: '7',
  number: 'S-7',
  status: 'paid',
  state: 'open',
  customerId: '1',
  currency: 'EUR',
  totalMinor: 4500,
  placedAt: null,
  cancelledAt: null,
  lines: [],
  payments: [{ paymentId: '1', state: 'captured', heldMinor: 4500, refundedMinor: 0 }],
  attributes: {},
};

function entry(position: number, given: Partial<JournalEntry> = {}): JournalEntry {
  const order = { id: '7', status: 'paid', version: '1' };
  const after = { ...order, status: 'cancelled', version: '2' };
  return {
    shopId: 'shop',
    position,
    recordedAt: new Date(0),
    source: { incarnation: 'i', commitLsn: `0/${position}`, transactionId: position },
    orderId: '7',
    orderNumber: 'S-7',
    kinds: ['cancelled'],
    statusBefore: 'paid',
    statusAfter: 'cancelled',
    actorKind: 'unknown',
    actor: null,
    reason: null,
    customerId: '1',
    total: null,
    attributes: {},
    rowChanges: [{ table: 'shop.orders', key: ['7'], operation: 'update', before: order, after }],
    snapshot: before,
    marker: null,
    traceparent: null,
    committedAt: '2026-01-01T03:00:00.000000Z',
    ...given,
  };
}

const later = (given: Partial<JournalEntry>) =>
  entry(20, {
    kinds: ['changed'],
    statusBefore: 'cancelled',
    committedAt: '2026-01-01T03:30:00.000000Z',
    ...given,
  });

function judged(given: Partial<OrderFacts> = {}, entries: readonly JournalEntry[] = [entry(10)]) {
  const result = judgeOrder({
    now,
    profile,
    case: { state: 'open', verdict: 'wrongful', evidence: 'journal' },
    namedSingly: false,
    span: composeSpan(profile, entries),
    partial: [],
    before,
    gaps: { within: false, after: false },
    capability: { way: 'reopen' },
    ...given,
  });
  return result.ok ? result.value.map((risk) => risk.code) : result.refusal.reason;
}

describe('what becomes of an order in a plan', () => {
  it('is left to a person, in words of its own, where only lines of it were cancelled', () => {
    const line = entry(9, { kinds: ['line-cancelled'], statusAfter: 'paid' });
    expect(judged({ span: undefined, partial: [line] })).toBe('not-cancelled-any-more');
    expect(judged({ partial: [line] })).toEqual([]);
    expect(judged({ span: undefined })).toBe('evidence-missing');
  });

  it('is left to a person where values of somebody who was erased stand in its cancellation', () => {
    const [change] = entry(10).rowChanges;
    const erased = { ...change!.after, ship_name: erasedValue('customer:1') };
    for (const images of [{ after: erased }, { before: erased, after: erased }]) {
      const entries = [entry(10, { rowChanges: [{ ...change!, ...images }] })];
      expect(judged({}, entries)).toBe('evidence-missing');
    }
  });

  it('a wrongful one with all its evidence is reopened without risks', () => {
    expect(judged()).toEqual([]);
  });

  it.each([
    ['intended', 'intended', false, 'intended'],
    ['intended, though named', 'intended', true, 'intended'],
    ['unsure in a bulk plan', 'unsure', false, 'unsure'],
  ] as const)('%s goes to a person', (_name, verdict, namedSingly, expected) => {
    expect(judged({ namedSingly, case: { state: 'open', verdict, evidence: 'journal' } })).toBe(
      expected,
    );
  });

  it('an unsure one that is named alone is reopened, with the risk said', () => {
    const unsure = { state: 'open', verdict: 'unsure', evidence: 'journal' } as const;
    expect(judged({ namedSingly: true, case: unsure })).toEqual(['unsure']);
  });

  it.each([
    ['no cancellation in the journal', {}, [], 'evidence-missing'],
    [
      'hit before the journal began',
      { case: { state: 'open', verdict: 'wrongful', evidence: 'none' } },
      undefined,
      'evidence-missing',
    ],
    [
      'an outcome that is not known',
      { case: { state: 'unknown', verdict: 'wrongful', evidence: 'journal' } },
      undefined,
      'outcome-unknown',
    ],
    ['not settled yet', { now: new Date('2026-01-01T03:00:02Z') }, undefined, 'still-bleeding'],
    [
      'changes lost meanwhile',
      { gaps: { within: true, after: false } },
      undefined,
      'evidence-missing',
    ],
    ['shipped before', {}, [entry(10, { statusBefore: 'shipped' })], 'shipped'],
    ['not open before', {}, [entry(10, { statusBefore: 'cart' })], 'evidence-missing'],
    [
      'shipped since',
      {},
      [entry(10), later({ kinds: ['shipped'], statusAfter: 'shipped' })],
      'shipped',
    ],
    ['refunded since', {}, [entry(10), later({ kinds: ['refunded'] })], 'money-returned'],
    [
      'reopened by the shop',
      {},
      [entry(10), later({ kinds: ['restored'], statusAfter: 'paid' })],
      'not-cancelled-any-more',
    ],
    ['edited since', {}, [entry(10), later({})], 'changed-since'],
    [
      'refunded by the cancellation',
      {},
      [entry(10, { kinds: ['cancelled', 'refunded'] })],
      'money-returned',
    ],
    [
      'the shop says no',
      { capability: { way: 'person', reason: 'shipped', detail: 'x' } },
      undefined,
      'shipped',
    ],
    ['the shop does not answer', { capability: undefined }, undefined, 'evidence-missing'],
  ] as const)('%s: goes to a person', (_name, given, entries, expected) => {
    expect(judged(given as Partial<OrderFacts>, entries)).toBe(expected);
  });

  it('an entry inside the cancellation that no rule claims goes to a person', () => {
    const stray = entry(9, {
      kinds: ['changed'],
      rowChanges: [
        {
          table: 'shop.orders',
          key: ['7'],
          operation: 'update',
          before: { coupon_code: null },
          after: { coupon_code: 'X' },
        },
      ],
      committedAt: '2026-01-01T02:59:59.500000Z',
    });
    const first = entry(8, {
      kinds: ['changed'],
      statusAfter: 'paid',
      rowChanges: [
        {
          table: 'shop.payment',
          key: ['1'],
          operation: 'update',
          before: { note: null },
          after: { note: 'void' },
        },
      ],
      committedAt: '2026-01-01T02:59:59.000000Z',
    });
    expect(judged({}, [first, stray, entry(10)])).toBe('changed-since');
  });

  it('a restore of ours that was undone does not count as a change', () => {
    const restore = later({
      kinds: ['restored'],
      statusAfter: 'paid',
      marker: { action: 'restore', itemId: 'a' },
    });
    const undo = later({ kinds: ['cancelled'], marker: { action: 'undo', itemId: 'b' } });
    expect(judged({}, [entry(10), restore, undo])).toEqual([]);
    expect(judged({}, [entry(10), restore])).toBe('not-cancelled-any-more');
  });

  it('says when money is missing, changes were lost later, or the order cannot be shown', () => {
    expect(judged({ before: { ...before, payments: [] } })).toEqual(['money-not-held']);
    const gaps = { within: false, after: true };
    expect(judged({ gaps, before: null })).toEqual(['gap', 'no-snapshot']);
  });
});
