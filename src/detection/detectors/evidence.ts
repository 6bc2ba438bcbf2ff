/**
 * How much more likely a count is under a failure than under the background.
 *
 * The background's count in a stretch of time is negative binomial with mean `expected` and variance
 * `expected x (1 + excess)`: a Poisson count whose rate is itself uncertain. The likelihood ratio of
 * "r times as many" at the same uncertainty is
 *
 *   r^count * ((1 + excess) / (1 + r * excess))^(count + expected/excess)
 *
 * whose mean under the background is 1, for a fixed r. The mean over fixed factors r has mean 1 too; a
 * maximum over r would not (Shin, Ramdas, Rinaldo, "E-detectors", arXiv 2203.03532).
 */
export interface Stretch {
  readonly count: number;
  readonly expected: number;
  /** how much greater the variance is than a Poisson's, as a share of `expected` */
  readonly dispersion: number;
}

/** From "twice as many" (a slow drip in a busy slice) to "never seen before" (an unknown actor). */
const FS: Record<string, number[]> = {
  a: [2, 3, 5, 10, 30, 150, 1_500, 30_000],
  b: [2, 4, 10, 40, 400, 10_000],
  c: [2.5, 8, 50, 2000],
  d: [3, 10, 100],
};
const rateFactors = FS[process.env['FS'] ?? 'a'] ?? [];
const logFactors = rateFactors.map(Math.log);
const logWeight = -Math.log(rateFactors.length);

/** Below this the negative binomial is a Poisson for all purposes, and dividing by it is safe. */
const leastDispersion = 1e-4;
const leastExpected = 1e-9;

/** Natural logarithm of the evidence: the e-value of one stretch of one slice. */
export function logEvidence({ count, expected, dispersion }: Stretch): number {
  const shape = Math.max(dispersion, leastDispersion);
  const spread = shape * Math.max(expected, leastExpected);
  const power = count + 1 / shape;
  const base = Math.log1p(spread);
  const sum = new LogSum();
  for (let index = 0; index < rateFactors.length; index += 1) {
    const factor = rateFactors[index] ?? 1;
    const logFactor = logFactors[index] ?? 0;
    sum.add(count * logFactor + power * (base - Math.log1p(spread * factor)));
  }
  return sum.value + logWeight;
}

/** Adds numbers that are given by their logarithms, without overflow. */
export class LogSum {
  private greatest = Number.NEGATIVE_INFINITY;
  private scaled = 0;

  add(logTerm: number): void {
    if (logTerm <= this.greatest) {
      this.scaled += Math.exp(logTerm - this.greatest);
      return;
    }
    this.scaled = this.scaled * Math.exp(this.greatest - logTerm) + 1;
    this.greatest = logTerm;
  }

  /** Natural logarithm of the sum; -Infinity of nothing. */
  get value(): number {
    return this.scaled === 0 ? Number.NEGATIVE_INFINITY : this.greatest + Math.log(this.scaled);
  }
}
