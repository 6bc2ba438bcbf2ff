/**
 * How much more likely a count is under a failure than under the background.
 *
 * The background is a mixed Poisson (Polya) process: in one stretch of time the shop's rate is its
 * expected one times a random factor with mean 1 and variance `dispersion`, so that counts are negative
 * binomial. For a stretch with `count` accounts, of which `expected` were expected, the likelihood ratio
 * of "r times as many" is
 *
 *   r^count * ((1 + dispersion * expected) / (1 + dispersion * r * expected))^(count + 1/dispersion)
 *
 * which is a martingale under the background, for a fixed r. The mean over fixed factors r is one too;
 * a maximum over r would not be (Shin, Ramdas, Rinaldo, "E-detectors", arXiv 2203.03532).
 */
export interface Stretch {
  readonly count: number;
  readonly expected: number;
  /** variance of the random factor */
  readonly dispersion: number;
}

/** From "a few times as many" (a slow drip in a busy slice) to "never seen before" (an unknown actor). */
const rateFactors = [2.5, 8, 50, 2_000, 100_000] as const;
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
