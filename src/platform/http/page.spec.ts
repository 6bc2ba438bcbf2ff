import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { Fault } from '../errors.js';
import { decodeCursor, encodeCursor, pageOf, pageOfWhole, pageQuerySchema } from './page.js';

describe('a page', () => {
  const items = [5, 4, 3, 2, 1];

  it('has a cursor while there is more, and none on the last one', () => {
    const page = pageOf(items.slice(0, 3), 2, (last) => last);
    expect(page.items).toEqual([5, 4]);
    expect(decodeCursor(page.nextCursor ?? undefined, z.int())).toBe(4);
    expect(pageOf(items.slice(3), 2, (last) => last)).toEqual({ items: [2, 1], nextCursor: null });
    expect(pageOf([], 2, () => 0)).toEqual({ items: [], nextCursor: null });
  });

  it('refuses a cursor that is not one of its list', () => {
    for (const cursor of ['x', encodeCursor('text'), '']) {
      expect(() => decodeCursor(cursor, z.int())).toThrow('the cursor is not one of this list');
    }
    expect(decodeCursor(undefined, z.int())).toBeNull();
  });

  it('names the field where the cursor is none', () => {
    try {
      decodeCursor('x', z.int());
      throw new Error('not refused');
    } catch (error) {
      expect(error).toBeInstanceOf(Fault);
      expect((error as Fault).details.fields).toMatchObject([{ field: 'cursor' }]);
    }
  });

  it('of a list at hand goes on after the item that its cursor names', () => {
    const list = ['a', 'b', 'c'];
    const of = (limit: number, cursor?: string) =>
      pageOfWhole(list, { limit, cursor }, (one) => one);
    expect(of(3)).toEqual({ items: list, nextCursor: null });
    const first = of(2);
    expect(first.items).toEqual(['a', 'b']);
    expect(of(2, first.nextCursor ?? undefined)).toEqual({ items: ['c'], nextCursor: null });
    expect(() => of(2, encodeCursor('d'))).toThrow('the cursor is not one of this list');
    expect(pageOfWhole([], { limit: 1 }, String)).toEqual({ items: [], nextCursor: null });
  });

  it('is of a size between 1 and 500, as text of a query too', () => {
    expect(pageQuerySchema.parse({ limit: '7' })).toEqual({ limit: 7 });
    expect(pageQuerySchema.parse({})).toEqual({ limit: 50 });
    for (const limit of ['0', '501', '1.5', 'x', '']) {
      expect(pageQuerySchema.safeParse({ limit }).success).toBe(false);
    }
  });
});
