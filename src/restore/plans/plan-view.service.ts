import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { AuditService } from '../../access/audit.service.js';
import type { Caller } from '../../access/caller.js';
import { PersonalData } from '../../journal/personal-data.js';
import { Clock } from '../../platform/clock.js';
import { Database } from '../../platform/database/database.js';
import { Fault } from '../../platform/errors.js';
import { decodeCursor, pageOf, type Page, type PageQuery } from '../../platform/http/page.js';
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
  /** its run, once it was started */
  readonly runId: string | null;
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
    private readonly audit: AuditService,
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
      afterSequence: decodeCursor(query.cursor, z.int()) ?? -1,
      limit: query.limit + 1,
    });
    const page = pageOf(items, query.limit, (last) => last.sequence);
    const words = (item: PlanItem) => ({ ...item, words: describeItem(profile, item) });
    return { ...page, items: page.items.map(words) };
  }

  /**
   * The plan as a script for a DBA, with the same locks, guards, invariants and markers. Only of a plan
   * that is approved: what is written to a shop is approved, by whatever hand. It holds personal values.
   */
  async sql(caller: Caller, planId: string): Promise<string> {
    const plan = await this.read(planId);
    const { approvals, standing } = await this.viewOf(plan);
    if (plan.state !== 'approved' || !standing.approved)
      throw new Fault(
        'conflict',
        'plan-not-approved',
        `plan ${plan.number} is ${plan.state}: its SQL is given out once it is approved, and until it is run`,
      );
    const shop = this.shops.get(plan.shopId);
    const items = await this.clearItems(plan);
    // a line break would end the comment that the names stand in
    const persons = approvals.map(({ person }) => person.replaceAll(/\s+/g, ' ')).join(', ');
    const head = [
      `-- Restore plan ${plan.number}, hash ${plan.hash}`,
      `-- approved by ${persons === '' ? 'policy' : persons}, valid until ${plan.expiresAt.toISOString()}`,
      '-- Make sure that the failure has stopped before this is run. It holds personal data: delete it afterwards.',
    ];
    const script = await shop.adapter.renderSql(items);
    await this.recordGiven(caller, plan);
    return `${head.join('\n')}\n${script}`;
  }

  private async recordGiven(caller: Caller, plan: Plan): Promise<void> {
    const at = this.clock.now();
    await this.database.transaction((transaction) =>
      this.audit.record(transaction, {
        ...{ caller, at, action: 'restore-plan.script-given' },
        ...{ subjectKind: 'restore-plan', subjectId: plan.id, data: { hash: plan.hash } },
      }),
    );
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
    const runId = await this.store.runOf(this.database, plan.id);
    return { ...plan, ...counts, notes: planNotes(plan), approvals, standing, runId };
  }

  private async read(planId: string): Promise<Plan> {
    const plan = await this.store.read(this.database, planId);
    if (plan === undefined) throw missingPlan(planId);
    return plan;
  }
}
