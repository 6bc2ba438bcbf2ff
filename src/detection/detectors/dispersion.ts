import { z } from 'zod';
import { coarsestLevelOf, levelCount } from './window-starts.js';

const levelState = z.object({
  /** of the window that is open: distinct accounts, and the cumulative expectation at its start */
  count: z.number(),
  cumulative: z.number(),
  /** sums over closed windows, each of expected e and excess x = (count - e)^2 - e */
  excess: z.number(),
  excessTimesExpected: z.number(),
  expected: z.number(),
  expectedSquare: z.number(),
  expectedCube: z.number(),
});
export const dispersionSchema = z.array(levelState).length(levelCount);
export type DispersionState = z.infer<typeof dispersionSchema>;
type LevelState = z.infer<typeof levelState>;

/** What is believed before anything was seen, as if seen in windows with these sums. */
const prior = { clumping: 0.2, swing: 0.3, expected: 3, expectedSquare: 1, expectedCube: 1 };
const dailyKeep = 0.5 ** (1 / 56);
const CLIP = Number(process.env['CLIP'] ?? 4);
const cellsPerWindow = 4;

/**
 * How much more than a Poisson process the shop's cancellations vary, per length of window:
 * Var = e + clumping x e + swing x e^2. Clumping: staff works off a pile, a family cancels; it is there
 * in the quietest hour. Swing: the whole rate is off, as on a day with news. Estimated by least squares
 * over windows that do not overlap.
 */
export class Dispersion {
  private levels: DispersionState = Array.from({ length: levelCount }, () => ({
    count: 0,
    cumulative: 0,
    excess: 0,
    excessTimesExpected: 0,
    expected: 0,
    expectedSquare: 0,
    expectedCube: 0,
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
    for (const level of this.levels) {
      level.excess *= dailyKeep;
      level.excessTimesExpected *= dailyKeep;
      level.expected *= dailyKeep;
      level.expectedSquare *= dailyKeep;
      level.expectedCube *= dailyKeep;
    }
  }

  /** The two parts of the variance beyond a Poisson's, both at least 0. */
  of(level: number): { clumping: number; swing: number } {
    const seen = this.levels[level];
    return seen === undefined ? prior : fit(seen);
  }

  save(): DispersionState {
    return structuredClone(this.levels);
  }

  restore(state: DispersionState): void {
    this.levels = structuredClone(state);
  }
}

/** Minimises the sum of (x - clumping e - swing e^2)^2 / e; a part that comes out negative is none. */
function fit(seen: LevelState): { clumping: number; swing: number } {
  const e1 = seen.expected + prior.expected;
  const e2 = seen.expectedSquare + prior.expectedSquare;
  const e3 = seen.expectedCube + prior.expectedCube;
  const x0 = seen.excess + prior.clumping * prior.expected + prior.swing * prior.expectedSquare;
  const x1 =
    seen.excessTimesExpected +
    prior.clumping * prior.expectedSquare +
    prior.swing * prior.expectedCube;
  const determinant = e1 * e3 - e2 * e2;
  if (determinant > 0) {
    const clumping = (x0 * e3 - x1 * e2) / determinant;
    const swing = (x1 * e1 - x0 * e2) / determinant;
    if (clumping >= 0 && swing >= 0) return { clumping, swing };
    if (swing < 0) return { clumping: Math.max(0, x0 / e1), swing: 0 };
  }
  return { clumping: 0, swing: Math.max(0, x1 / e3) };
}

function close(level: LevelState, moment: { cumulative: number; learning: boolean }): void {
  const expected = moment.cumulative - level.cumulative;
  if (moment.learning) {
    const { clumping, swing } = fit(level);
    const spread = Math.sqrt(expected * (1 + clumping + swing * expected));
    const count = Math.min(level.count, expected + CLIP * spread + 1);
    const excess = (count - expected) ** 2 - expected;
    level.excess += excess;
    level.excessTimesExpected += excess * expected;
    level.expected += expected;
    level.expectedSquare += expected ** 2;
    level.expectedCube += expected ** 3;
  }
  level.count = 0;
  level.cumulative = moment.cumulative;
}
