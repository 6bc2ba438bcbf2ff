import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { decodeCursor, encodeCursor, pageOf, pageQuerySchema } from './page.js';

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

  it('is of a size between 1 and 500, as text of a query too', () => {
    expect(pageQuerySchema.parse({ limit: '7' })).toEqual({ limit: 7 });
    expect(pageQuerySchema.parse({})).toEqual({ limit: 50 });
    for (const limit of ['0', '501', '1.5', 'x', '']) {
      expect(pageQuerySchema.safeParse({ limit }).success).toBe(false);
    }
  });
});
