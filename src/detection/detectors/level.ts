import { z } from 'zod';
import { cellMs } from './window-starts.js';

const dayMs = 24 * 3_600_000;
/** How long the shop's present level is remembered: a busy day, a busy week. */
const memoriesMs = [dayMs, 7 * dayMs] as const;
const keeps = memoriesMs.map((memoryMs) => Math.exp(-cellMs / memoryMs));
/** So many accounts as expected are taken for granted: a single one is no busy day. */
const calm = 5;

const memory = z.object({ seen: z.number(), expected: z.number() });
export const levelSchema = z.array(memory).length(memoriesMs.length);
export type LevelState = z.infer<typeof levelSchema>;

/** How much more (or less) than the season says has lately been cancelled. */
export class Level {
  private memories: LevelState = memoriesMs.map(() => ({ seen: 0, expected: 0 }));

  seen(): void {
    for (const one of this.memories) one.seen += 1;
  }

  /** Lets a cell pass in which so many were expected by the season. */
  pass(expected: number): void {
    for (let index = 0; index < keeps.length; index += 1) {
      const one = this.memories[index];
      const keep = keeps[index] ?? 1;
      if (one === undefined) return;
      one.seen *= keep;
      one.expected = one.expected * keep + expected;
    }
  }

  /** The level over the last day (0) or week (1); 1 is as the season says. */
  of(index: 0 | 1): number {
    const one = this.memories[index];
    return one === undefined ? 1 : (one.seen + calm) / (one.expected + calm);
  }

  save(): LevelState {
    return structuredClone(this.memories);
  }

  restore(state: LevelState): void {
    this.memories = structuredClone(state);
  }
}
