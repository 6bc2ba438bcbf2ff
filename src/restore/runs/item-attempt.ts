import { Injectable, Logger } from '@nestjs/common';
import { rowName } from '../../orders/fold.js';
import { Clock } from '../../platform/clock.js';
import { Database } from '../../platform/database/database.js';
import { messageOf } from '../../platform/errors.js';
import { refuse } from '../../platform/result.js';
import type { RestoreItem, RestoreOutcome } from '../../shops/shop-adapter.js';
import type { Shop } from '../../shops/shop-registry.js';
import { PlanStore } from '../plans/plan.store.js';
import type { Refusal } from '../plans/refusal.js';
import { RestoreMetrics } from '../restore.metrics.js';
import { AttemptEvidence } from './attempt-evidence.js';
import { ItemOutcomes } from './item-outcomes.js';
import { KeyedLocks } from './keyed-locks.js';
import type { Run, RunItem } from './run.js';
import { RunItemStore } from './run-item.store.js';

/** Thrown inside the shop's transaction: this attempt may not commit any more. */
class AttemptSuperseded extends Error {
  override readonly name = 'AttemptSuperseded';

  constructor() {
    super('the attempt was taken from this runner, or the shop was stopped, before the commit');
  }
}

/** One attempt at one claimed item: the shop is asked once, and what it answered is written down. */
@Injectable()
export class ItemAttempt {
  private readonly logger = new Logger('ItemAttempt');
  private readonly counters = new KeyedLocks();

  constructor(
    private readonly database: Database,
    private readonly items: RunItemStore,
    private readonly plans: PlanStore,
    private readonly evidence: AttemptEvidence,
    private readonly outcomes: ItemOutcomes,
    private readonly metrics: RestoreMetrics,
    private readonly clock: Clock,
  ) {}

  async run(claimed: { run: Run; shop: Shop; item: RunItem }): Promise<void> {
    const { run, shop, item } = claimed;
    const [planItem] = await this.plans.itemsById(this.database, [item.planItemId]);
    const prepared =
      planItem === undefined
        ? refuse<Refusal>({ reason: 'evidence-missing', detail: 'the plan item is gone' })
        : await this.evidence.prepare({ shop, item, planItem });
    if (!prepared.ok) {
      await this.outcomes.refused({ run, item }, prepared.refusal);
      this.metrics.counted(shop.id, { outcome: 'refused', reason: prepared.refusal.reason });
      return;
    }
    const startedAt = performance.now();
    const outcome = await this.counters.run(counterNames(shop, prepared.value), () =>
      this.ask(shop, item, prepared.value),
    );
    const seconds = (performance.now() - startedAt) / 1000;
    if (outcome === 'superseded' || (await this.wasStopped(shop, outcome))) {
      await this.outcomes.notApplied({ run, item }, 'rolled back before its commit');
      return;
    }
    await this.record({ run, shop, item, outcome, seconds });
    if (outcome.outcome === 'applied') await this.readBack(shop, prepared.value);
  }

  /** The transaction is noted in our database before the shop commits it, or it does not commit. */
  private async ask(
    shop: Shop,
    item: RunItem,
    wanted: RestoreItem,
  ): Promise<RestoreOutcome | 'superseded'> {
    try {
      return await shop.adapter.restore(wanted, async (transaction) => {
        const now = this.clock.now();
        if (!(await this.items.note(this.database, { item, ...transaction, now })))
          throw new AttemptSuperseded();
      });
    } catch (error) {
      if (error instanceof AttemptSuperseded) return 'superseded';
      throw error;
    }
  }

  /** The shop was disarmed or stopped between the claim and the first write: that is no failure. */
  private async wasStopped(shop: Shop, outcome: RestoreOutcome): Promise<boolean> {
    if (outcome.outcome !== 'failed' || outcome.reason !== 'permission-denied') return false;
    return !(await this.items.mayWrite(this.database, shop.id));
  }

  private async record(ended: {
    run: Run;
    shop: Shop;
    item: RunItem;
    outcome: RestoreOutcome;
    seconds: number;
  }): Promise<void> {
    const { run, shop, item, outcome, seconds } = ended;
    switch (outcome.outcome) {
      case 'applied':
        await this.outcomes.applied({ run, item }, outcome.transactionId);
        this.metrics.attempted(shop.id, { outcome: 'applied', seconds });
        return;
      case 'unknown':
        await this.outcomes.unknown({ run, item }, outcome.detail);
        this.metrics.attempted(shop.id, { outcome: 'unknown', seconds });
        return;
      case 'refused':
        await this.outcomes.refused({ run, item }, outcome);
        this.metrics.attempted(shop.id, { outcome: 'refused', reason: outcome.reason, seconds });
        return;
      case 'failed': {
        const end = await this.outcomes.failed({ run, item }, outcome);
        this.metrics.attempted(shop.id, {
          outcome: end ?? 'failed',
          reason: outcome.reason,
          seconds,
        });
        return;
      }
    }
  }

  /**
   * Reads the order back. What differs here may be the shop's own later change, so that it only warns:
   * the echo of our transaction decides, and no further stage begins before it.
   */
  private async readBack(shop: Shop, wanted: RestoreItem): Promise<void> {
    try {
      const differences = await shop.adapter.verify(wanted);
      if (differences.length > 0)
        this.logger.warn(
          `order ${wanted.orderId} reads back otherwise than planned; its echo will tell`,
        );
    } catch (error) {
      this.logger.warn(`order ${wanted.orderId} could not be read back: ${messageOf(error)}`);
    }
  }
}

/** The shared counters that a restore moves. */
function counterNames(shop: Shop, { changes }: RestoreItem): string[] {
  return changes
    .filter((change) => change.do === 'move')
    .map(({ table, key }) => `${shop.id} ${rowName(table, key)}`);
}
