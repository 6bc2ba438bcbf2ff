import { Injectable } from '@nestjs/common';
import { PageService } from '../../alerting/page.service.js';
import { TimelineService } from '../../incidents/timeline.service.js';
import { Clock } from '../../platform/clock.js';
import { Database, type Transaction } from '../../platform/database/database.js';
import { onlyUnknownLeft, type Run, type StageCount } from './run.js';
import { RunItemStore } from './run-item.store.js';
import { RunStore } from './run.store.js';

/** The shop's server or its stream settles most unknown outcomes by then. */
const patienceMs = 30_000;

/** Says when a run cannot go on without a person: once on the timeline and by a page each time it comes to that. */
@Injectable()
export class RunWaits {
  constructor(
    private readonly database: Database,
    private readonly runs: RunStore,
    private readonly items: RunItemStore,
    private readonly timeline: TimelineService,
    private readonly pages: PageService,
    private readonly clock: Clock,
  ) {}

  async look(run: Run, stages: readonly StageCount[]): Promise<void> {
    const waits = onlyUnknownLeft(run, stages);
    if (waits === (run.waitingSince !== null)) return;
    const now = this.clock.now();
    const since = waits ? await this.unknownSince(run, now) : null;
    if (waits && since === undefined) return;
    await this.database.transaction(async (transaction) => {
      const current = await this.runs.lock(transaction, run.id);
      if (current?.version !== run.version) return;
      if ((current.waitingSince !== null) === waits) return;
      await this.runs.setWaiting(transaction, run.id, since ?? null);
      if (waits) await this.tell(transaction, current, { stages, now });
    });
  }

  /** Since when the newest outcome is unknown; undefined while it is too fresh to call for anybody. */
  private async unknownSince(run: Run, now: Date): Promise<Date | undefined> {
    const items = await this.items.inStates(this.database, run.id, ['unknown']);
    const since = new Date(Math.max(...items.map(({ updatedAt }) => updatedAt.getTime())));
    return items.length > 0 && now.getTime() - since.getTime() >= patienceMs ? since : undefined;
  }

  private async tell(
    transaction: Transaction,
    run: Run,
    { stages, now }: { stages: readonly StageCount[]; now: Date },
  ): Promise<void> {
    const unknown = stages
      .filter(({ state }) => state === 'unknown')
      .reduce((sum, { count }) => sum + count, 0);
    const words = `neither the shop nor its stream tells what became of ${unknown} order(s): a person has to look, and to settle them`;
    await this.timeline.append(transaction, {
      incidentId: run.incidentId,
      at: now,
      type: 'run-waiting',
      data: { runId: run.id, planId: run.planId, words },
    });
    await this.pages.enqueue(transaction, {
      dedupeKey: `restore-run-waiting/${run.id}/${now.toISOString()}`,
      incidentId: run.incidentId,
      firstLine: `A restore run of shop ${run.shopId} waits for a person: ${words}`,
      body: {
        kind: 'restore-run-waiting',
        severity: 'high',
        details: [`run ${run.id}`],
        data: { runId: run.id, planId: run.planId, orders: unknown },
      },
      now,
    });
  }
}
