import { Injectable } from '@nestjs/common';
import { Gatherer } from '../../platform/work/gatherer.js';
import type { Shop } from '../../shops/shop-registry.js';
import { AppliedItems } from './applied-items.js';
import { ItemAttempt } from './item-attempt.js';
import { ItemClaims } from './item-claims.js';
import type { AppliedAttempt } from './item-group.store.js';
import { ItemOutcomes } from './item-outcomes.js';
import { ItemTurns } from './item-turns.js';
import type { Run } from './run.js';
import { RunDriver } from './run-driver.js';

/**
 * When a batch claims no further orders: then its stage is judged, other runs have their turn, and attempts that were
 * cut off are looked for. Judging counts the run's orders, so that a batch is not too small.
 */
const bounds = { orders: 120, ms: 3_000 };
/** So many committed orders are written down together. More would save little, and leave more to ask the shop for after a crash. */
const writtenTogether = 8;

/** Restores orders of a run side by side, as many as the policy allows. */
@Injectable()
export class RunBatches {
  constructor(
    private readonly driver: RunDriver,
    private readonly claims: ItemClaims,
    private readonly attempt: ItemAttempt,
    private readonly outcomes: ItemOutcomes,
    private readonly applied: AppliedItems,
  ) {}

  /** One batch of a run that was just found to be allowed to begin orders; gives how many were attempted. */
  async carryOut(run: Run, shop: Shop, signal: AbortSignal): Promise<number> {
    const turns = new ItemTurns(
      { driver: this.driver, claims: this.claims, outcomes: this.outcomes },
      { run, bounds: { ...bounds, signal } },
    );
    const applied = new Gatherer<AppliedAttempt>(writtenTogether, (attempts) =>
      this.applied.write(run, attempts),
    );
    const worker = async (): Promise<void> => {
      // where our own database does not take what was written, no more is written
      while (applied.failure === undefined) {
        const item = await turns.next();
        if (item === undefined) break;
        await this.attempt.run({ run, shop, item, applied });
      }
      await applied.flush();
    };
    // one that fails waits for the others: nothing of this batch goes on beside the next one
    const workers = Array.from({ length: run.limits.concurrency }, worker);
    const ended = await Promise.allSettled(workers);
    await applied.flush();
    ended.push(...(await Promise.allSettled([turns.putBack()])));
    const failed = ended.find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
    if (applied.failure !== undefined) throw applied.failure.error;
    return turns.begun;
  }
}
