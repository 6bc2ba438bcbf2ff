import { Injectable } from '@nestjs/common';
import { TimelineService } from '../../incidents/timeline.service.js';
import { present } from '../../platform/assert.js';
import type { Transaction } from '../../platform/database/database.js';
import { newId } from '../../platform/ids.js';
import type { Shop } from '../../shops/shop-registry.js';
import { BreakGlass } from '../break-glass.js';
import { PlanEnds } from '../plans/plan-ends.js';
import type { Plan, PlanItem } from '../plans/plan.js';
import type { Run, RunItem } from './run.js';
import { RunItemStore } from './run-item.store.js';
import { limitsOf, newRunItem } from './run-writer.js';
import { RunStore } from './run.store.js';

export interface HandMade {
  readonly shop: Shop;
  readonly planItem: PlanItem & { readonly planId: string };
  readonly now: Date;
}

/**
 * Plans whose SQL somebody ran in the shop's database: recognised by the markers that arrive. Each order
 * gets its item in a run like any other, so that timeline, cases and undo know of it.
 */
@Injectable()
export class HandRuns {
  constructor(
    private readonly plans: PlanEnds,
    private readonly runs: RunStore,
    private readonly items: RunItemStore,
    private readonly timeline: TimelineService,
    private readonly glass: BreakGlass,
  ) {}

  /** The run that the plan item belongs to; where there is none, one is written down after the fact. */
  async runOf(transaction: Transaction, made: HandMade): Promise<string> {
    const { planItem, now } = made;
    const known = await this.items.ofPlanItem(transaction, planItem.id);
    if (known !== undefined) return known.runId;
    const plan = present(
      await this.plans.lock(transaction, planItem.planId),
      'an item belongs to a plan',
    );
    const run = await this.runs.ofPlan(transaction, plan.id);
    const runId = run?.id ?? (await this.open(transaction, { ...made, plan }));
    const index = planItem.sequence;
    await this.items.insert(transaction, [newRunItem(plan, { runId, item: planItem, index })], now);
    return runId;
  }

  /** Says that this order was restored by hand. */
  async tell(
    transaction: Transaction,
    { run, item, now }: { run: Run; item: RunItem; now: Date },
  ): Promise<void> {
    await this.timeline.append(transaction, {
      incidentId: run.incidentId,
      at: now,
      type: 'order-restored-by-hand',
      caseId: item.caseId,
      data: {
        ...{ runId: run.id, orderId: item.orderId, orderNumber: item.orderNumber },
        words: "the plan's SQL was run by hand: recognised by its marker in the shop's stream",
      },
    });
  }

  private async open(
    transaction: Transaction,
    { plan, shop, now }: HandMade & { plan: Plan },
  ): Promise<string> {
    const id = newId();
    await this.runs.insert(transaction, {
      id,
      planId: plan.id,
      incidentId: plan.incidentId,
      shopId: plan.shopId,
      action: plan.action,
      planHash: plan.hash,
      state: 'finished',
      limits: limitsOf(shop),
      startedBy: plan.requestedBy,
      startedAt: now,
      byHand: true,
      bleedingOverride: null,
      bleedPosition: 0,
    });
    await this.timeline.append(transaction, {
      incidentId: plan.incidentId,
      at: now,
      type: 'run-started',
      data: { runId: id, planId: plan.id, orders: 0 },
    });
    if (plan.state !== 'approved')
      await this.glass.tell(transaction, {
        plan,
        caller: null,
        deed: `ran the SQL of restore plan ${plan.number} by hand`,
        reason: `the plan was ${plan.state}, not approved`,
        key: `by-hand/${plan.id}`,
        at: now,
      });
    await this.plans.run(transaction, plan);
    return id;
  }
}
