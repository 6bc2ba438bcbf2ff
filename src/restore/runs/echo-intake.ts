import { Injectable } from '@nestjs/common';
import { JournalService } from '../../journal/journal.service.js';
import type { JournalEntry } from '../../orders/order-event.js';
import type { Transaction } from '../../platform/database/database.js';
import type { Shop } from '../../shops/shop-registry.js';
import type { PlanItem } from '../plans/plan.js';
import { PlanStore } from '../plans/plan.store.js';
import { RestoreMetrics } from '../restore.metrics.js';
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
    private readonly metrics: RestoreMetrics,
  ) {}

  /** False where the marker is none of our plans', or names another order. */
  async take(transaction: Transaction, echo: Echo): Promise<boolean> {
    const { shop, entry, now } = echo;
    const [planItem] = await this.plans.itemsById(transaction, [entry.marker?.itemId ?? '']);
    if (planItem?.orderId !== entry.orderId) return false;
    const difference = await this.differences(echo, planItem);
    const known = await this.items.ofPlanItem(transaction, planItem.id);
    const runId = known?.runId ?? (await this.hands.open(transaction, { shop, planItem, now }));
    if (runId === undefined) return false;
    const run = await this.runs.lock(transaction, runId);
    if (run === undefined || run.shopId !== shop.id) return false;
    const item = await this.items.lockOfPlanItem(transaction, planItem.id);
    if (item?.echoPosition !== null) return false;
    await this.items.setEcho(transaction, item.id, { position: entry.position, difference });
    const byHand = await this.hands.take(transaction, { run, item, now });
    if (byHand || (await this.wasUnknown(transaction, item, now)) || item.state === 'applied') {
      await this.outcomes.settle(transaction, { run, itemId: item.id, now });
      if (difference === null) this.metrics.counted(shop.id, { outcome: 'verified' });
      else this.metrics.counted(shop.id, { outcome: 'failed', reason: 'read-back-differs' });
    }
    return true;
  }

  private async differences(
    { shop, entry }: Echo,
    planItem: PlanItem,
  ): Promise<string | null> {
    const entries = await this.journal.ofTransaction(shop.id, entry.source);
    const differences = echoDifferences({
      profile: shop.profile,
      orderId: entry.orderId,
      planned: planItem.changes,
      entries,
    });
    return differences.length === 0 ? null : differences.join('; ');
  }

  /** The echo proves that a transaction was committed whose answer was lost. */
  private async wasUnknown(transaction: Transaction, item: RunItem, now: Date): Promise<boolean> {
    if (item.state !== 'unknown') return false;
    await this.items.change(transaction, item, { state: 'applied', appliedAt: now }, now);
    await this.items.addAttempt(transaction, item, { at: now, outcome: 'applied' });
    return true;
  }
}
