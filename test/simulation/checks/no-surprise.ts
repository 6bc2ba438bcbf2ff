import type { World } from '../world.js';
import type { Checker } from './checker.js';

/** Besides the invariants: nothing fails in a way that nobody foresaw, whatever is drawn. */
export class NoSurprise implements Checker {
  readonly name = 'no surprise';

  afterStep(world: World): Promise<string[]> {
    return Promise.resolve([...world.surprises]);
  }
}
