import { describe, expect, it } from '@jest/globals';
import type { FindingMeasure, FindingUpdate } from './detector.js';
import { collapse } from './finding-changes.js';
import { sentence } from './finding.js';

const measure: FindingMeasure = {
  slice: { actor_kind: 'job', actor: 'unpaid-orders' },
  orders: 12,
  paidOrders: 12,
  accounts: 11,
  money: { USD: 5_00, EUR: 1_180_00 },
  since: new Date('2026-07-01T03:02:11.250Z'),
  until: new Date('2026-07-01T03:02:31Z'),
  expected: 0.031,
  weeksPerChance: 4e9,
  rising: true,
  learntDays: 28,
  gap: null,
};

describe('the sentence', () => {
  it('says how many, whose, how much, since when, by what, expected how many, how often by chance, and the trend', () => {
    expect(sentence(measure)).toBe(
      '12 paid orders of 11 customers (EUR 1,180.00 + USD 5.00) were cancelled by job "unpaid-orders" ' +
        'since 2026-07-01 03:02:11 UTC; next to none expected, chance alone does this less than once in 1,000 years; still rising',
    );
  });

  it('says that it stopped, that not all were paid, and how little is known of the shop', () => {
    const text = sentence({
      ...measure,
      slice: {},
      paidOrders: 3,
      money: {},
      expected: 2.345,
      weeksPerChance: 40.5,
      rising: false,
      learntDays: 1.4,
    });
    expect(text).toBe(
      '12 orders (3 of them paid) of 11 customers were cancelled across the whole shop since 2026-07-01 03:02:11 UTC; ' +
        '2.3 expected, chance alone does this once in 40 weeks; no more than usual after 2026-07-01 03:02:31 UTC; ' +
        'only 1 day of this shop are known, so what is expected is a cautious guess',
    );
  });

  it('says where changes of the shop were lost', () => {
    const gap = {
      from: new Date('2026-07-01T03:02:15Z'),
      until: new Date('2026-07-01T03:02:21Z'),
    };
    expect(sentence({ ...measure, gap })).toMatch(
      /; still rising; changes of the shop were lost between 2026-07-01 03:02:15 UTC and 2026-07-01 03:02:21 UTC, so there may be more$/,
    );
  });

  it.each([
    [{ actor_kind: 'unknown' }, 'by nobody known'],
    [{ reason: 'payment missing' }, 'for the reason "payment missing"'],
    [
      { payment_method: 'giftcard', region: 'east' },
      'with payment method giftcard with region east',
    ],
  ])('names the slice %j', (slice, words) => {
    expect(sentence({ ...measure, slice })).toContain(`were cancelled ${words} since`);
  });
});

describe('several updates of one batch', () => {
  const update = (change: Partial<FindingUpdate>): FindingUpdate => ({
    state: 'live',
    fingerprint: 'a',
    measure,
    addedPositions: [],
    ...change,
  });

  it('become one change per finding, with all positions and the last measure', () => {
    const last = { ...measure, orders: 14 };
    expect(
      collapse([
        update({ addedPositions: [1, 2] }),
        update({ fingerprint: 'b', addedPositions: [3] }),
        update({ addedPositions: [4], measure: last }),
      ]),
    ).toEqual([
      update({ addedPositions: [1, 2, 4], measure: last }),
      update({ fingerprint: 'b', addedPositions: [3] }),
    ]);
  });

  it('keep two lives of one finding apart', () => {
    const changes = collapse([
      update({ addedPositions: [1] }),
      update({ state: 'closed' }),
      update({ addedPositions: [9] }),
    ]);
    expect(changes.map(({ state, addedPositions }) => ({ state, addedPositions }))).toEqual([
      { state: 'closed', addedPositions: [1] },
      { state: 'live', addedPositions: [9] },
    ]);
  });
});
