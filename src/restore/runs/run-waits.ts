import { Injectable } from '@nestjs/common';
import { PageService } from '../../alerting/page.service.js';
import { TimelineService } from '../../incidents/timeline.service.js';
import { Clock } from '../../platform/clock.js';
import { Database, type Transaction } from '../../platform/database/database.js';
import {
  onlyUnprovenLeft,
  provenByNowMs,
  tallyOf,
  withoutEcho,
  type Run,
  type StageCount,
} from './run.js';
import { RunItemStore } from './run-item.store.js';
import { RunStore } from './run.store.js';

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
    const waits = onlyUnprovenLeft(run, stages);
    if (waits === (run.waitingSince !== null)) return;
    const now = this.clock.now();
    const since = waits ? await this.unprovenSince(run, now) : null;
    if (waits && since === undefined) return;
    await this.database.transaction(async (transaction) => {
      const current = await this.runs.lock(transaction, run.id);
      if (current?.version !== run.version) return;
      if ((current.waitingSince !== null) === waits) return;
      await this.runs.setWaiting(transaction, run.id, since ?? null);
      if (waits) await this.tell(transaction, current, { stages, now });
    });
  }

  /** Since when the newest of them is without proof; undefined while it is too fresh to call for anybody. */
  private async unprovenSince(run: Run, now: Date): Promise<Date | undefined> {
    const since = await this.items.unprovenSince(this.database, run.id);
    return since !== null && now.getTime() - since.getTime() >= provenByNowMs ? since : undefined;
  }

  private async tell(
    transaction: Transaction,
    run: Run,
    { stages, now }: { stages: readonly StageCount[]; now: Date },
  ): Promise<void> {
    const tally = tallyOf(stages);
    const { unknown } = tally.counts;
    const unseen = withoutEcho(tally);
    const words = waitingWords({ unknown, unseen });
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
        data: { runId: run.id, planId: run.planId, orders: unknown + unseen },
      },
      now,
    });
  }
}

function waitingWords({ unknown, unseen }: { unknown: number; unseen: number }): string {
  const told = [
    ...(unknown === 0
      ? []
      : [`neither the shop nor its stream tells what became of ${unknown} order(s)`]),
    ...(unseen === 0
      ? []
      : [`the shop’s stream has not shown ${unseen} order(s) that were written`]),
  ];
  return `${told.join(', and ')}: a person has to look, and to settle them`;
}
