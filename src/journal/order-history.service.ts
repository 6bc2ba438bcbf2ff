import { Injectable } from '@nestjs/common';
import { rowsAsOf } from '../orders/as-of.js';
import { rowName } from '../orders/fold.js';
import type { JournalEntry } from '../orders/order-event.js';
import type { RowImage } from '../orders/row-change.js';
import { Database, type Transaction } from '../platform/database/database.js';
import { JournalStore } from './journal.store.js';
import { OrderHistoryStore, type AsOf, type Loss } from './order-history.store.js';
import { RowImageStore, type RowRef } from './row-image.store.js';

/** An order's rows at a time. Personal values are sealed, as everywhere in the journal. */
export interface OrderAsOf {
  readonly rows: readonly (RowRef & { readonly image: RowImage })[];
  /** rows that were there then, of which nobody knows how they were */
  readonly unknown: readonly RowRef[];
  /** the newest entry at that time: the order had stood like this since; null where there was none yet */
  readonly last: JournalEntry | null;
  /** the first entry after that time */
  readonly next: JournalEntry | null;
  /** where the time falls into a gap: the rows are those that were last seen, and may have been otherwise */
  readonly gap: OrderGap | null;
}

/** When nobody saw what became of an order, and why. */
export type OrderGap = Omit<Loss, 'position'>;

/** What an order was at any time: the journal's fold, in the order in which the shop committed. */
@Injectable()
export class OrderHistory {
  constructor(
    private readonly database: Database,
    private readonly journal: JournalStore,
    private readonly images: RowImageStore,
    private readonly store: OrderHistoryStore,
  ) {}

  /**
   * The order as of a time. Where the shop's clock was set back in between, entries count as committed in
   * the order of the journal. Undefined for an order of which nothing was ever seen.
   */
  async asOf(shopId: string, orderId: string, at: AsOf): Promise<OrderAsOf | undefined> {
    return this.database.transaction(async (transaction) => {
      await this.store.freeze(transaction);
      const entries = await this.journal.ofOrders(transaction, shopId, [orderId]);
      const present = await this.images.ofOrder(transaction, shopId, orderId);
      if (entries.length + present.length === 0) return undefined;
      const cut = await this.cutOf(transaction, { shopId, orderId, at });
      const past = entries.filter(({ position }) => position <= cut);
      const later = entries.filter(({ position }) => position > cut);
      const refs = refsOf(present, entries);
      const found = rowsAsOf(
        new Map(present.map((row) => [rowName(row.table, row.key), row.image])),
        {
          past: past.flatMap(({ rowChanges }) => rowChanges),
          later: later.flatMap(({ rowChanges }) => rowChanges),
        },
      );
      const known = refs.flatMap((ref) => {
        const image = found.rows.get(rowName(ref.table, ref.key));
        return image === undefined ? [] : [{ ...ref, image }];
      });
      const [last, next] = [past.at(-1) ?? null, later[0] ?? null];
      const gap = await this.gapAt(transaction, { shopId, at, last, next, unseen: found.unseen });
      const unknown = refs.filter(({ table, key }) => found.unknown.has(rowName(table, key)));
      return { rows: known, unknown, last, next, gap };
    });
  }

  /** Position of the last entry that counts. */
  private async cutOf(
    transaction: Transaction,
    { at, ...order }: { shopId: string; orderId: string; at: AsOf },
  ): Promise<number> {
    if ('position' in at) return at.position;
    const later = await this.store.firstAfter(transaction, { ...order, moment: at.moment });
    return later === undefined ? Infinity : later - 1;
  }

  private async gapAt(
    transaction: Transaction,
    given: Pick<OrderAsOf, 'last' | 'next'> & { shopId: string; at: AsOf; unseen: boolean },
  ): Promise<OrderGap | null> {
    const { shopId, at, last, next, unseen } = given;
    if ('moment' in at) {
      const loss = await this.store.lossAt(transaction, shopId, at.moment);
      if (loss !== undefined) return { since: loss.since, until: loss.until, reason: loss.reason };
    }
    if (next === null) return null;
    const { position, committedAt: until, reason } = next;
    if (unseen) return { since: last?.committedAt ?? null, until, reason: unseenReason };
    if (!next.kinds.includes('gap')) return null;
    // found changed by the snapshot that followed on a loss: how it was until then nobody knows
    const loss = await this.store.lossBefore(transaction, shopId, { position, at });
    return loss?.isPast === true ? { since: loss.since, until, reason } : null;
  }
}

const unseenReason = 'the order changed without our having seen it';

/** Every row that the order has or had, each once. */
function refsOf(present: readonly RowRef[], entries: readonly JournalEntry[]): RowRef[] {
  const refs = [...present, ...entries.flatMap(({ rowChanges }) => rowChanges)];
  const byName = new Map(refs.map(({ table, key }) => [rowName(table, key), { table, key }]));
  return [...byName.values()];
}
