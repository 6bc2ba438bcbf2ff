import { Injectable } from '@nestjs/common';
import { PageService } from '../../alerting/page.service.js';
import { TimelineService } from '../../incidents/timeline.service.js';
import type { Transaction } from '../../platform/database/database.js';
import { CaseMoves } from '../case-moves.js';
import { RestoreMetrics } from '../restore.metrics.js';
import type { Run, StopReason } from './run.js';
import { RunItemStore } from './run-item.store.js';
import { RunStore } from './run.store.js';

export interface Stop {
  readonly reason: StopReason;
  /** for the timeline and the page */
  readonly words: string;
  readonly now: Date;
  /** who stopped it; left out where it stopped by itself, which pages */
  readonly personId?: string;
}

/** Stops runs: by a person, or by themselves with a page. Orders under way come to their end all the same. */
@Injectable()
export class RunStops {
  constructor(
    private readonly runs: RunStore,
    private readonly items: RunItemStore,
    private readonly moves: CaseMoves,
    private readonly timeline: TimelineService,
    private readonly pages: PageService,
    private readonly metrics: RestoreMetrics,
  ) {}

  /** Locks a run until the transaction ends: before its items, its incident and its cases. */
  async lock(transaction: Transaction, runId: string): Promise<Run | undefined> {
    return this.runs.lock(transaction, runId);
  }

  /** Stops a run that is running or paused; false for others, to which nothing happens. */
  async stop(transaction: Transaction, run: Pick<Run, 'id'>, stop: Stop): Promise<boolean> {
    const current = await this.runs.lock(transaction, run.id);
    if (current?.state !== 'running' && current?.state !== 'paused') return false;
    const { reason, words, now, personId } = stop;
    const state = { state: 'stopped', stopReason: reason, endedAt: now } as const;
    await this.runs.setState(transaction, run.id, state);
    transaction.afterCommit(() => this.metrics.stopped(current.shopId, reason));
    await this.timeline.append(transaction, {
      incidentId: current.incidentId,
      at: now,
      type: 'run-stopped',
      personId: personId ?? null,
      data: { runId: current.id, planId: current.planId, reason, words },
    });
    await this.release(transaction, current, now);
    if (personId === undefined) await this.page(transaction, current, stop, 'stopped by itself');
    return true;
  }

  /** Stops a run by itself, and pages also where it has ended before: what is told of it is no less grave. */
  async stopLoudly(transaction: Transaction, run: Pick<Run, 'id'>, stop: Stop): Promise<void> {
    if (await this.stop(transaction, run, stop)) return;
    const ended = await this.runs.lock(transaction, run.id);
    if (ended !== undefined)
      await this.page(transaction, ended, stop, 'is wrong although it has ended');
  }

  /** Orders that had not had their turn are only planned again. */
  private async release(transaction: Transaction, run: Run, now: Date): Promise<void> {
    if (run.action !== 'restore') return;
    await this.moves.move(transaction, {
      incidentId: run.incidentId,
      caseIds: await this.items.pendingCases(transaction, run.id),
      from: ['restoring'],
      to: 'planned',
      at: now,
      words: 'the restore run stopped before this order',
    });
  }

  private async page(
    transaction: Transaction,
    run: Run,
    stop: Stop,
    what: 'stopped by itself' | 'is wrong although it has ended',
  ): Promise<void> {
    await this.pages.enqueue(transaction, {
      dedupeKey: `restore-run-stopped/${run.id}/${run.version}`,
      incidentId: run.incidentId,
      firstLine: `A restore run of shop ${run.shopId} ${what}: ${stop.words}`,
      body: {
        kind: 'restore-run-stopped',
        severity: 'high',
        details: [`reason: ${stop.reason}`],
        data: { runId: run.id, planId: run.planId, reason: stop.reason },
      },
      now: stop.now,
    });
  }
}
