import { Injectable } from '@nestjs/common';
import { TimelineService } from '../../incidents/timeline.service.js';
import { Clock } from '../../platform/clock.js';
import { Database, type Transaction } from '../../platform/database/database.js';
import type { FailureReason, RefusalReason } from '../../shops/shop-adapter.js';
import { CaseMoves } from '../case-moves.js';
import { RestoreMetrics } from '../restore.metrics.js';
import { retryDelayMs, type Run, type RunItem } from './run.js';
import { RunItemStore, type ItemChange } from './run-item.store.js';
import { RunStops } from './run-stops.js';

export interface Ended {
  readonly run: Run;
  /** as it was claimed: what no longer is at this attempt is left alone */
  readonly item: RunItem;
}

/**
 * Writes down what became of an order's restore: the item, its attempt, its case and the timeline in one
 * transaction. Every change names the state and attempt that it starts from, so that of two runners
 * (or a runner and the echo) only one is heard.
 */
@Injectable()
export class ItemOutcomes {
  constructor(
    private readonly database: Database,
    private readonly items: RunItemStore,
    private readonly stops: RunStops,
    private readonly moves: CaseMoves,
    private readonly timeline: TimelineService,
    private readonly metrics: RestoreMetrics,
    private readonly clock: Clock,
  ) {}

  /** The echo proves that it is committed, whatever we knew of it. The caller has locked the run and the item. */
  async proven(transaction: Transaction, { run, item, now }: EndedAt): Promise<void> {
    let applied: RunItem | undefined = item;
    if (item.state !== 'applied') {
      const change = { state: 'applied', appliedAt: now, reason: null, detail: null } as const;
      applied = await this.items.change(transaction, item, change, now);
      const { transactionId } = item;
      await this.items.endAttempt(transaction, item, {
        at: now,
        outcome: 'applied',
        transactionId,
      });
      await this.tell(transaction, { run, item, now }, 'order-restored');
    }
    if (applied !== undefined) await this.settle(transaction, { run, item: applied, now });
  }

  /** Refused whole, with a reason: a person has to decide. */
  async refused(
    ended: Ended,
    refusal: { reason: RefusalReason; detail: string },
  ): Promise<boolean> {
    const { run, item } = ended;
    return this.record(run, async (transaction, now) => {
      const change = { state: 'refused', ...refusal } as const;
      if (await this.echoWasFirst(transaction, { run, item, now })) return false;
      if (!(await this.items.change(transaction, item, change, now))) return false;
      const attempted = item.state === 'attempting';
      if (attempted)
        await this.items.endAttempt(transaction, item, { at: now, outcome: 'refused', ...refusal });
      const { incidentId } = run;
      await this.timeline.append(transaction, {
        incidentId,
        at: now,
        type: 'order-refused',
        caseId: item.caseId,
        data: { ...orderOf(item), reason: refusal.reason, words: refusal.detail },
      });
      await this.leaveToPerson(transaction, { run, item, now }, refusal.detail);
      return true;
    });
  }

  /** The shop did not take it. Tried again later where that can help and was not done too often. */
  async failed(
    { run, item }: Ended,
    failure: { reason: FailureReason; detail: string; retry: boolean },
    given: { onlyUnnoted?: boolean } = {},
  ): Promise<'failed' | 'retry' | undefined> {
    const { reason, detail } = failure;
    const again = failure.retry && item.attempts < item.attemptsMax;
    const recorded = await this.record(run, async (transaction, now) => {
      const nextAttemptAt = new Date(now.getTime() + retryDelayMs(item));
      const rolledBack = { reason, detail, forgetTransaction: true, ...given };
      const change = again
        ? ({ state: 'pending', nextAttemptAt, ...rolledBack } as const)
        : ({ state: 'failed', ...rolledBack } as const);
      if (await this.echoWasFirst(transaction, { run, item, now })) return false;
      if (!(await this.items.change(transaction, item, change, now))) return false;
      const outcome = again ? 'retry' : 'failed';
      await this.items.endAttempt(transaction, item, { at: now, outcome, reason, detail });
      const told = { reason, words: detail };
      if (again) await this.tellPutBack(transaction, { run, item, now }, told);
      else await this.tellFailed(transaction, { run, item, now }, told);
      return true;
    });
    if (!recorded) return undefined;
    return again ? 'retry' : 'failed';
  }

