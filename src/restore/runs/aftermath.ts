import { Injectable } from '@nestjs/common';
import { PageService } from '../../alerting/page.service.js';
import { TimelineService } from '../../incidents/timeline.service.js';
import type { JournalEntry } from '../../orders/order-event.js';
import type { Transaction } from '../../platform/database/database.js';
import type { Shop } from '../../shops/shop-registry.js';
import { CaseMoves } from '../case-moves.js';
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

  /** Notes what these entries (in the journal's order) mean for orders that were restored before them. */
  async note(
    transaction: Transaction,
    given: { shop: Shop; entries: readonly JournalEntry[]; now: Date },
  ): Promise<void> {
    const { shop, entries, now } = given;
    const later = entries.filter((entry) => entry.orderId !== '' && entry.marker === null);
    if (later.length === 0) return;
    const orderIds = [...new Set(later.map((entry) => entry.orderId))];
    const restored = await this.items.restoredOf(transaction, shop.id, orderIds);
    const told = new Set<string>();
    for (const entry of later) {
      const item = restored.find(
        ({ orderId, echoPosition }) =>
          orderId === entry.orderId && (echoPosition ?? 0) < entry.position,
      );
      if (item === undefined) continue;
      if (entry.kinds.includes('cancelled'))
        await this.cancelledAgain(transaction, { item, entry, now });
      else if (item.changedPosition === null && !told.has(item.id))
        await this.changed(transaction, { item, entry, now });
      told.add(item.id);
    }
  }

  private async changed(transaction: Transaction, { item, entry, now }: After): Promise<void> {
    await this.items.setChanged(transaction, item.id, entry.position);
    const incidentId = await this.incidentOf(transaction, item);
    await this.timeline.append(transaction, {
      incidentId,
      at: now,
      type: 'comment',
      caseId: item.caseId,
      data: {
        text: `Order ${nameOf(item)} changed after its restore: ${entry.kinds.join(', ')} (journal ${entry.position}).`,
      },
    });
  }

  private async cancelledAgain(transaction: Transaction, after: After): Promise<void> {
    const { item, entry, now } = after;
    await this.items.setChanged(transaction, item.id, entry.position);
    const incidentId = await this.incidentOf(transaction, item);
    const words = `order ${nameOf(item)} was cancelled again after its restore (journal ${entry.position})`;
    const runs = await this.runs.ofIncident(transaction, incidentId);
    let stopped = false;
    for (const run of runs)
      stopped =
        (await this.stops.stop(transaction, run, { reason: 'cancelled-again', words, now })) ||
        stopped;
    const text = `Order ${nameOf(item)} was cancelled again after its restore (journal ${entry.position}).`;
    const place = { incidentId, at: now, caseId: item.caseId };
    await this.timeline.append(transaction, { ...place, type: 'comment', data: { text } });
    await this.moves.move(transaction, {
      incidentId,
      caseIds: [item.caseId],
      to: 'open',
      at: now,
      words,
    });
    // the page that says why a run stopped says this already
    if (!stopped) await this.page(transaction, { ...after, incidentId });
  }

  private async page(
    transaction: Transaction,
    { item, entry, now, incidentId }: After & { incidentId: string },
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

  private async incidentOf(transaction: Transaction, item: RunItem): Promise<string> {
    const run = await this.runs.lock(transaction, item.runId);
    return run?.incidentId ?? '';
  }
}

interface After {
  readonly item: RunItem;
  readonly entry: JournalEntry;
  readonly now: Date;
}
