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

/** Orders of one run in one batch, and for how long further ones are begun: then its stage is judged. */
const bounds = { orders: 120, ms: 3_000 };
/** So many committed orders are written down together; those that come last, at the end of the batch. */
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
      for (let item = await turns.next(); item !== undefined; item = await turns.next())
        await this.attempt.run({ run, shop, item, applied });
    };
    // one that fails waits for the others: nothing of this batch goes on beside the next one
    const workers = Array.from({ length: run.limits.concurrency }, worker);
    const ended = await Promise.allSettled(workers);
    await applied.flush();
    const failed = ended.find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
    return turns.begun;
  }
}