  /** The answer to the commit was lost: the order may or may not be restored. Never tried again meanwhile. */
  async unknown({ run, item }: Ended, detail: string): Promise<boolean> {
    return this.record(run, async (transaction, now) => {
      const change = { state: 'unknown', reason: 'outcome-unknown', detail } as const;
      if (await this.echoWasFirst(transaction, { run, item, now })) return true;
      if (!(await this.items.change(transaction, item, change, now))) return false;
      await this.items.endAttempt(transaction, item, { at: now, outcome: 'unknown', detail });
      await this.timeline.append(transaction, {
        incidentId: run.incidentId,
        at: now,
        type: 'order-unknown',
        caseId: item.caseId,
        data: { ...orderOf(item), words: detail },
      });
      if (item.action === 'restore')
        await this.moves.move(transaction, {
          ...caseOf(run, item),
          to: 'unknown',
          at: now,
          words: detail,
        });
      return true;
    });
  }

  /** It is known that nothing was committed: the item waits for its turn again. */
  async notApplied(
    { run, item }: Ended,
    detail: string,
    given: Pick<ItemChange, 'onlyUnnoted' | 'attemptsMax'> = {},
  ): Promise<boolean> {
    return this.record(run, async (transaction, now) => {
      const change = {
        state: 'pending',
        reason: null,
        detail: null,
        forgetTransaction: true,
        ...given,
      } as const;
      if (await this.echoWasFirst(transaction, { run, item, now })) return false;
      if (!(await this.items.change(transaction, item, change, now))) return false;
      await this.items.endAttempt(transaction, item, { at: now, outcome: 'not-applied', detail });
      const words = 'the restore was not applied; its turn comes again';
      const put = { reason: 'not-applied', words: detail };
      await this.tellPutBack(transaction, { run, item, now }, put);
      if (item.action === 'restore')
        await this.moves.move(transaction, { ...caseOf(run, item), to: 'planned', at: now, words });
      return true;
    });
  }

  /**
   * Whether the marker has come in while the attempt was under way: then the order is restored, by
   * whatever hand (the shop refuses the second one), and that is what is written down.
   */
  private async echoWasFirst(transaction: Transaction, ended: EndedAt): Promise<boolean> {
    const { run, item, now } = ended;
    const current = await this.items.lock(transaction, item.id);
    const isSame = current?.state === item.state && current.attempts === item.attempts;
    if (!isSame || current.echoPosition === null) return false;
    await this.proven(transaction, { run, item: current, now });
    return true;
  }

  /**
   * Compares what is known of an applied item with its echo, where that has come: verified when the two
   * are the same; else it failed, and the run stops. The caller has locked the run and the item.
   */
  async settle(transaction: Transaction, { run, item, now }: EndedAt): Promise<void> {
    if (item.state !== 'applied' || item.echoPosition === null) return;
    if (item.echoDifference !== null) {
      const words = `the shop's stream shows something else than the plan: ${item.echoDifference}`;
      const reason = 'read-back-differs';
      transaction.afterCommit(() =>
        this.metrics.counted(run.shopId, { outcome: 'failed', reason }),
      );
      await this.items.change(transaction, item, { state: 'failed', reason, detail: words }, now);
      await this.tellFailed(transaction, { run, item, now }, { reason, words });
      const stop = { reason, words: `order ${nameOf(item)}: ${words}`, now } as const;
      await this.stops.stopLoudly(transaction, run, stop);
      return;
    }
    await this.items.change(transaction, item, { state: 'verified', verifiedAt: now }, now);
    transaction.afterCommit(() => this.metrics.counted(run.shopId, { outcome: 'verified' }));
    if (item.action === 'restore') await this.restored(transaction, { run, item, now });
    else await this.undone(transaction, { run, item, now });
  }

