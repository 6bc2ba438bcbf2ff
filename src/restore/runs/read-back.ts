import { Injectable } from '@nestjs/common';
import { PersonalData } from '../../journal/personal-data.js';
import { Database } from '../../platform/database/database.js';
import { messageOf } from '../../platform/errors.js';
import { Log } from '../../platform/telemetry/log.js';
import type { RestoreItem } from '../../shops/shop-adapter.js';
import type { Shop } from '../../shops/shop-registry.js';
import { openItem } from '../plans/personal-values.js';
import { PlanStore } from '../plans/plan.store.js';
import type { RunItem } from './run.js';

/** How an order stands in the shop now, beside what its plan would make of it. */
export type ReadBackVerdict = 'as-planned' | 'otherwise' | 'not-readable';

/** Reads orders back from the shop. What differs may be the shop's own later change: it is evidence, no proof. */
@Injectable()
export class ReadBack {
  private readonly log = new Log('Restore');

  constructor(
    private readonly database: Database,
    private readonly plans: PlanStore,
    private readonly personal: PersonalData,
  ) {}

  /** Of an item whose plan is still to be read. */
  async ofItem(shop: Shop, item: RunItem): Promise<ReadBackVerdict> {
    const [planItem] = await this.plans.itemsById(this.database, [item.planItemId]);
    if (planItem === undefined) return 'not-readable';
    const plan = { shopId: shop.id, action: item.action };
    const opened = await openItem(this.personal, plan, planItem);
    return opened.ok ? this.of(shop, opened.value) : 'not-readable';
  }

  async of(shop: Shop, wanted: RestoreItem): Promise<ReadBackVerdict> {
    try {
      const differences = await shop.adapter.verify(wanted);
      return differences.length === 0 ? 'as-planned' : 'otherwise';
    } catch (error) {
      this.log.warn(
        { event: 'order-not-read-back', shop: shop.id, order_id: wanted.orderId },
        `an order could not be read back: ${messageOf(error)}`,
      );
      return 'not-readable';
    }
  }
}
