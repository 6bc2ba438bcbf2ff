import { Injectable } from '@nestjs/common';
import { CaseStore } from '../../incidents/case.store.js';
import { PersonalData } from '../../journal/personal-data.js';
import { Clock } from '../../platform/clock.js';
import { Database } from '../../platform/database/database.js';
import { Fault } from '../../platform/errors.js';
import type { RestoreItem } from '../../shops/shop-adapter.js';
import { ShopRegistry } from '../../shops/shop-registry.js';
import { ApprovalStore } from '../approvals/approval.store.js';
import { decidedSince } from './decided-since.js';
import { openItem } from './personal-values.js';
import type { Plan, PlanItem } from './plan.js';
import { PlanStore } from './plan.store.js';
import type { Refusal } from './refusal.js';

/** Writes a plan out as SQL for a DBA: the same locks, guards, invariants and markers. It holds personal values. */
@Injectable()
export class PlanScript {
  constructor(
    private readonly database: Database,
    private readonly store: PlanStore,
    private readonly cases: CaseStore,
    private readonly approvals: ApprovalStore,
    private readonly shops: ShopRegistry,
    private readonly personal: PersonalData,
    private readonly clock: Clock,
  ) {}

  async of(plan: Plan): Promise<string> {
    const asked = { planId: plan.id, now: this.clock.now() };
    const approvals = await this.approvals.ofPlan(this.database, asked);
    // a line break would end the comment that the names stand in
    const persons = approvals
      .filter(({ mayApprove }) => mayApprove)
      .map(({ person }) => person.replaceAll(/\s+/g, ' '))
      .join(', ');
    const head = [
      `-- Restore plan ${plan.number}, hash ${plan.hash}`,
      `-- approved by ${persons === '' ? 'policy' : persons}, valid until ${plan.expiresAt.toISOString()}`,
      '-- Make sure that the failure has stopped before this is run. It holds personal data: delete it afterwards.',
    ];
    const { adapter } = this.shops.get(plan.shopId);
    return `${head.join('\n')}\n${await adapter.renderSql(await this.clearItems(plan))}`;
  }

  private async clearItems(plan: Plan): Promise<RestoreItem[]> {
    const items = await this.store.items(this.database, plan.id);
    const clear: RestoreItem[] = [];
    for (const item of items.filter(({ disposition }) => disposition === 'reopen')) {
      const of = await this.cases.read(this.database, item.caseId);
      const decided = plan.action === 'undo' ? undefined : decidedSince(of, item);
      if (decided !== undefined) throw notGiven(item, decided);
      const opened = await openItem(this.personal, plan, item);
      if (!opened.ok) throw notGiven(item, opened.refusal);
      clear.push(opened.value);
    }
    return clear;
  }
}

function notGiven({ orderNumber, orderId }: PlanItem, { reason, detail }: Refusal): Fault {
  return new Fault(
    'conflict',
    reason,
    `order ${orderNumber ?? orderId}: ${detail}; propose a new plan`,
  );
}
