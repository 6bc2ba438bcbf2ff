import { z } from 'zod';
import { coarsestLevelOf, levelCount } from './window-starts.js';

const levelState = z.object({
  /** of the window that is open: distinct accounts, and the cumulative expectation at its start */
  count: z.number(),
  cumulative: z.number(),
  /** sums over closed windows: of (count - expected)^2 - expected, and of expected^2 */
  excess: z.number(),
  square: z.number(),
});
export const dispersionSchema = z.array(levelState).length(levelCount);
export type DispersionState = z.infer<typeof dispersionSchema>;
type LevelState = z.infer<typeof levelState>;

/** What is believed before anything was seen, and how much seeing it takes to believe otherwise. */
const prior = { dispersion: 0.5, square: 1 };
const dailyKeep = 0.5 ** (1 / 56);
const cellsPerWindow = 4;

/**
 * How much more than a Poisson process the shop's cancellations vary, per length of window: staff works
 * off a pile, a delivery is late, a news item. Estimated by moments over windows that do not overlap:
 * variance = expected + dispersion x expected^2.
 */
export class Dispersion {
  private levels: DispersionState = Array.from({ length: levelCount }, () => ({
    count: 0,
    cumulative: 0,
    excess: 0,
    square: 0,
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
      level.square *= dailyKeep;
    }
  }

  of(level: number): number {
    const { excess, square } = this.levels[level] ?? { excess: 0, square: 0 };
    return Math.max(0, (excess + prior.dispersion * prior.square) / (square + prior.square));
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
  if (moment.learning) {
    level.excess += (level.count - expected) ** 2 - expected;
    level.square += expected ** 2;
  }
  level.count = 0;
  level.cumulative = moment.cumulative;
}
