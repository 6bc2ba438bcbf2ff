import { Injectable } from '@nestjs/common';
import { CaseStore } from '../../incidents/case.store.js';
import { JournalService } from '../../journal/journal.service.js';
import { PersonalData } from '../../journal/personal-data.js';
import { Database } from '../../platform/database/database.js';
import { refuse, type Result } from '../../platform/result.js';
import type { RestoreItem } from '../../shops/shop-adapter.js';
import type { Shop } from '../../shops/shop-registry.js';
import { decidedSince } from '../plans/decided-since.js';
import { openItem } from '../plans/personal-values.js';
import { PlanStore } from '../plans/plan.store.js';
import { evidenceMissing, type Refusal } from '../plans/refusal.js';
import type { RunItem } from './run.js';

/** Looks once more at the case and the journal before an order is written, and opens its personal values. */
@Injectable()
export class AttemptEvidence {
  constructor(
    private readonly database: Database,
    private readonly plans: PlanStore,
    private readonly cases: CaseStore,
    private readonly journal: JournalService,
    private readonly personal: PersonalData,
  ) {}

  /** The item as the shop takes it, or the reason why it must not be asked at all. */
  async prepare(shop: Shop, item: RunItem): Promise<Result<RestoreItem, Refusal>> {
    const [planItem] = await this.plans.itemsById(this.database, [item.planItemId]);
    if (planItem === undefined) return evidenceMissing('the plan item is gone');
    const of = await this.cases.read(this.database, item.caseId);
    const decided = item.action === 'undo' ? undefined : decidedSince(of, planItem);
    if (decided !== undefined) return refuse(decided);
    const after = planItem.source.lastPosition;
    const later = await this.journal.positionsAfter(shop.id, item.orderId, after);
    if (later.length > 0)
      return refuse({
        reason: 'changed-since',
        detail: `the order was changed after it was planned (journal ${later.join(', ')})`,
      });
    return openItem(this.personal, { shopId: shop.id, action: item.action }, planItem);
  }
}
