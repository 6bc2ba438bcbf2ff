import { describe, expect, it } from '@jest/globals';
import { Shares } from './shares.js';

describe('shares', () => {
  it('keep a place for who did it and why, however many attributes a shop has of its own', () => {
    const shares = new Shares(['actor', 'reason']);
    const own = Object.fromEntries(
      Array.from({ length: 30 }, (_, index) => [`attribute ${index}`, 'x']),
    );
    shares.vectorOf(own);
    const vector = shares.vectorOf({ ...own, actor: 'unpaid-orders', reason: 'never paid' });
    expect(shares.attributeCount).toBe(12);
    expect(vector.slice(-2)).toEqual([1, 1]);
    const parts = [{ attribute: vector.length - 2, value: 1 }];
    expect(shares.name(parts)).toEqual({ actor: 'unpaid-orders' });
  });
});
