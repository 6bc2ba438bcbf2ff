import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { KeyedLocks } from './keyed-locks.js';

describe('locks by key', () => {
  it('never let two holders of one key work at once, and let all come to an end', async () => {
    const wishes = fc.array(fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 3 }), {
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(wishes, async (given) => {
        const locks = new KeyedLocks();
        const held = new Set<string>();
        let ended = 0;
        await Promise.all(
          given.map((keys) =>
            locks.run(keys, async () => {
              const own = new Set(keys);
              for (const key of own) {
                expect(held.has(key)).toBe(false);
                held.add(key);
              }
              await turn();
              for (const key of own) held.delete(key);
              ended += 1;
            }),
          ),
        );
        expect(ended).toBe(given.length);
        expect(locks.size).toBe(0);
      }),
    );
  });

  it('are given back when the work fails', async () => {
    const locks = new KeyedLocks();
    await expect(locks.run(['a'], () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await locks.run(['a'], () => Promise.resolve('yes'))).toBe('yes');
    expect(locks.size).toBe(0);
  });
});
