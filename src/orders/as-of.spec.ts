import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { rowsAsOf } from './as-of.js';
import { fold, rowName } from './fold.js';
import type { RowChange, RowImage } from './row-change.js';

const table = 'shop.order_line';
const wishes = fc.array(
  fc.record({
    id: fc.integer({ min: 1, max: 4 }).map(String),
    value: fc.option(fc.integer({ min: 0, max: 3 }).map(String), { nil: null }),
  }),
  { maxLength: 30 },
);

/** Changes that a database could have made of rows that were there before anybody looked. */
function changesOf(start: ReadonlyMap<string, RowImage>, given: readonly Wish[]): RowChange[] {
  const current = new Map(start);
  return given.flatMap(({ id, value }) => {
    const name = rowName(table, [id]);
    const before = current.get(name) ?? null;
    const after = value === null ? null : { id, value };
    if (before === null && after === null) return [];
    if (after === null) current.delete(name);
    else current.set(name, after);
    const operation = before === null ? 'insert' : after === null ? 'delete' : 'update';
    return [{ table, key: [id], operation, before, after } as const];
  });
}

interface Wish {
  readonly id: string;
  readonly value: string | null;
}

const start = new Map(['1', '2'].map((id) => [rowName(table, [id]), { id, value: '9' }]));
const [first, second] = ['1', '2'].map((id) => rowName(table, [id])) as [string, string];
const update = (id: string, before: string | null, after: string): RowChange => ({
  table,
  key: [id],
  operation: 'update',
  before: before === null ? null : { id, value: before },
  after: { id, value: after },
});

describe('rows as of a time', () => {
  it('are at every cut what they were, worked out from how they are at the end', () => {
    fc.assert(
      fc.property(wishes, fc.nat(30), (given, cut) => {
        const changes = changesOf(start, given);
        const [past, later] = [changes.slice(0, cut), changes.slice(cut)];
        const result = rowsAsOf(fold(start, changes), { past, later });
        expect(result.rows).toEqual(fold(start, past));
        expect(result).toMatchObject({ unknown: new Set(), unseen: false });
      }),
    );
  });

  it('say of which row nobody knows, where its before-image was lost and nothing earlier told it', () => {
    const lost = update('1', null, '5');
    const present = fold(start, [lost]);
    expect(rowsAsOf(present, { past: [], later: [lost] })).toEqual({
      rows: new Map([[second, { id: '2', value: '9' }]]),
      unknown: new Set([first]),
      unseen: false,
    });
    const told = rowsAsOf(present, { past: [update('1', '9', '4')], later: [lost] });
    expect(told.rows.get(first)).toEqual({ id: '1', value: '4' });
    expect(told.unknown.size).toBe(0);
  });

  it('say that something went unseen where the next change found the row otherwise', () => {
    const [past, later] = [[update('1', '9', '4')], [update('1', '6', '5')]];
    expect(rowsAsOf(fold(start, later), { past, later }).unseen).toBe(true);
    expect(rowsAsOf(fold(start, later), { past: [...past, ...later], later: [] }).unseen).toBe(
      false,
    );
  });

  it('take values of an erased person, or under another key, for equal: nobody can tell', () => {
    const sealed = (hash: string, keyOf: string) => ({ sealed: 'x', hash, keyOf });
    const image = (value: RowImage[string]): RowImage => ({ id: '1', value });
    const cut = (left: RowImage[string], right: RowImage[string]): boolean => {
      const past = [{ ...update('1', null, ''), after: image(left) }];
      const later = [{ ...update('1', null, ''), before: image(right) }];
      return rowsAsOf(new Map([[first, image(right)]]), { past, later }).unseen;
    };
    expect(cut(sealed('a', 'customer:1'), sealed('b', 'customer:1'))).toBe(true);
    expect(cut(sealed('a', 'customer:1'), sealed('a', 'customer:2'))).toBe(false);
    expect(cut(sealed('a', 'customer:1'), sealed('erased', 'customer:1'))).toBe(false);
  });
});
