import { Injectable } from '@nestjs/common';
import { JournalService } from '../../journal/journal.service.js';
import { PersonalData } from '../../journal/personal-data.js';
import type { JournalEntry } from '../../orders/order-event.js';
import type { Shop } from '../../shops/shop-registry.js';
import { Database } from '../../platform/database/database.js';
import { openAdded } from '../plans/personal-values.js';
import type { PlanItem } from '../plans/plan.js';
import { PlanStore } from '../plans/plan.store.js';
import { echoDifferences } from './echo.js';
import { meanwhileDifferences } from './meanwhile.js';

/** What came back of a planned item: what differs, in words without values; null where the two are the same. */
export interface ComparedEcho {
  readonly planItem: PlanItem & { readonly planId: string };
  readonly difference: string | null;
}

/** Compares the transaction that carried an item's marker with what was planned, and looks for what came between. */
@Injectable()
export class EchoComparison {
  constructor(
    private readonly database: Database,
    private readonly plans: PlanStore,
    private readonly journal: JournalService,
    private readonly personal: PersonalData,
  ) {}

  /** Undefined where the entry's marker is none of our plans', or names another order. */
  async of(shop: Shop, entry: JournalEntry): Promise<ComparedEcho | undefined> {
    const [planItem] = await this.plans.itemsById(this.database, [entry.marker?.itemId ?? '']);
    if (planItem?.orderId !== entry.orderId) return undefined;
    return { planItem, difference: await this.difference(shop, entry, planItem) };
  }

  private async difference(
    shop: Shop,
    entry: JournalEntry,
    planItem: PlanItem,
  ): Promise<string | null> {
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
