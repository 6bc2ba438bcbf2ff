import { KeyedLocks } from '../../platform/work/keyed-locks.js';
import type { ItemClaims } from './item-claims.js';
import type { ItemOutcomes } from './item-outcomes.js';
import type { Run, RunItem } from './run.js';
import type { RunDriver } from './run-driver.js';

/** When a batch claims no further orders. */
export interface BatchBounds {
  readonly orders: number;
  readonly ms: number;
  readonly signal: AbortSignal;
}

export interface TurnServices {
  readonly driver: RunDriver;
  readonly claims: ItemClaims;
  readonly outcomes: ItemOutcomes;
}

/**
 * Hands the orders of a run to the workers of one batch, where the run was just found to be allowed to begin some. As
 * many as there are workers are claimed at once, since a claim waits for locks of the run's incident and
 * takes as many statements for one order as for several; they are handed out one by one, and put back where none may be begun.
 */
export class ItemTurns {
  private readonly locks = new KeyedLocks();
  private readonly startedAt = performance.now();
  private readonly claimed: RunItem[] = [];
  private handedOut = 0;

  constructor(
    private readonly services: TurnServices,
    private readonly given: { readonly run: Run; readonly bounds: BatchBounds },
  ) {}

  /** How many orders were handed out. */
  get begun(): number {
    return this.handedOut;
  }

  /** The next order, claimed; undefined where none may be, or is left to be, begun in this batch. */
  async next(): Promise<RunItem | undefined> {
    return this.locks.run(['next'], async () => {
      if (this.claimed.length > 0) {
        if (!(await this.goesOn())) await this.putBack();
      } else if (await this.mayClaim()) await this.claim();
      const item = this.claimed.shift();
      if (item !== undefined) this.handedOut += 1;
      return item;
    });
  }

  /** Puts back what was claimed and not handed out. */
  async putBack(): Promise<void> {
    const { run } = this.given;
    for (let [item] = this.claimed; item !== undefined; [item] = this.claimed) {
      // a claim that came to nothing is none of its attempts
      const given = { attemptsMax: item.attemptsMax + 1 };
      const words = 'not begun: the run did not go on';
      await this.services.outcomes.notApplied({ run, item }, words, given);
      this.claimed.shift();
    }
  }

  private async mayClaim(): Promise<boolean> {
    const { run, bounds } = this.given;
    if (this.handedOut >= bounds.orders || bounds.signal.aborted) return false;
    if (this.handedOut > 0 && performance.now() - this.startedAt >= bounds.ms) return false;
    return this.handedOut === 0 || (await this.services.driver.mayBegin(run));
  }

  private async claim(): Promise<void> {
    const { run, bounds } = this.given;
    const most = Math.min(run.limits.concurrency, bounds.orders - this.handedOut);
    this.claimed.push(...(await this.services.claims.next(run, most)));
  }

  /** Whether what was claimed ahead may be begun: neither was the run stopped meanwhile, nor is this runner to leave off. */
  private async goesOn(): Promise<boolean> {
    const { run, bounds } = this.given;
    return !bounds.signal.aborted && (await this.services.driver.mayBegin(run));
  }
}
