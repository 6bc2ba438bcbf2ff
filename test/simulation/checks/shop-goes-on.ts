import type { World } from '../world.js';
import type { Checker } from './checker.js';

/** Its own note of the transaction, and nothing else, may be waited for while the shop's rows are locked. */
const statementsMax = 1;

/**
 * Invariant 1: "When Reinstate is down, slow, stopped or wrong, the shop goes on: no write of the shop fails for
 * it, or waits longer than the stated lock time." No transaction of ours stays open in the shop once the process
 * that began it goes on or has died, and under the shop's locks our own database is asked once.
 */
export class ShopGoesOn implements Checker {
  readonly name = '1: the shop goes on';
  private seen = 0;

  afterStep(world: World): Promise<string[]> {
    const frozen = new Set(
      world.processes.filter(({ isFrozen }) => isFrozen).map(({ name }) => name),
    );
    const open = [...world.shop.held.values()].filter(({ process }) => !frozen.has(process));
    const fresh = world.writes.slice(this.seen);
    this.seen = world.writes.length;
    const slow = fresh.filter(({ statementsUnderLock }) => statementsUnderLock > statementsMax);
    return Promise.resolve([
      ...open.map(
        ({ orderId, process }) => `process ${process} left order ${orderId} locked in the shop`,
      ),
      ...slow.map(
        ({ item, statementsUnderLock }) =>
          `order ${item.orderId} was locked in the shop during ${statementsUnderLock} statements of ours`,
      ),
    ]);
  }

  atRest(world: World): Promise<string[]> {
    const left = [...world.shop.held.values()];
    return Promise.resolve(left.map(({ orderId }) => `order ${orderId} stays locked in the shop`));
  }
}
