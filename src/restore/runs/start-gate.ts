import { Injectable } from '@nestjs/common';
import type { Caller } from '../../access/caller.js';
import { Database } from '../../platform/database/database.js';
import { ShopRegistry, type Shop } from '../../shops/shop-registry.js';
import { missingPlan } from '../plans/plan.service.js';
import type { Plan } from '../plans/plan.js';
import { PlanStore } from '../plans/plan.store.js';
import { RefusalLog } from './refusal-log.js';
import type { Scene } from './scene-look.js';
import { StartJudge, type StartQuestion } from './start-judge.js';

export interface StartRequest {
  readonly planId: string;
  /** the hash of the plan that the caller has seen; null: as it is */
  readonly hash: string | null;
  /** although matching cancellations still come; paged loudly */
  readonly override: { readonly reason: string } | null;
}

/** A plan that may be carried out now. */
export interface Passed {
  readonly plan: Plan;
  readonly shop: Shop;
  readonly question: StartQuestion;
  readonly scene: Scene;
  /** why it is carried out although the harm goes on; null where it does not */
  readonly bleedingOverride: string | null;
}

/** Lets an approved plan through to the shop, by whatever way it is carried out: the same rules for all. */
@Injectable()
export class StartGate {
  constructor(
    private readonly database: Database,
    private readonly plans: PlanStore,
    private readonly judge: StartJudge,
    private readonly refusals: RefusalLog,
    private readonly shops: ShopRegistry,
  ) {}

  /** @throws Fault with one of `startRefusals`, which also stands on the timeline */
  async pass(caller: Caller, request: StartRequest): Promise<Passed> {
    const plan = await this.plans.read(this.database, request.planId);
    if (plan === undefined) throw missingPlan(request.planId);
    const { override } = request;
    const hashAsked = request.hash ?? plan.hash;
    const question = { plan, from: 'approved', hashAsked, override, caller } as const;
    const { scene, refusal } = await this.judge.look(question);
    if (refusal !== undefined) throw await this.refusals.refuse({ plan, refusal, scene, caller });
    const bleeds = scene.bleeding?.bleeding === true;
    const bleedingOverride = bleeds ? (override?.reason ?? null) : null;
    return { plan, shop: this.shops.get(plan.shopId), question, scene, bleedingOverride };
  }
}
