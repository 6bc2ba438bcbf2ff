import { Injectable } from '@nestjs/common';
import { JournalService } from '../../journal/journal.service.js';
import { PersonalData } from '../../journal/personal-data.js';
import { ok, refuse, type Result } from '../../platform/result.js';
import type { RestoreItem } from '../../shops/shop-adapter.js';
import type { Shop } from '../../shops/shop-registry.js';
import { openChanges } from '../plans/personal-values.js';
import { restoreItemOf, type PlanItem } from '../plans/plan.js';
import type { Refusal } from '../plans/refusal.js';
import type { RunItem } from './run.js';

/** Looks once more at the journal before an order is written, and opens its personal values. */
@Injectable()
export class AttemptEvidence {
  constructor(
    private readonly journal: JournalService,
    private readonly personal: PersonalData,
  ) {}

  /** The item as the shop takes it, or the reason why it must not be asked at all. */
  async prepare(asked: {
    shop: Shop;
    item: RunItem;
    planItem: PlanItem;
  }): Promise<Result<RestoreItem, Refusal>> {
    const { shop, item, planItem } = asked;
    const entries = await this.journal.ofOrder(shop.id, item.orderId);
    const later = entries.filter(({ position }) => position > planItem.source.lastPosition);
    if (later.length > 0)
      return refuse({
        reason: 'changed-since',
        detail: `the order was changed after it was planned (journal ${later.map((entry) => entry.position).join(', ')})`,
      });
    const opened = await openChanges(this.personal, shop.id, planItem.changes);
    if (!opened.ok) return opened;
    return ok({ ...restoreItemOf(item.action, planItem), changes: opened.value });
  }
}
