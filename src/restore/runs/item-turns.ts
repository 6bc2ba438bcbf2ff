import { KeyedLocks } from '../../platform/work/keyed-locks.js';
import type { ItemClaims } from './item-claims.js';
import type { ItemOutcomes } from './item-outcomes.js';
import type { Run, RunItem } from './run.js';
import type { RunDriver } from './run-driver.js';

/** When a batch begins no further orders. */
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
 * takes as many statements for one order as for several; they are begun one by one, and put back where they must not be.
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
      if (this.claimed.length > 0) await this.reconsider();
      else if (await this.mayClaim()) await this.claim();
      const item = this.claimed.shift();
      if (item !== undefined) this.handedOut += 1;
      return item;
    });
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

  /** What was claimed ahead is put back where the run was stopped, or this runner is to leave off, meanwhile. */
  private async reconsider(): Promise<void> {
    const { run, bounds } = this.given;
    if (!bounds.signal.aborted && (await this.services.driver.mayBegin(run))) return;
    const words = 'not begun: the run did not go on';
    for (const item of this.claimed.splice(0)) {
      // a claim that came to nothing is none of its attempts
      const attemptsMax = item.attemptsMax + 1;
      await this.services.outcomes.notApplied({ run, item }, words, { attemptsMax });
    }
  }
}
