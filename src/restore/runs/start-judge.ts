import { Injectable } from '@nestjs/common';
import type { Caller } from '../../access/caller.js';
import { Clock } from '../../platform/clock.js';
import { Database, type Reader } from '../../platform/database/database.js';
import { ShopRegistry } from '../../shops/shop-registry.js';
import { standingOf } from '../approvals/approval.js';
import { ApprovalStore } from '../approvals/approval.store.js';
import type { Bleeding } from '../bleeding.js';
import { BleedingService } from '../bleeding.service.js';
import { planHash, type Plan, type PlanState } from '../plans/plan.js';
import { PlanStore } from '../plans/plan.store.js';
import { judgeStart, type StartRefusal } from './run-start.js';
import { RunStore } from './run.store.js';

/** How long the journal may take to catch up with the shop before a start is refused. */
const startPatienceMs = 10_000;

export interface StartQuestion {
  readonly plan: Plan;
  readonly from: PlanState;
  readonly hashAsked: string;
  readonly override: { readonly reason: string } | null;
  readonly caller: Caller;
}

/** How the shop and the harm stood when a start was asked for. */
export interface Scene {
  /** undefined where it does not matter: an undo brings no order back */
  readonly bleeding: Bleeding | undefined;
  /** the shop's journal up to which cancellations were looked at */
  readonly journalHead: number;
}

/** Gathers what decides whether a run may start or go on. */
@Injectable()
export class StartJudge {
  constructor(
    private readonly database: Database,
    private readonly plans: PlanStore,
    private readonly approvals: ApprovalStore,
    private readonly runs: RunStore,
    private readonly bleeding: BleedingService,
    private readonly shops: ShopRegistry,
    private readonly clock: Clock,
  ) {}

  /** Looks at the shop; this may take seconds, so it is done outside any transaction. */
  async look(plan: Plan): Promise<Scene> {
    const { journalHead } = await this.runs.gate(this.database, plan.shopId);
    if (plan.action === 'undo') return { bleeding: undefined, journalHead };
    const shop = this.shops.get(plan.shopId);
    const bleeding = await this.bleeding.judge({
      incidentId: plan.incidentId,
      shopId: plan.shopId,
      adapter: shop.adapter,
      settleMs: shop.profile.cancellation.settle,
      patienceMs: startPatienceMs,
    });
    return { bleeding, journalHead };
  }

  /** Judges by what is written down now; `reader` may be the transaction that starts the run. */
  async judge(
    reader: Reader,
    question: StartQuestion,
    scene: Scene,
  ): Promise<StartRefusal | undefined> {
    const { plan, caller } = question;
    const items = await this.plans.items(reader, plan.id);
    const approvals = await this.approvals.ofPlan(reader, plan.id);
    const startedBy = caller.personId;
    return judgeStart({
      ...question,
      gate: await this.runs.gate(reader, plan.shopId),
      hashNow: planHash(plan, items),
      standing: standingOf(plan, { approvals, startedBy, now: this.clock.now() }),
      bleeding: scene.bleeding,
      orders: items.filter((item) => item.disposition === 'reopen').length,
    });
  }
}
