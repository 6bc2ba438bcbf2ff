import { Injectable } from '@nestjs/common';
import { TimelineService } from '../../incidents/timeline.service.js';
import type { NewTimelineEntry } from '../../incidents/timeline.js';
import type { JournalEntry } from '../../orders/order-event.js';
import type { Transaction } from '../../platform/database/database.js';
import type { Shop } from '../../shops/shop-registry.js';
import { CaseMoves } from '../case-moves.js';
import { RestoreMetrics } from '../restore.metrics.js';
import { ItemGroupStore, type EchoedItem } from './item-group.store.js';
import type { Run } from './run.js';
import { RunStore } from './run.store.js';

/** Echoes of one plan that came one after the other, each of them just as planned. */
export interface EchoGroup {
  readonly shop: Shop;
  readonly entries: readonly JournalEntry[];
  readonly now: Date;
}

type Placed = EchoedItem & { readonly position: number };

/**
 * Proves many orders of a run in one transaction, where nothing but the usual is to be said of them: what comes
 * to the same one by one, with run and incident locked once.
 */
@Injectable()
export class EchoedItems {
  constructor(
    private readonly runs: RunStore,
    private readonly store: ItemGroupStore,
    private readonly moves: CaseMoves,
    private readonly timeline: TimelineService,
    private readonly metrics: RestoreMetrics,
  ) {}

  /** False, and nothing is written, where one of them is not the usual: each has to be looked at by itself then. */
  async prove(transaction: Transaction, { shop, entries, now }: EchoGroup): Promise<boolean> {
    const positions = new Map(entries.map((entry) => [entry.marker?.itemId, entry.position]));
    const planItemIds = [...positions.keys()].filter((id) => id !== undefined);
    const [runId, ...others] = await this.store.runsOf(transaction, planItemIds);
    if (runId === undefined || others.length > 0) return false;
    const run = await this.runs.lock(transaction, runId);
    if (run?.shopId !== shop.id) return false;
    const found = await this.store.lock(transaction, planItemIds);
    if (found.length !== entries.length) return false;
    const items = found.map((item) => ({ ...item, position: positions.get(item.planItemId) ?? 0 }));
    await this.write(transaction, { run, items, now });
    return true;
  }

  private async write(
    transaction: Transaction,
    { run, items, now }: { run: Run; items: readonly Placed[]; now: Date },
  ): Promise<void> {
    const { incidentId, shopId } = run;
    const begun = items.filter(({ state }) => state === 'attempting');
    const attempts = begun.map((item) => ({ item, transactionId: item.transactionId }));
    if (begun.length > 0) await this.store.endApplied(transaction, run.id, { attempts, at: now });
    await this.store.verify(transaction, items, now);
    await this.timeline.appendAll(transaction, { incidentId, at: now }, items.flatMap(entriesOf));
    const caseIds = items.map(({ caseId }) => caseId);
    const words = 'restored, read back and seen in the shop’s own stream';
    await this.moves.move(transaction, { incidentId, caseIds, to: 'restored', at: now, words });
    const cancelledAt = await this.store.cancelledAt(transaction, caseIds);
    transaction.afterCommit(() => {
      items.forEach(() => this.metrics.counted(shopId, { outcome: 'verified' }));
      for (const at of cancelledAt)
        this.metrics.restored(shopId, (now.getTime() - at.getTime()) / 1000);
    });
  }
}

function entriesOf({ state, caseId, runId, orderId, orderNumber }: Placed): NewTimelineEntry[] {
  const data = { runId, orderId, orderNumber };
  const verified = { type: 'order-verified', caseId, data } as const;
  return state === 'applied' ? [verified] : [{ type: 'order-restored', caseId, data }, verified];
}
