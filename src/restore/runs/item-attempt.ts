import { Injectable } from '@nestjs/common';
import { rowName } from '../../orders/fold.js';
import { Clock } from '../../platform/clock.js';
import { Database } from '../../platform/database/database.js';
import { Log } from '../../platform/telemetry/log.js';
import { withLogContext } from '../../platform/telemetry/log-context.js';
import { inSpan, linkTo } from '../../platform/telemetry/tracing/span.js';
import type { Gatherer } from '../../platform/work/gatherer.js';
import { KeyedLocks } from '../../platform/work/keyed-locks.js';
import type { RestoreItem, RestoreOutcome } from '../../shops/shop-adapter.js';
import type { Shop } from '../../shops/shop-registry.js';
import { traceOfCase } from '../plans/plan-traces.store.js';
import { RestoreMetrics } from '../restore.metrics.js';
import { AttemptEvidence } from './attempt-evidence.js';
import type { AppliedAttempt } from './item-group.store.js';
import { ItemOutcomes } from './item-outcomes.js';
import { ReadBack } from './read-back.js';
import type { Run, RunItem } from './run.js';
import { RunItemStore } from './run-item.store.js';

/** Thrown inside the shop's transaction: this attempt may not commit any more. */
class AttemptSuperseded extends Error {
  override readonly name = 'AttemptSuperseded';

  constructor() {
    super('the attempt was taken from this runner, or the shop was stopped, before the commit');
  }
}

export interface ClaimedItem {
  readonly run: Run;
  readonly shop: Shop;
  readonly item: RunItem;
  /**
   * where it goes once the shop has committed it, to be written down with others: until then it is known by its
   * noted transaction
   */
  readonly applied: Gatherer<AppliedAttempt>;
}

/** One attempt at one claimed item: the shop is asked once, and what it answered is written down. */
@Injectable()
export class ItemAttempt {
  private readonly log = new Log('Restore');
  /** our workers would else meet at a shared counter, where a restore does not wait, and take each other for a busy shop */
  private readonly counters = new KeyedLocks();

  constructor(
    private readonly database: Database,
    private readonly items: RunItemStore,
    private readonly evidence: AttemptEvidence,
    private readonly outcomes: ItemOutcomes,
    private readonly readBacks: ReadBack,
    private readonly metrics: RestoreMetrics,
    private readonly clock: Clock,
  ) {}

  async run(claimed: ClaimedItem): Promise<void> {
    const { caseId: case_id, orderId: order_id } = claimed.item;
    await withLogContext({ case_id, order_id }, () => this.traced(claimed));
  }

  /** Told as a consequence of the cancellation: linked to the trace that the shop left in it. */
  private async traced(claimed: ClaimedItem): Promise<void> {
    const { caseId, orderId } = claimed.item;
    const attributes = {
      'reinstate.shop': claimed.shop.id,
      'reinstate.action': claimed.run.action,
      'reinstate.case.id': caseId,
      'reinstate.order.id': orderId,
    };
    await inSpan({ name: 'restore order', attributes }, async (span) => {
      await linkTo(span, async () => [await traceOfCase(this.database, caseId)]);
      span.setAttribute('reinstate.outcome', await this.attempt(claimed));
    });
  }

  private async attempt(claimed: ClaimedItem): Promise<RestoreOutcome['outcome'] | 'superseded'> {
    const { run, shop, item, applied } = claimed;
    const prepared = await this.evidence.prepare(shop, item);
    if (!prepared.ok) {
      await applied.flush();
      await this.outcomes.refused({ run, item }, prepared.refusal);
      this.metrics.counted(shop.id, { outcome: 'refused', reason: prepared.refusal.reason });
      return 'refused';
    }
    const startedAt = performance.now();
    const outcome = await this.counters.run(counterNames(shop, prepared.value), () =>
      this.ask(shop, item, prepared.value),
    );
    const seconds = (performance.now() - startedAt) / 1000;
    // those before it are written down first: the run's limits count orders in the order in which they ended
    if (outcome === 'superseded' || outcome.outcome !== 'applied') await applied.flush();
    if (outcome === 'superseded' || (await this.wasStopped(shop, outcome))) {
      await this.outcomes.notApplied({ run, item }, 'rolled back before its commit');
      return 'superseded';
    }
    await this.record({ ...claimed, outcome, seconds });
    if (outcome.outcome === 'applied') await this.readBack(shop, prepared.value);
    return outcome.outcome;
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

  private async record(
    ended: ClaimedItem & { outcome: RestoreOutcome; seconds: number },
  ): Promise<void> {
    const { run, shop, item, applied, outcome, seconds } = ended;
    switch (outcome.outcome) {
      case 'applied':
        applied.add({ item, transactionId: outcome.transactionId });
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

  /** What differs here only warns: the echo of our transaction decides, and no further stage begins before it. */
  private async readBack(shop: Shop, wanted: RestoreItem): Promise<void> {
    if ((await this.readBacks.of(shop, wanted)) === 'otherwise')
      this.log.warn(
        { event: 'order-reads-back-otherwise' },
        'an order reads back otherwise than planned; its echo will tell',
      );
  }
}

/** The shared counters that a restore moves. */
function counterNames(shop: Shop, { changes }: RestoreItem): string[] {
  return changes
    .filter((change) => change.do === 'move')
    .map(({ table, key }) => `${shop.id} ${rowName(table, key)}`);
}
