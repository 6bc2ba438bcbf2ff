import { Injectable } from '@nestjs/common';
import { AuditService } from '../../access/audit.service.js';
import type { Caller } from '../../access/caller.js';
import { TimelineService } from '../../incidents/timeline.service.js';
import { Clock } from '../../platform/clock.js';
import type { Transaction } from '../../platform/database/database.js';
import { newId } from '../../platform/ids.js';
import type { Shop } from '../../shops/shop-registry.js';
import { BreakGlass } from '../break-glass.js';
import { PlanEnds } from '../plans/plan-ends.js';
import type { Plan, PlanItem } from '../plans/plan.js';
import { attemptsPerRound, stageOf, type Run, type RunLimits } from './run.js';
import { RunItemStore, type NewRunItem } from './run-item.store.js';
import { RunStore } from './run.store.js';

export interface RunToWrite {
  readonly plan: Plan;
  readonly items: readonly PlanItem[];
  readonly shop: Shop;
  readonly caller: Caller;
  /** why it is started although the harm goes on; null where it does not */
  readonly bleedingOverride: string | null;
  readonly bleedPosition: number;
}

/** Writes a new run down, with all its items, the plan's state, timeline and audit. The caller has locked the plan. */
@Injectable()
export class RunWriter {
  constructor(
    private readonly runs: RunStore,
    private readonly items: RunItemStore,
    private readonly plans: PlanEnds,
    private readonly timeline: TimelineService,
    private readonly audit: AuditService,
    private readonly glass: BreakGlass,
    private readonly clock: Clock,
  ) {}

  /** Gives the run's id. */
  async write(transaction: Transaction, given: RunToWrite): Promise<string> {
    const { plan, caller } = given;
    const now = this.clock.now();
    const id = newId();
    await this.runs.insert(transaction, {
      ...newRun(given, { id, now }),
      startedBy: caller.personId,
      state: 'running',
      byHand: false,
    });
    const reopen = given.items.filter((item) => item.disposition === 'reopen');
    const items = reopen.map((item, index) => newRunItem(plan, { runId: id, item, index }));
    await this.items.insert(transaction, items, now);
    await this.plans.run(transaction, plan);
    await this.timeline.append(transaction, {
      incidentId: plan.incidentId,
      at: now,
      type: 'run-started',
      personId: caller.personId,
      data: { runId: id, planId: plan.id, orders: items.length },
    });
    if (given.bleedingOverride !== null) await this.tellOverride(transaction, given, { id, now });
    await this.audit.record(transaction, {
      caller,
      at: now,
      action: 'restore-run.started',
      subjectKind: 'restore-run',
      subjectId: id,
      data: { planId: plan.id, hash: plan.hash, bleedingOverride: given.bleedingOverride },
    });
    return id;
  }

  private async tellOverride(
    transaction: Transaction,
    { plan, caller, bleedingOverride }: RunToWrite,
    { id, now }: { id: string; now: Date },
  ): Promise<void> {
    await this.glass.tell(transaction, {
      plan,
      caller,
      deed: `started restore plan ${plan.number} although it still bleeds`,
      reason: bleedingOverride ?? '',
      key: `start/${id}`,
      at: now,
    });
  }
}

function newRun(
  { plan, shop, bleedingOverride, bleedPosition }: RunToWrite,
  { id, now }: { id: string; now: Date },
): Omit<Parameters<RunStore['insert']>[1], 'startedBy' | 'state' | 'byHand'> {
  return {
    id,
    planId: plan.id,
    incidentId: plan.incidentId,
    shopId: plan.shopId,
    action: plan.action,
    planHash: plan.hash,
    limits: limitsOf(shop),
    startedAt: now,
    bleedingOverride,
    bleedPosition,
  };
}

/** The shop's policy as it is now. */
export function limitsOf({ policy }: Shop): RunLimits {
  return {
    concurrency: policy.concurrency,
    perHour: policy.per_hour,
    stopAtFailureRate: policy.stop_at_failure_rate,
    stopAtLockTimeouts: policy.stop_at_lock_timeouts,
  };
}

/** `index` counts the plan's items that are to be reopened. */
export function newRunItem(
  plan: Pick<Plan, 'shopId' | 'action'>,
  { runId, item, index }: { runId: Run['id']; item: PlanItem; index: number },
): NewRunItem {
  return {
    id: newId(),
    runId,
    planItemId: item.id,
    caseId: item.caseId,
    shopId: plan.shopId,
    action: plan.action,
    orderId: item.orderId,
    orderNumber: item.orderNumber,
    spanPosition: item.source.spanPosition,
    sequence: item.sequence,
    stage: stageOf(index),
    attemptsMax: attemptsPerRound,
  };
}
