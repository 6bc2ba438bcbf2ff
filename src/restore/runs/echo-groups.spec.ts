import { describe, expect, test } from '@jest/globals';
import type { JournalEntry } from '../../orders/order-event.js';
import type { ComparedEcho } from './echo-comparison.js';
import { echoGroups } from './echo-groups.js';

interface Given {
  readonly plan?: string;
  readonly difference?: string;
  readonly order?: string;
}

/** The places of the entries that go together. */
function groupsOf(given: readonly Given[]): number[][] {
  const entries = given.map(({ order }, position) => ({
    position,
    orderId: order ?? `order-${position}`,
  }));
  const compared = given.flatMap(({ plan, difference = null }, position) =>
    plan === undefined ? [] : [[position, { planItem: { planId: plan }, difference }] as const],
  );
  const groups = echoGroups(
    entries as JournalEntry[],
    new Map(compared as unknown as [number, ComparedEcho][]),
  );
  return groups.map((group) => group.map(({ position }) => position));
}

const usual = { plan: 'one' };

describe('echoes are taken in together', () => {
  test('where they are of one plan and follow one another', () => {
    expect(groupsOf([usual, usual, usual])).toEqual([[0, 1, 2]]);
    expect(groupsOf([usual, { plan: 'two' }, { plan: 'two' }, usual])).toEqual([[0], [1, 2], [3]]);
  });

  test('and nothing passes anything else by', () => {
    expect(groupsOf([usual, {}, usual, usual])).toEqual([[0], [1], [2, 3]]);
    expect(groupsOf([{}, {}])).toEqual([[0], [1]]);
  });

  test('but not with one that differs from its plan', () => {
    expect(groupsOf([usual, { plan: 'one', difference: 'a column' }, usual, usual])).toEqual([
      [0],
      [1],
      [2, 3],
    ]);
  });

  test('but not twice of one order', () => {
    const twice = { plan: 'one', order: 'order-0' };
    expect(groupsOf([usual, usual, twice, usual])).toEqual([
      [0, 1],
      [2, 3],
    ]);
  });

  test('and only so many that nobody waits long for their locks', () => {
    const groups = groupsOf(Array.from({ length: 60 }, () => usual));
    expect(groups.map(({ length }) => length)).toEqual([25, 25, 10]);
  });
});
