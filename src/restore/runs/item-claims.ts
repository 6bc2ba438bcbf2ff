import { Injectable } from '@nestjs/common';
import { TimelineService } from '../../incidents/timeline.service.js';
import { Clock } from '../../platform/clock.js';
import { Database, type Transaction } from '../../platform/database/database.js';
import { CaseMoves } from '../case-moves.js';
import { ItemOutcomes, orderOf } from './item-outcomes.js';
import type { Run, RunItem } from './run.js';
import { RunItemStore } from './run-item.store.js';

const hourMs = 3_600_000;

/** Far more than workers race for one item. */
const triesMax = 20;

/** Takes items for an attempt, each under the guard that keeps a cancellation from being restored twice. */
@Injectable()
export class ItemClaims {
  constructor(
    private readonly database: Database,
    private readonly items: RunItemStore,
    private readonly outcomes: ItemOutcomes,
    private readonly moves: CaseMoves,
    private readonly timeline: TimelineService,
    private readonly clock: Clock,
  ) {}

  /** The next items, at most so many, claimed; none where nothing may be (or is left to be) attempted now. */
  async next(run: Run, most: number): Promise<RunItem[]> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.claim(run, most);
      } catch (error) {
        if (!isTaken(error)) throw error;
        // nothing to give up: somebody else did, or the rival has let go of it; so the claim is tried anew
        if (!(await this.giveUpTaken(run)) && tries >= triesMax) throw error;
      }
    }
  }

  private async claim(run: Run, most: number): Promise<RunItem[]> {
    const now = this.clock.now();
    return this.database.transaction(async (transaction) => {
      const items = await this.items.claim(transaction, {
        runId: run.id,
        shopId: run.shopId,
        now,
        hourAgo: new Date(now.getTime() - hourMs),
        perHour: run.limits.perHour,
        most,
      });
      await this.tell(transaction, { run, items, now });
      return items;
    });
  }

  /** The case of an undo stays where it is, and that of a further attempt: then the attempt itself is told. */
  private async tell(
    transaction: Transaction,
    { run, items, now }: { run: Run; items: readonly RunItem[]; now: Date },
  ): Promise<void> {
    const { incidentId } = run;
    const words = 'its turn in the restore run has come';
    const caseIds = items.filter(({ action }) => action === 'restore').map(({ caseId }) => caseId);
    const move = { incidentId, caseIds, to: 'restoring', at: now, words } as const;
    const moved = new Set(await this.moves.move(transaction, move));
    const others = items.filter(({ caseId }) => !moved.has(caseId));
    await this.timeline.appendAll(
      transaction,
      { incidentId, at: now },
      others.map((item) => ({
        type: 'order-begun',
        caseId: item.caseId,
        data: { ...orderOf(item), attempt: item.attempts },
      })),
    );
  }

  /** The next item's cancellation is being restored, or was, by another run: this one is refused. */
  private async giveUpTaken(run: Run): Promise<boolean> {
    const taken = await this.items.firstTaken(this.database, run.id);
    if (taken === undefined) return false;
    const { rival, ...item } = taken;
    const settled = rival === 'verified' || rival === 'applied';
    await this.outcomes.refused(
      { run, item },
      settled
        ? { reason: 'not-cancelled-any-more', detail: 'another run has restored this order' }
        : { reason: 'outcome-unknown', detail: 'another run is restoring this order' },
    );
    return true;
  }
}

/** PostgreSQL's unique_violation of the index that keeps a cancellation from being restored twice. */
function isTaken(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { driverError } = error as { driverError?: { code?: string; constraint?: string } };
  return driverError?.code === '23505' && driverError.constraint === 'restore_once';
}
