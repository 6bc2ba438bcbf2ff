import { Injectable } from '@nestjs/common';
import { JournalService, transactionName } from '../../journal/journal.service.js';
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

  /**
   * By the entry's position. Left out are entries whose marker is none of our plans', or names another order. All
   * is read before anything is written: plans and journal entries never change.
   */
  async of(shop: Shop, entries: readonly JournalEntry[]): Promise<Map<number, ComparedEcho>> {
    const itemIds = new Set(entries.flatMap(({ marker }) => marker?.itemId ?? []));
    if (itemIds.size === 0) return new Map();
    const found = await this.plans.itemsById(this.database, [...itemIds]);
    const planItems = new Map(found.map((planItem) => [planItem.id, planItem]));
    const own = entries.flatMap((entry) => {
      const planItem = planItems.get(entry.marker?.itemId ?? '');
      return planItem?.orderId === entry.orderId ? [{ entry, planItem }] : [];
    });
    const differences = await this.differences(shop, own);
    return new Map(
      own.map(({ entry: { position }, planItem }) => {
        const found = differences.get(position) ?? [];
        const difference = found.length === 0 ? null : found.join('; ');
        return [position, { planItem, difference }];
      }),
    );
  }

  private async differences(
    shop: Shop,
    own: readonly { entry: JournalEntry; planItem: PlanItem }[],
  ): Promise<Map<number, string[]>> {
    if (own.length === 0) return new Map();
    const { id: shopId, profile } = shop;
    const echoed = own.map(({ entry }) => entry);
    const orderIds = [...new Set(echoed.map(({ orderId }) => orderId))];
    const written = await this.journal.ofTransactions(
      shopId,
      echoed.map(({ source }) => source),
    );
    const ofOrders = await this.journal.ofOrders(this.database, shopId, orderIds);
    const opened = await openAdded(this.personal, shopId, [...written.values()].flat());
    return new Map(
      own.map(({ entry: { orderId, position, source }, planItem }) => [
        position,
        [
          ...echoDifferences({
            profile,
            orderId,
            planned: planItem.changes,
            entries: written.get(transactionName(source)) ?? [],
            opened,
          }),
          ...meanwhileDifferences({
            profile,
            entries: ofOrders.get(orderId) ?? [],
            plannedAt: planItem.source.lastPosition,
            echoedAt: position,
          }),
        ],
      ]),
    );
  }
}
