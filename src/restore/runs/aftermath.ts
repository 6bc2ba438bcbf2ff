import { Injectable } from '@nestjs/common';
import { PageService } from '../../alerting/page.service.js';
import { TimelineService } from '../../incidents/timeline.service.js';
import type { JournalEntry } from '../../orders/order-event.js';
import type { Transaction } from '../../platform/database/database.js';
import { CaseMoves } from '../case-moves.js';
import type { Echo } from './echo-intake.js';
import { nameOf } from './item-outcomes.js';
import type { RunItem } from './run.js';
import { RunItemStore } from './run-item.store.js';
import { RunStops } from './run-stops.js';
import { RunStore } from './run.store.js';

/** Follows orders after their restore: a first change is told, and a new cancellation stops everything. */
@Injectable()
export class Aftermath {
  constructor(
    private readonly runs: RunStore,
    private readonly items: RunItemStore,
    private readonly stops: RunStops,
    private readonly moves: CaseMoves,
    private readonly timeline: TimelineService,
    private readonly pages: PageService,
  ) {}

  /** Notes what an entry means for the order's last restore before it, if there was one. */
  async note(transaction: Transaction, { shop, entry, now }: Echo): Promise<void> {
    const restored = await this.items.restoredOf(transaction, shop.id, entry.orderId);
    const item = restored.find(({ echoPosition }) => (echoPosition ?? 0) < entry.position);
    if (item === undefined) return;
    // all runs of the incident before the incident itself: whoever ends an order locks in this order
    const run = await this.runs.lock(transaction, item.runId);
    if (run === undefined) return;
    const after = { item, entry, now, incidentId: run.incidentId };
    if (entry.kinds.includes('cancelled')) await this.cancelledAgain(transaction, after);
    else if (item.changedPosition === null) await this.changed(transaction, after);
    if (item.changedPosition === null)
      await this.items.setChanged(transaction, item.id, entry.position);
  }

  private async changed(transaction: Transaction, after: After): Promise<void> {
    const { item, entry, now, incidentId } = after;
    const what = `${entry.kinds.join(', ')} (journal ${entry.position})`;
    await this.timeline.append(transaction, {
      incidentId,
      at: now,
      type: 'order-changed-since',
      caseId: item.caseId,
      data: {
        ...placeOf(item, entry),
        words: `changed after its restore: ${what}`,
      },
    });
  }

  private async cancelledAgain(transaction: Transaction, after: After): Promise<void> {
    const { item, entry, now, incidentId } = after;
    const words = `order ${nameOf(item)} was cancelled again after its restore (journal ${entry.position})`;
    const active = await this.runs.lockActive(transaction, incidentId);
    for (const run of active)
      await this.stops.stop(transaction, run, { reason: 'cancelled-again', words, now });
    await this.timeline.append(transaction, {
      incidentId,
      at: now,
      type: 'order-cancelled-again',
      caseId: item.caseId,
      data: {
        ...placeOf(item, entry),
        words: `cancelled again after its restore (journal ${entry.position})`,
      },
    });
    const caseIds = [item.caseId];
    await this.moves.move(transaction, { incidentId, caseIds, to: 'open', at: now, words });
    // the page that says why a run stopped says this already
    if (active.length === 0) await this.page(transaction, after);
  }

  private async page(
    transaction: Transaction,
    { item, entry, now, incidentId }: After,
  ): Promise<void> {
    await this.pages.enqueue(transaction, {
      dedupeKey: `cancelled-again/${item.shopId}/${entry.position}`,
      incidentId,
      firstLine: `Order ${nameOf(item)} of shop ${item.shopId} was cancelled again after its restore`,
      body: {
        kind: 'cancelled-again',
        severity: 'high',
        details: [`by: ${entry.actorKind}`],
        data: { orderId: item.orderId, position: entry.position },
      },
      now,
    });
  }
}

function placeOf({ runId, orderId, orderNumber }: RunItem, { position }: JournalEntry) {
  return { runId, orderId, orderNumber, position };
}

interface After {
  readonly item: RunItem;
  readonly entry: JournalEntry;
  readonly now: Date;
  readonly incidentId: string;
}
