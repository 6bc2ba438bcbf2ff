import { Injectable } from '@nestjs/common';
import { JournalService } from '../../journal/journal.service.js';
import type { JournalEntry } from '../../orders/order-event.js';
import type { Transaction } from '../../platform/database/database.js';
import type { Shop } from '../../shops/shop-registry.js';
import type { PlanItem } from '../plans/plan.js';
import { PlanStore } from '../plans/plan.store.js';
import { echoDifferences } from './echo.js';
import { HandRuns } from './hand-runs.js';
import { ItemOutcomes } from './item-outcomes.js';
import type { RunItem } from './run.js';
import { RunItemStore } from './run-item.store.js';
import { RunStore } from './run.store.js';

export interface Echo {
  readonly shop: Shop;
  readonly entry: JournalEntry;
  readonly now: Date;
}

/** Takes in the echo of one of our own writes: compares it with the plan, and settles the item by it. */
@Injectable()
export class EchoIntake {
  constructor(
    private readonly journal: JournalService,
    private readonly plans: PlanStore,
    private readonly runs: RunStore,
    private readonly items: RunItemStore,
    private readonly outcomes: ItemOutcomes,
    private readonly hands: HandRuns,
  ) {}

  /** False where the marker is none of our plans', or names another order. */
  async take(transaction: Transaction, echo: Echo): Promise<boolean> {
    const { shop, entry, now } = echo;
    const [planItem] = await this.plans.itemsById(transaction, [entry.marker?.itemId ?? '']);
    if (planItem?.orderId !== entry.orderId) return false;
    const difference = await this.differences(echo, planItem);
    const runId = await this.hands.runOf(transaction, { shop, planItem, now });
    const run = await this.runs.lock(transaction, runId);
    const item = await this.items.lockOfPlanItem(transaction, planItem.id);
    if (run?.shopId !== shop.id || item?.echoPosition !== null) return false;
    await this.items.setEcho(transaction, item.id, { position: entry.position, difference });
    // whoever makes the attempt settles it, now that the echo stands beside it
    if (item.state === 'attempting') return true;
    if (isByHand(item)) {
      if (await this.items.isTaken(transaction, item)) return false;
      await this.hands.tell(transaction, { run, item, now });
    }
    await this.outcomes.proven(transaction, { run, item, now });
    return true;
  }

  private async differences({ shop, entry }: Echo, planItem: PlanItem): Promise<string | null> {
    const entries = await this.journal.ofTransaction(shop.id, entry.source);
    const differences = echoDifferences({
      profile: shop.profile,
      orderId: entry.orderId,
      planned: planItem.changes,
      entries,
    });
    return differences.length === 0 ? null : differences.join('; ');
  }
}

/** Nobody of ours was writing it: somebody ran the plan's SQL. */
function isByHand({ state }: RunItem): boolean {
  return state === 'pending' || state === 'refused' || state === 'failed';
}
