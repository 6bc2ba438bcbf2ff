import type { World } from '../world.js';

/**
 * Holds one invariant of the design: looks at the world from outside, by what the shop and the database hold,
 * never by what a service says of them. Each gives what it finds broken, in words; nothing where all is well.
 */
export interface Checker {
  readonly name: string;
  /** after each step, whatever has just died or been lost */
  afterStep(world: World): Promise<string[]>;
  /** once everything has come to rest */
  atRest?(world: World): Promise<string[]>;
}
