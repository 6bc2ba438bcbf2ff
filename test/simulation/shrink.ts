import { playSeed, type SeedResult } from './seed-run.js';

/** A shorter way to the same end is looked for this long. */
const shrinkMs = 45_000;

/**
 * The shortest way found to the same broken invariant: steps are left out, half of them at a time, then fewer.
 * What is left draws what it drew before, so that the seed and the list of steps say it all.
 */
export async function shrink(
  failed: SeedResult,
): Promise<SeedResult & { left: readonly number[] }> {
  const deadline = performance.now() + shrinkMs;
  const all = Array.from({ length: failed.steps }, (_, place) => place + 1);
  let [kept, best] = [all, failed];
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < kept.length && performance.now() < deadline;) {
      const tried = kept.filter((_, place) => place < from || place >= from + size);
      const left = new Set(all.filter((step) => !tried.includes(step)));
      const result = await playSeed(failed.seed, { left, steps: failed.steps });
      if (result.fault?.checker === failed.fault?.checker) [kept, best] = [tried, result];
      else from += size;
    }
  }
  return { ...best, left: kept };
}
