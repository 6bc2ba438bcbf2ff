import { z } from 'zod';
import { coarsestLevelOf, levelCount } from './window-starts.js';

/** Windows are told apart by how many accounts they expect: from less than 1/64 to more than 32, by factors of four. */
const binCount = 7;

const binState = z.object({ excess: z.number(), expected: z.number() });
const levelState = z.object({
  /** of the window that is open: distinct accounts, and the cumulative expectation at its start */
  count: z.number(),
  cumulative: z.number(),
  /** over closed windows, by their expectation e: sums of (count - e)^2 - e, and of e */
  bins: z.array(binState).length(binCount),
});
export const dispersionSchema = z.array(levelState).length(levelCount);
export type DispersionState = z.infer<typeof dispersionSchema>;
type LevelState = z.infer<typeof levelState>;

/**
 * What is believed before anything was seen: people cancel in clumps now and then (staff works off a
 * pile), and the whole rate is off by a half. `trust` is how many expected accounts this is worth.
 */
const prior = { clumping: 0.2, swing: 0.3, trust: 2 };
/** What lies further out than this many standard errors is no measure of the everyday. */
const outlierErrors = Number(process.env['CLIP'] ?? 6);
const dailyKeep = 0.5 ** (1 / 56);
const cellsPerWindow = 4;

/**
 * How much more than a Poisson process the shop's cancellations vary, per length of window and number
 * expected in it: variance = e x (1 + excess). Estimated by moments over windows that do not overlap.
 */
export class Dispersion {
  private levels: DispersionState = Array.from({ length: levelCount }, () => ({
    count: 0,
    cumulative: 0,
    bins: Array.from({ length: binCount }, () => ({ excess: 0, expected: 0 })),
  }));

  seen(): void {
    for (const level of this.levels) level.count += 1;
  }

  /** To be called at the start of every cell; windows that end here are closed and, if `learning`, learnt from. */
  note(cell: number, moment: { cumulative: number; learning: boolean }): void {
    if (cell % cellsPerWindow !== 0) return;
    const coarsest = Math.min(coarsestLevelOf(cell / cellsPerWindow), levelCount - 1);
    for (let index = 0; index <= coarsest; index += 1) {
      const level = this.levels[index];
      if (level !== undefined) close(level, moment);
    }
  }

  /** After a hole in time: the open windows are not learnt from. */
  skip(cumulative: number): void {
    for (const level of this.levels) {
      level.count = 0;
      level.cumulative = cumulative;
    }
  }

  forget(): void {
    for (const { bins } of this.levels) {
      for (const bin of bins) {
        bin.excess *= dailyKeep;
        bin.expected *= dailyKeep;
      }
    }
  }

  /** The excess of windows of this level with so many accounts expected, at least 0. */
  excessOf(level: number, expected: number): number {
    const seen = this.levels[level];
    return seen === undefined ? believed(expected) : excessIn(seen, expected);
  }

  save(): DispersionState {
    return structuredClone(this.levels);
  }

  restore(state: DispersionState): void {
    this.levels = structuredClone(state);
  }
}

function close(level: LevelState, moment: { cumulative: number; learning: boolean }): void {
  const expected = moment.cumulative - level.cumulative;
  const bin = level.bins[binOf(expected)];
  if (moment.learning && bin !== undefined && expected > 0) {
    const spread = Math.sqrt(expected * (1 + excessIn(level, expected)));
    const count = Math.min(level.count, expected + outlierErrors * spread + 1);
    bin.excess += (count - expected) ** 2 - expected;
    bin.expected += expected;
  }
  level.count = 0;
  level.cumulative = moment.cumulative;
}

function excessIn(level: LevelState, expected: number): number {
  const bin = level.bins[binOf(expected)] ?? { excess: 0, expected: 0 };
  const guess = believed(expected) * prior.trust;
  return Math.max(0, (bin.excess + guess) / (bin.expected + prior.trust));
}

function believed(expected: number): number {
  return prior.clumping + prior.swing * expected;
}

function binOf(expected: number): number {
  const bin = Math.floor(Math.log2(Math.max(expected, 1e-9)) / 2) + 3;
  return Math.min(binCount - 1, Math.max(0, bin));
}
