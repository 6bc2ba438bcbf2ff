import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { Clock } from '../../platform/clock.js';
import { Database } from '../../platform/database/database.js';
import { decodeCursor, pageOf, type Page, type PageQuery } from '../../platform/http/page.js';
import { ShopRegistry } from '../../shops/shop-registry.js';
import { standingOf, type Approval, type Standing } from '../approvals/approval.js';
import { ApprovalStore } from '../approvals/approval.store.js';
import { describeItem, planNotes, type ItemInWords } from './describe.js';
import type { Plan, PlanItem } from './plan.js';
import { missingPlan } from './plan.service.js';
import { PlanStore } from './plan.store.js';

/** A plan as people look at it. */
export interface PlanView extends Plan {
  readonly reopen: number;
  readonly person: number;
  readonly notes: readonly string[];
  readonly approvals: readonly Approval[];
  readonly standing: Standing;
  /** its run, once it was started */
  readonly runId: string | null;
}

/** An item with what it says in words. */
export interface ItemView extends PlanItem {
  readonly words: ItemInWords;
}

/** Shows plans: in numbers and in words. */
@Injectable()
export class PlanViewService {
  constructor(
    private readonly database: Database,
    private readonly store: PlanStore,
    private readonly approvals: ApprovalStore,
    private readonly shops: ShopRegistry,
    private readonly clock: Clock,
  ) {}

  async view(planId: string): Promise<PlanView> {
    return this.viewOf(await this.read(planId));
  }

  /** Newest first. */
  async pageOfIncident(incidentId: string, query: PageQuery): Promise<Page<PlanView>> {
    const plans = await this.store.ofIncident(this.database, {
      incidentId,
      beforeNumber: decodeCursor(query.cursor, z.int()),
      limit: query.limit + 1,
    });
    const page = pageOf(plans, query.limit, (last) => last.number);
    return { ...page, items: await Promise.all(page.items.map((plan) => this.viewOf(plan))) };
  }

  /** In the order in which they are restored. */
  async pageOfItems(planId: string, query: PageQuery): Promise<Page<ItemView>> {
    const plan = await this.read(planId);
    const { profile } = this.shops.get(plan.shopId);
    const items = await this.store.pageOfItems(this.database, {
      planId,
      afterSequence: decodeCursor(query.cursor, z.int32()) ?? -1,
      limit: query.limit + 1,
    });
    const page = pageOf(items, query.limit, (last) => last.sequence);
    const words = (item: PlanItem) => ({ ...item, words: describeItem(profile, item) });
    return { ...page, items: page.items.map(words) };
  }

  private async viewOf(plan: Plan): Promise<PlanView> {
    const counts = await this.store.countItems(this.database, plan.id);
    const now = this.clock.now();
    const approvals = await this.approvals.ofPlan(this.database, { planId: plan.id, now });
    const standing = standingOf(plan, { approvals, startedBy: null, now });
    const runId = await this.store.runOf(this.database, plan.id);
    return { ...plan, ...counts, notes: planNotes(plan), approvals, standing, runId };
  }

  private async read(planId: string): Promise<Plan> {
    const plan = await this.store.read(this.database, planId);
    if (plan === undefined) throw missingPlan(planId);
    return plan;
  }
}
