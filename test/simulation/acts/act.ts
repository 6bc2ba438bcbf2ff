import type { Random } from '../../../demo/generator/random.js';
import type { World } from '../world.js';

/** One kind of thing that may happen in a step. */
export interface Act {
  readonly name: string;
  /** how often it is drawn, beside the others */
  readonly weight: number;
  /** Does it, as the draws say; the trace tells what it came to. */
  run(world: World, random: Random): Promise<void>;
}
