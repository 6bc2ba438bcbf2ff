import { Injectable } from '@nestjs/common';
import { PersonalData } from '../../journal/personal-data.js';
import { Clock } from '../../platform/clock.js';
import { Database } from '../../platform/database/database.js';
import { Fault } from '../../platform/errors.js';
import type { RestoreItem } from '../../shops/shop-adapter.js';
import { ShopRegistry } from '../../shops/shop-registry.js';
import { standingOf, type Approval, type Standing } from '../approvals/approval.js';
import { ApprovalStore } from '../approvals/approval.store.js';
import { describeItem, planNotes, type ItemInWords } from './describe.js';
import { openChanges } from './personal-values.js';
import { restoreItemOf, type Plan, type PlanItem } from './plan.js';
import { missingPlan } from './plan.service.js';
import { PlanStore } from './plan.store.js';

/** A plan as people look at it. */
export interface PlanView extends Plan {
  readonly reopen: number;
  readonly person: number;
  readonly notes: readonly string[];
  readonly approvals: readonly Approval[];
  readonly standing: Standing;
}

/** An item with what it says in words. */
export interface ItemView extends PlanItem {
  readonly words: ItemInWords;
}

/** Shows plans: in numbers, in words, and as SQL. */
@Injectable()
export class PlanViewService {
  constructor(
    private readonly database: Database,
    private readonly store: PlanStore,
    private readonly approvals: ApprovalStore,
    private readonly shops: ShopRegistry,
    private readonly personal: PersonalData,
    private readonly clock: Clock,
  ) {}

  async view(planId: string): Promise<PlanView> {
    const plan = await this.store.read(this.database, planId);
    if (plan === undefined) throw missingPlan(planId);
    return this.viewOf(plan);
  }

  /** Newest first. */
  async ofIncident(query: {
    incidentId: string;
    beforeNumber: number | null;
    limit: number;
  }): Promise<PlanView[]> {
    const plans = await this.store.ofIncident(this.database, query);
    return Promise.all(plans.map((plan) => this.viewOf(plan)));
  }

  /** In the order in which they are restored. */
  async items(query: {
    planId: string;
    afterSequence: number;
    limit: number;
  }): Promise<ItemView[]> {
    const plan = await this.store.read(this.database, query.planId);
    if (plan === undefined) throw missingPlan(query.planId);
    const { profile } = this.shops.get(plan.shopId);
    const items = await this.store.pageOfItems(this.database, query);
    return items.map((item) => ({ ...item, words: describeItem(profile, item) }));
  }

  /**
   * The plan as a script for a DBA, with the same locks, guards, invariants and markers. Only of a plan
   * that is approved: what is written to a shop is approved, by whatever hand. It holds personal values.
   */
  async sql(planId: string): Promise<string> {
    const { plan, approvals, standing } = await this.standing(planId);
    if (plan.state !== 'approved' || !standing.approved)
      throw new Fault(
        'conflict',
        'plan-not-approved',
        `plan ${plan.number} is ${plan.state}: its SQL is given out once it is approved, and until it is run`,
      );
    const shop = this.shops.get(plan.shopId);
    const items = await this.clearItems(plan);
    const persons = approvals.map((approval) => approval.person).join(', ');
    const head = [
      `-- Restore plan ${plan.number}, hash ${plan.hash}`,
      `-- approved by ${persons === '' ? 'policy' : persons}, valid until ${plan.expiresAt.toISOString()}`,
      '-- Make sure that the failure has stopped before this is run. It holds personal data: delete it afterwards.',
    ];
    return `${head.join('\n')}\n${await shop.adapter.renderSql(items)}`;
  }

  private async clearItems(plan: Plan): Promise<RestoreItem[]> {
    const items = await this.store.items(this.database, plan.id);
    const clear: RestoreItem[] = [];
    for (const item of items.filter(({ disposition }) => disposition === 'reopen')) {
      const opened = await openChanges(this.personal, plan.shopId, item.changes);
      if (!opened.ok)
        throw new Fault(
          'conflict',
          opened.refusal.reason,
          `order ${item.orderNumber ?? item.orderId}: ${opened.refusal.detail}; propose a new plan`,
        );
      clear.push({ ...restoreItemOf(plan.action, item), changes: opened.value });
    }
    return clear;
  }

  private async viewOf(plan: Plan): Promise<PlanView> {
    const counts = await this.store.countItems(this.database, plan.id);
    const approvals = await this.approvals.ofPlan(this.database, plan.id);
    const standing = standingOf(plan, { approvals, startedBy: null, now: this.clock.now() });
    return { ...plan, ...counts, notes: planNotes(plan), approvals, standing };
  }

  private async standing(
    planId: string,
  ): Promise<{ plan: Plan; approvals: readonly Approval[]; standing: Standing }> {
    const plan = await this.store.read(this.database, planId);
    if (plan === undefined) throw missingPlan(planId);
    const approvals = await this.approvals.ofPlan(this.database, planId);
    const standing = standingOf(plan, { approvals, startedBy: null, now: this.clock.now() });
    return { plan, approvals, standing };
  }
}
