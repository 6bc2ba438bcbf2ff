import { Injectable } from '@nestjs/common';
import { TimelineService } from '../../incidents/timeline.service.js';
import { Clock } from '../../platform/clock.js';
import { Database } from '../../platform/database/database.js';
import { ItemGroupStore, type AppliedAttempt } from './item-group.store.js';
import { ItemOutcomes, orderOf } from './item-outcomes.js';
import type { Run } from './run.js';
import { RunStops } from './run-stops.js';

/** Writes down attempts that the shop has committed, several of one run in one transaction. */
@Injectable()
export class AppliedItems {
  constructor(
    private readonly database: Database,
    private readonly groups: ItemGroupStore,
    private readonly stops: RunStops,
    private readonly outcomes: ItemOutcomes,
    private readonly timeline: TimelineService,
    private readonly clock: Clock,
  ) {}

  /** Verified at once where their echoes have come already; what is not at this attempt any more is left alone. */
  async write(run: Run, attempts: readonly AppliedAttempt[]): Promise<void> {
    const now = this.clock.now();
    await this.database.transaction(async (transaction) => {
      await this.stops.lock(transaction, run.id);
      const applied = await this.groups.apply(transaction, attempts, now);
      if (applied.length === 0) return;
      const ids = new Set(applied.map(({ id }) => id));
      const ended = attempts.filter(({ item }) => ids.has(item.id));
      await this.groups.endApplied(transaction, run.id, { attempts: ended, at: now });
      await this.timeline.appendAll(
        transaction,
        { incidentId: run.incidentId, at: now },
        applied.map((item) => ({
          type: 'order-restored',
          caseId: item.caseId,
          data: orderOf(item),
        })),
      );
      for (const item of applied) await this.outcomes.settle(transaction, { run, item, now });
    });
  }
}
