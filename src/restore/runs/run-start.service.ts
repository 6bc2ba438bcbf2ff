import { Injectable } from '@nestjs/common';
import type { Caller } from '../../access/caller.js';
import { Database } from '../../platform/database/database.js';
import { Wake } from '../../platform/work/wake.js';
import { ShopRegistry } from '../../shops/shop-registry.js';
import { missingPlan } from '../plans/plan.service.js';
import { PlanStore } from '../plans/plan.store.js';
import { RefusalLog } from './refusal-log.js';
import { RunWriter } from './run-writer.js';
import { restoreRunStep } from './restore-run.step.js';
import { StartJudge } from './start-judge.js';

export interface StartRequest {
  readonly planId: string;
  /** the hash of the plan that the caller has seen; null: as it is */
  readonly hash: string | null;
  /** starts it although matching cancellations still come; paged loudly */
  readonly override: { readonly reason: string } | null;
}

/** Starts runs of approved plans. */
@Injectable()
export class RunStartService {
  constructor(
    private readonly database: Database,
    private readonly plans: PlanStore,
    private readonly judge: StartJudge,
    private readonly writer: RunWriter,
    private readonly refusals: RefusalLog,
    private readonly shops: ShopRegistry,
    private readonly wake: Wake,
  ) {}

  /**
   * Starts the run and gives its id; the orders are restored by the step `restore-run`.
   * @throws Fault with one of `startRefusals`, which also stands on the timeline
   */
  async start(caller: Caller, request: StartRequest): Promise<string> {
    const plan = await this.plans.read(this.database, request.planId);
    if (plan === undefined) throw missingPlan(request.planId);
    const { override } = request;
    const hashAsked = request.hash ?? plan.hash;
    const question = { from: 'approved', hashAsked, override, caller } as const;
    const scene = await this.judge.look(plan);
    const shop = this.shops.get(plan.shopId);
    const refusal = await this.judge.judge(this.database, { ...question, plan }, scene);
    if (refusal !== undefined) throw await this.refusals.refuse({ plan, refusal, scene, caller });
    const bleeds = scene.bleeding?.bleeding === true;
    const started = await this.database.transaction(async (transaction) => {
      const locked = await this.plans.lock(transaction, plan.id);
      if (locked === undefined) throw missingPlan(plan.id);
      const late = await this.judge.judge(transaction, { ...question, plan: locked }, scene);
      if (late !== undefined) return late;
      const items = await this.plans.items(transaction, plan.id);
      return this.writer.write(transaction, {
        plan: locked,
        items,
        shop,
        caller,
        bleedingOverride: bleeds ? (override?.reason ?? null) : null,
        bleedPosition: scene.journalHead,
      });
    });
    if (typeof started !== 'string')
      throw await this.refusals.refuse({ plan, refusal: started, scene, caller });
    this.wake.notify(restoreRunStep);
    return started;
  }
}
