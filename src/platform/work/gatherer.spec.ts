import { describe, expect, it } from '@jest/globals';
import { Gatherer } from './gatherer.js';

describe('Gatherer', () => {
  it('hands over as soon as there is enough, and the rest at a flush', async () => {
    const groups: number[][] = [];
    const gatherer = new Gatherer<number>(2, (items) => {
      groups.push([...items]);
      return Promise.resolve();
    });
    for (const one of [1, 2, 3, 4, 5]) gatherer.add(one);
    await gatherer.flush();
    expect(groups).toEqual([[1, 2], [3, 4], [5]]);
    await gatherer.flush();
    expect(groups).toHaveLength(3);
  });

  it('hands over one group at a time, in order', async () => {
    const told: string[] = [];
    const gatherer = new Gatherer<number>(1, async ([item]) => {
      told.push(`begins ${item}`);
      await new Promise((resolve) => setTimeout(resolve, item === 1 ? 20 : 0));
      told.push(`ends ${item}`);
    });
    gatherer.add(1);
    gatherer.add(2);
    await gatherer.flush();
    expect(told).toEqual(['begins 1', 'ends 1', 'begins 2', 'ends 2']);
  });

  it('keeps the first failure, and goes on', async () => {
    const groups: number[][] = [];
    const gatherer = new Gatherer<number>(1, (items) => {
      if (items[0]! < 3) return Promise.reject(new Error(`no ${items[0]}`));
      groups.push([...items]);
      return Promise.resolve();
    });
    expect(gatherer.failure).toBeUndefined();
    for (const one of [1, 2, 3]) gatherer.add(one);
    await gatherer.flush();
    expect(gatherer.failure).toEqual({ error: new Error('no 1') });
    expect(groups).toEqual([[3]]);
  });
});
