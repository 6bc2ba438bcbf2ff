import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { Database } from '../../platform/database/database.js';
import {
  decodeCursor,
  momentCursorSchema,
  pageOf,
  pageOfWhole,
  type Page,
  type PageQuery,
} from '../../platform/http/page.js';
import { missingPlan } from '../plans/plan.service.js';
import { PlanStore } from '../plans/plan.store.js';
import type { RunItemQuery, RunItemView, RunView } from '../restore.schema.js';
import { missingRun } from './run-control.service.js';
import { onlyUnprovenLeft, tallyOf, underWay, type Run, type RunItem } from './run.js';
import { RunItemStore } from './run-item.store.js';
import { RunStore } from './run.store.js';

/** Shows runs and how far they are. */
@Injectable()
export class RunViewService {
  constructor(
    private readonly database: Database,
    private readonly runs: RunStore,
    private readonly items: RunItemStore,
    private readonly plans: PlanStore,
  ) {}

  async view(runId: string): Promise<RunView> {
    const run = await this.runs.read(this.database, runId);
    if (run === undefined) throw missingRun(runId);
    return this.viewOf(run);
  }

  /** Newest first. */
  async pageOfIncident(incidentId: string, query: PageQuery): Promise<Page<RunView>> {
    const runs = await this.runs.ofIncident(this.database, {
      incidentId,
      before: decodeCursor(query.cursor, momentCursorSchema),
      limit: query.limit + 1,
    });
    const page = pageOf(runs, query.limit, ({ startedAt: at, id }) => ({ at, id }));
    return { ...page, items: await Promise.all(page.items.map((run) => this.viewOf(run))) };
  }

  /** In the order in which they are restored. */
  async pageOfItems(runId: string, query: RunItemQuery): Promise<Page<RunItemView>> {
    if ((await this.runs.read(this.database, runId)) === undefined) throw missingRun(runId);
    const found = await this.items.pageOfRun(this.database, {
      runId,
      states: query.state ?? null,
      afterSequence: decodeCursor(query.cursor, z.int32()) ?? -1,
      limit: query.limit + 1,
    });
    const page = pageOf(found, query.limit, (last) => last.sequence);
    return { ...page, items: page.items.map(viewOfItem) };
  }

  /** A plan is run once: one run, or none yet. */
  async ofPlan(planId: string, query: PageQuery): Promise<Page<RunView>> {
    const plan = await this.plans.read(this.database, planId);
    if (plan === undefined) throw missingPlan(planId);
    const run = await this.runs.ofPlan(this.database, planId);
    const runs = run === undefined ? [] : [await this.viewOf(run)];
    return pageOfWhole(runs, query, ({ id }) => id);
  }

  private async viewOf(run: Run): Promise<RunView> {
    const stages = await this.runs.stageCounts(this.database, run.id);
    const tally = tallyOf(stages);
    const isStuck = tally.counts.unknown > 0 || run.waitingSince !== null;
    const waitsFor = isStuck && onlyUnprovenLeft(run, stages) ? ('person' as const) : null;
    const { id, planId, incidentId, shopId, action, planHash, state, stage, stopReason } = run;
    const { startedBy, startedAt, endedAt, byHand, bleedingOverride } = run;
    return {
      ...{ id, planId, incidentId, shopId, action, planHash, state, stage, stopReason, waitsFor },
      ...{ startedBy, startedAt, endedAt, byHand, bleedingOverride },
      underWay: underWay(tally),
      items: { ...tally.counts },
    };
  }
}

/** An order of a run as people see it; what recovery keeps about it stays inside. */
export function viewOfItem(item: RunItem): RunItemView {
  const { id, planItemId, caseId, orderId, orderNumber, sequence, stage } = item;
  const { state, reason, detail, attempts, nextAttemptAt, settledOutcome } = item;
  const { appliedAt, echoPosition, verifiedAt } = item;
  return {
    ...{ id, planItemId, caseId, orderId, orderNumber, sequence, stage },
    ...{ state, reason, detail, attempts, nextAttemptAt, settledOutcome },
    ...{ appliedAt, echoPosition, verifiedAt },
  };
}
