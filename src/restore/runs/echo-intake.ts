import { Injectable } from '@nestjs/common';
import type { JournalEntry } from '../../orders/order-event.js';
import type { Transaction } from '../../platform/database/database.js';
import type { Shop } from '../../shops/shop-registry.js';
import { EchoComparison, type ComparedEcho } from './echo-comparison.js';
import { EchoedItems, type EchoGroup } from './echoed-items.js';
import { HandRuns } from './hand-runs.js';
import { ItemOutcomes, type EndedAt } from './item-outcomes.js';
import { RunItemStore } from './run-item.store.js';
import { RunStore } from './run.store.js';
import { isContradicted } from './settlement.js';
import { Settlements } from './settlements.js';

export interface Echo {
  readonly shop: Shop;
  readonly entry: JournalEntry;
  readonly now: Date;
}

/** Takes in the echo of one of our own writes: compares it with the plan, and settles the item by it. */
@Injectable()
export class EchoIntake {
  constructor(
    private readonly comparison: EchoComparison,
    private readonly runs: RunStore,
    private readonly items: RunItemStore,
    private readonly outcomes: ItemOutcomes,
    private readonly hands: HandRuns,
    private readonly settlements: Settlements,
    private readonly together: EchoedItems,
  ) {}

  /** What to take in, by the entry's position; read before a transaction begins. */
  async compare(shop: Shop, entries: readonly JournalEntry[]): Promise<Map<number, ComparedEcho>> {
    return this.comparison.of(shop, entries);
  }

  /** Several at once; false, and nothing is written, where each of them has to be taken by itself. */
  async takeAll(transaction: Transaction, group: EchoGroup): Promise<boolean> {
    return this.together.prove(transaction, group);
  }

  /** False where no run of this shop has to do with it. */
  async take(
    transaction: Transaction,
    { shop, entry, now }: Echo,
    { planItem, difference }: ComparedEcho,
  ): Promise<boolean> {
    const runId = await this.hands.runOf(transaction, { shop, planItem, now });
    const run = await this.runs.lock(transaction, runId);
    if (run?.shopId !== shop.id) return false;
    const seen = { position: entry.position, difference };
    const item = await this.items.setEcho(transaction, planItem.id, seen);
    if (item === undefined) return false;
    const isByHand = await this.settle(transaction, { run, item, now }, entry);
    if (isByHand) await this.hands.tell(transaction, { run, item, now });
    return true;
  }

  /** True where nobody of ours was writing it: somebody ran the plan's SQL. */
  private async settle(
    transaction: Transaction,
    ended: EndedAt,
    entry: JournalEntry,
  ): Promise<boolean> {
    const { item } = ended;
    const contradicted = isContradicted(item, entry);
    const isIdle = item.state === 'pending' || item.state === 'refused' || item.state === 'failed';
    const isTaken = isIdle && (await this.items.isTaken(transaction, item));
    // also while an attempt is under way: what befalls the order next is read before its runner may say anything
    if (!isTaken) await this.outcomes.proven(transaction, ended);
    if (contradicted) await this.settlements.tellContradicted(transaction, ended, entry.position);
    return isIdle && !contradicted;
  }
}
