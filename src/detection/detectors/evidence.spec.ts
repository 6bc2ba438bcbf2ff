import { describe, expect, it } from '@jest/globals';
import { logEvidence, LogSum } from './evidence.js';

/** ln P(count) of a negative binomial with this mean and variance mean + dispersion x mean^2. */
function logProbabilities(mean: number, dispersion: number, most: number): number[] {
  const size = 1 / dispersion;
  const logChance = Math.log(dispersion * mean) - Math.log1p(dispersion * mean);
  const list = [-size * Math.log1p(dispersion * mean)];
  for (let count = 1; count <= most; count += 1) {
    list.push((list[count - 1] ?? 0) + logChance + Math.log((size + count - 1) / count));
  }
  return list;
}

describe('the evidence', () => {
  it.each([
    { expected: 0.0005, dispersion: 3 },
    { expected: 0.02, dispersion: 2 },
    { expected: 0.05, dispersion: 0.4 },
  ])('has mean 1 under the background ($expected expected)', ({ expected, dispersion }) => {
    const mean = logProbabilities(expected, dispersion, 80_000).reduce(
      (sum, log, count) => sum + Math.exp(log + logEvidence({ count, expected, dispersion })),
      0,
    );
    expect(mean).toBeCloseTo(1, 4);
  });

  it('grows with the count, and is less where the shop varies more by itself', () => {
    const of = (count: number, dispersion: number): number =>
      logEvidence({ count, expected: 1, dispersion });
    expect(of(10, 0.5)).toBeGreaterThan(of(5, 0.5));
    expect(of(10, 0.5)).toBeLessThan(of(10, 0.1));
    expect(of(1, 0.5)).toBeLessThan(0);
  });
});

describe('a sum of logarithms', () => {
  it('does not overflow, and is nothing of nothing', () => {
    const sum = new LogSum();
    expect(sum.value).toBe(Number.NEGATIVE_INFINITY);
    for (const term of [2_000, 2_000, 1]) sum.add(term);
    expect(sum.value).toBeCloseTo(2_000 + Math.log(2), 10);
  });
});
