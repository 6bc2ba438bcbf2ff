import { describe, expect, it } from '@jest/globals';
import { setImmediate } from 'node:timers/promises';
import { Turns } from './turns.js';

describe('turns', () => {
  it('come one after the other under one name, also after one that failed', async () => {
    const turns = new Turns();
    const log: string[] = [];
    const work =
      (name: string, fails = false) =>
      async () => {
        log.push(`${name} begins`);
        await setImmediate();
        log.push(`${name} ends`);
        if (fails) throw new Error(`${name} failed`);
        return name;
      };
    const all = await Promise.allSettled([
      turns.take('shop', work('a')),
      turns.take('shop', work('b', true)),
      turns.take('shop', work('c')),
    ]);
    expect(all.map((one) => (one.status === 'fulfilled' ? one.value : 'failed'))).toEqual([
      'a',
      'failed',
      'c',
    ]);
    expect(log).toEqual(['a', 'b', 'c'].flatMap((name) => [`${name} begins`, `${name} ends`]));
  });

  it('of different names do not wait for each other', async () => {
    const turns = new Turns();
    const { promise: released, resolve: release } = Promise.withResolvers<undefined>();
    const held = turns.take('one', () => released);
    await turns.take('other', () => Promise.resolve());
    release(undefined);
    await held;
  });
});
