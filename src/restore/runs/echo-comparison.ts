import { Injectable } from '@nestjs/common';
import { JournalService } from '../../journal/journal.service.js';
import { PersonalData } from '../../journal/personal-data.js';
import type { JournalEntry } from '../../orders/order-event.js';
import type { Shop } from '../../shops/shop-registry.js';
import { openAdded } from '../plans/personal-values.js';
import type { PlanItem } from '../plans/plan.js';
import { echoDifferences } from './echo.js';
import { meanwhileDifferences } from './meanwhile.js';

/** Compares the transaction that carried an item's marker with what was planned, and looks for what came between. */
@Injectable()
export class EchoComparison {
  constructor(
    private readonly journal: JournalService,
    private readonly personal: PersonalData,
  ) {}

  /** What differs, in words without values; null where the two are the same. */
  async of(shop: Shop, entry: JournalEntry, planItem: PlanItem): Promise<string | null> {
    const entries = await this.journal.ofTransaction(shop.id, entry.source);
    const { profile } = shop;
    const own = echoDifferences({
      profile,
      orderId: entry.orderId,
      planned: planItem.changes,
      entries,
      opened: await openAdded(this.personal, shop.id, entries),
    });
    const others = meanwhileDifferences({
      profile,
      entries: await this.journal.ofOrder(shop.id, entry.orderId),
      plannedAt: planItem.source.lastPosition,
      echoedAt: entry.position,
    });
    const differences = [...own, ...others];
    return differences.length === 0 ? null : differences.join('; ');
  }
}
