import { randomFrom } from './random.js';

describe('randomFrom', () => {
  it('repeats for one seed and label, and differs for others', () => {
    const draw = (seed: string, label: string): number[] => {
      const random = randomFrom(seed, label);
      return Array.from({ length: 20 }, () => random.next());
    };
    expect(draw('a', 'x')).toEqual(draw('a', 'x'));
    expect(draw('a', 'x')).not.toEqual(draw('a', 'y'));
    expect(draw('a', 'x')).not.toEqual(draw('b', 'x'));
  });

  it('is spread evenly between 0 and 1', () => {
    const random = randomFrom('even', 'test');
    const tenths = Array.from({ length: 10 }, () => 0);
    for (let count = 0; count < 10_000; count += 1) {
      const place = Math.floor(random.next() * 10);
      tenths[place] = (tenths[place] ?? 0) + 1;
    }
    for (const count of tenths) expect(Math.abs(count - 1000)).toBeLessThan(120);
  });

  it('picks by weight', () => {
    const random = randomFrom('weights', 'test');
    const counts = { often: 0, seldom: 0, never: 0 };
    for (let count = 0; count < 2000; count += 1) {
      counts[random.weighted({ often: 0.9, seldom: 0.1, never: 0 })] += 1;
    }
    expect(counts.never).toBe(0);
    expect(counts.seldom).toBeGreaterThan(140);
    expect(counts.seldom).toBeLessThan(260);
  });

  it('waits with the mean that was asked for', () => {
    const random = randomFrom('waiting', 'test');
    const waits = Array.from({ length: 5000 }, () => random.exponential(250));
    const mean = waits.reduce((sum, wait) => sum + wait, 0) / waits.length;
    expect(Math.abs(mean - 250)).toBeLessThan(15);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(0);
  });

  it('refuses to pick from nothing', () => {
    expect(() => randomFrom('s', 'l').pick([])).toThrow('empty list');
  });
});
