import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fold, netChanges, rowName, unfold } from './fold.js';
import type { RowChange, RowImage } from './row-change.js';

const tables = ['shop.orders', 'shop.order_line'] as const;
const rowArbitrary = fc.record({
  table: fc.constantFrom(...tables),
  id: fc.integer({ min: 1, max: 4 }).map(String),
});
const wishArbitrary = fc.array(
  fc.record({
    row: rowArbitrary,
    value: fc.option(fc.integer({ min: 0, max: 3 }).map(String), { nil: null }),
  }),
  { maxLength: 30 },
);

/** Turns wishes ("this row shall have this value, or be gone") into changes that a database could have made. */
function changesOf(
  wishes: readonly { row: { table: string; id: string }; value: string | null }[],
): RowChange[] {
  const current = new Map<string, RowImage>();
  return wishes.flatMap(({ row, value }) => {
    const key = [row.id];
    const name = rowName(row.table, key);
    const before = current.get(name) ?? null;
    const after = value === null ? null : { id: row.id, value };
    if (before === null && after === null) return [];
    if (after === null) current.delete(name);
    else current.set(name, after);
    const operation = before === null ? 'insert' : after === null ? 'delete' : 'update';
    return [{ table: row.table, key, operation, before, after } as const];
  });
}

describe('folding row changes', () => {
  it('taking back what was folded gives the rows that were there', () => {
    fc.assert(
      fc.property(wishArbitrary, fc.nat(30), (wishes, cut) => {
        const changes = changesOf(wishes);
        const before = fold(new Map(), changes.slice(0, cut));
        const after = fold(before, changes.slice(cut));
        expect(unfold(after, changes.slice(cut))).toEqual(before);
      }),
    );
  });

  it('the net changes lead to the same rows as the changes one by one, each row named once', () => {
    fc.assert(
      fc.property(wishArbitrary, fc.nat(30), (wishes, cut) => {
        const changes = changesOf(wishes);
        const before = fold(new Map(), changes.slice(0, cut));
        const net = netChanges(changes.slice(cut));
        expect(fold(before, net)).toEqual(fold(before, changes.slice(cut)));
        expect(new Set(net.map((change) => rowName(change.table, change.key))).size).toBe(
          net.length,
        );
      }),
    );
  });

  it('a row that was added and taken away again within the changes leaves nothing', () => {
    const wish = { table: 'shop.orders', id: '1' };
    expect(
      netChanges(
        changesOf([
          { row: wish, value: '1' },
          { row: wish, value: null },
        ]),
      ),
    ).toEqual([]);
  });

  it('a row that was taken away and added again counts as changed', () => {
    const wish = { table: 'shop.orders', id: '1' };
    const changes = changesOf([
      { row: wish, value: '1' },
      { row: wish, value: null },
      { row: wish, value: '2' },
    ]);
    expect(netChanges(changes.slice(1))).toEqual([
      expect.objectContaining({
        operation: 'update',
        before: { id: '1', value: '1' },
        after: { id: '1', value: '2' },
      }),
    ]);
  });
});
