import { z } from 'zod';

/**
 * The grid on which windows start. Fine enough to see a burst of seconds in a busy shop, coarse enough
 * that a quiet hour costs 720 additions.
 */
export const cellMs = 5_000;

/**
 * Starts of level n stand 5 s x 2^n apart and are looked at while 2 to 4 such steps old, those of level 0
 * from one step on: in a window without length nothing is expected, and anything would be a surprise.
 */
export const levelCount = 13;

/** The oldest a start can be: a little under a day. What is older is in no window. */
export const longestWindowMs = 4 * cellMs * 2 ** (levelCount - 1);

const weekMs = 7 * 24 * 3_600_000;
const keptPerLevel = 5;

/** A window that ends now. */
export interface WindowStart {
  readonly level: number;
  /** epoch milliseconds */
  readonly at: number;
  /** what the shop's cumulative expectation was then */
  readonly cumulative: number;
}

export const windowStartsSchema = z.array(
  z.object({ next: z.number(), cumulatives: z.array(z.number()) }),
);
export type WindowStartsState = z.infer<typeof windowStartsSchema>;

/** Windows of less than two minutes are seldom needed: they share a tenth of the budget, the nine longer ones the rest. */
const shareOfLevel = { short: 0.025, long: 0.1, firstLong: 4 };

/**
 * Each level spends its part of the budget of false alarms evenly on its starts, so that the weights of
 * all starts of a week add up to one: the natural logarithm of one start's weight.
 */
export function logStartWeight(level: number): number {
  const share = level < shareOfLevel.firstLong ? shareOfLevel.short : shareOfLevel.long;
  return Math.log(((cellMs * 2 ** level) / weekMs) * share);
}

/** The coarsest level on whose grid this number stands: how often it can be halved. */
export function coarsestLevelOf(number: number): number {
  return number === 0 ? levelCount : 31 - Math.clz32(number & -number);
}

/** Remembers the cumulative expectation at the starts of all windows that can still matter. */
export class WindowStarts {
  private levels: WindowStartsState = Array.from({ length: levelCount }, () => ({
    next: 0,
    cumulatives: [],
  }));

  /** To be called at the start of every cell, in order. */
  note(cell: number, cumulative: number): void {
    const coarsest = Math.min(coarsestLevelOf(cell), levelCount - 1);
    for (let level = 0; level <= coarsest; level += 1) {
      const kept = this.levels[level];
      if (kept === undefined) return;
      if (kept.cumulatives.length >= keptPerLevel) kept.cumulatives.shift();
      kept.cumulatives.push(cumulative);
      kept.next = (cell >> level) + 1;
    }
  }

  /** After a hole in time no window may reach over it. */
  clear(): void {
    for (const level of this.levels) level.cumulatives = [];
  }

  /** The windows that end at `now`, shortest first. */
  endingAt(now: number): WindowStart[] {
    return this.levels.flatMap((kept, level) => {
      const stepMs = cellMs * 2 ** level;
      const starts: WindowStart[] = [];
      for (let back = 1; back <= kept.cumulatives.length; back += 1) {
        const at = (kept.next - back) * stepMs;
        const cumulative = kept.cumulatives[kept.cumulatives.length - back];
        const tooYoung = now - at < (level === 0 ? cellMs : 2 * stepMs);
        if (cumulative === undefined || tooYoung || now - at >= 4 * stepMs) continue;
        starts.push({ level, at, cumulative });
      }
      return starts;
    });
  }

  save(): WindowStartsState {
    return structuredClone(this.levels);
  }

  restore(state: WindowStartsState): void {
    this.levels = structuredClone(state);
  }
}
