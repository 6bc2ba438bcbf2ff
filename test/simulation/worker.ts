import { playSeed, type SeedResult } from './seed-run.js';
import { shrink } from './shrink.js';

/** What a worker is asked for: a seed; one that fails is made shorter. */
export interface Assignment {
  readonly seed: number;
}

/** How a seed went; `broke` where the simulation itself could not be played. */
export type Report =
  | { readonly seed: number; readonly result: SeedResult & { readonly left?: readonly number[] } }
  | { readonly seed: number; readonly broke: string };

async function report(seed: number): Promise<Report> {
  try {
    const result = await playSeed(seed);
    return { seed, result: result.fault === undefined ? result : await shrink(result) };
  } catch (error) {
    const broke = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { seed, broke };
  }
}

// Ctrl-C reaches the whole group: the one that started this says when it ends
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit(0));
process.on('message', ({ seed }: Assignment) => {
  void report(seed).then((told) => process.send?.(told));
});