  private async restored(transaction: Transaction, ended: EndedAt): Promise<void> {
    await this.tell(transaction, ended, 'order-verified');
    const words = 'restored, read back and seen in the shop’s own stream';
    const { run, item, now } = ended;
    await this.moves.move(transaction, { ...caseOf(run, item), to: 'restored', at: now, words });
    const cancelledAt = await this.items.cancelledAt(transaction, item);
    if (cancelledAt === null) return;
    const seconds = (now.getTime() - cancelledAt.getTime()) / 1000;
    transaction.afterCommit(() => this.metrics.restored(run.shopId, seconds));
  }

  private async undone(transaction: Transaction, ended: EndedAt): Promise<void> {
    await this.tell(transaction, ended, 'order-undone');
    await this.takenBack(
      transaction,
      ended,
      'its restore was taken back: the order is cancelled again',
    );
  }

  /** The restore that an undo was for does not count any more, and its case is open again. */
  async takenBack(transaction: Transaction, ended: EndedAt, words: string): Promise<void> {
    const { run, item, now } = ended;
    const taken = await this.items.restoredAt(transaction, item);
    if (taken !== undefined) await this.items.change(transaction, taken, { state: 'undone' }, now);
    await this.moves.move(transaction, { ...caseOf(run, item), to: 'open', at: now, words });
  }

  private async tellFailed(
    transaction: Transaction,
    ended: EndedAt,
    failure: { reason: string; words: string },
  ): Promise<void> {
    const { run, item, now } = ended;
    await this.timeline.append(transaction, {
      incidentId: run.incidentId,
      at: now,
      type: 'order-failed',
      caseId: item.caseId,
      data: { ...orderOf(item), ...failure },
    });
    await this.leaveToPerson(transaction, ended, failure.words);
  }

  private async tellPutBack(
    transaction: Transaction,
    { run, item, now }: EndedAt,
    why: { reason: string; words: string },
  ): Promise<void> {
    await this.timeline.append(transaction, {
      ...{ incidentId: run.incidentId, at: now, type: 'order-put-back', caseId: item.caseId },
      data: { ...orderOf(item), ...why },
    });
  }

  private async leaveToPerson(
    transaction: Transaction,
    { run, item, now }: EndedAt,
    words: string,
  ): Promise<void> {
    if (item.action !== 'restore') return;
    await this.moves.move(transaction, { ...caseOf(run, item), to: 'person', at: now, words });
  }

  private async tell(
    transaction: Transaction,
    { run, item, now }: EndedAt,
    type: 'order-restored' | 'order-verified' | 'order-undone',
  ): Promise<void> {
    const { incidentId } = run;
    const data = orderOf(item);
    await this.timeline.append(transaction, {
      incidentId,
      at: now,
      type,
      caseId: item.caseId,
      data,
    });
  }

  private async record(
    run: Run,
    work: (transaction: Transaction, now: Date) => Promise<boolean>,
  ): Promise<boolean> {
    const now = this.clock.now();
    return this.database.transaction(async (transaction) => {
      await this.stops.lock(transaction, run.id);
      return work(transaction, now);
    });
  }
}

export interface EndedAt extends Ended {
  readonly now: Date;
}

/** How timeline entries name an order of a run. */
export function orderOf(item: RunItem): {
  runId: string;
  orderId: string;
  orderNumber: string | null;
} {
  return { runId: item.runId, orderId: item.orderId, orderNumber: item.orderNumber };
}

export function nameOf(item: Pick<RunItem, 'orderId' | 'orderNumber'>): string {
  return item.orderNumber ?? item.orderId;
}

function caseOf(run: Run, item: RunItem): { incidentId: string; caseIds: string[] } {
  return { incidentId: run.incidentId, caseIds: [item.caseId] };
}
