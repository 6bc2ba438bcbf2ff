import { Injectable } from '@nestjs/common';
import type { EntryHead, JournalEntry, OrderEvent, SourcePosition } from '../orders/order-event.js';
import { assert } from '../platform/assert.js';
import { Database, type Reader, type Transaction } from '../platform/database/database.js';
import { Fault } from '../platform/errors.js';
import { inSpan, linkTo } from '../platform/telemetry/tracing/span.js';
import { JournalStore, type SourceMoment } from './journal.store.js';
import { countOrders, sumCounts, type OrderCount } from './order-tally.js';

/**
 * Every order change, once, in the order in which the shop committed it. Entries are never changed.
 * Readers follow by position: what is visible below a position stays complete, since positions are
 * given out under a lock that is held until the append commits.
 */
@Injectable()
export class JournalService {
  /** of which there are partitions, and which need not be asked for again */
  private readonly months = new Set<string>();

  constructor(
    private readonly database: Database,
    private readonly store: JournalStore,
  ) {}

  /**
   * Writes down events in the given (commit) order and gives the entries that are new. An event whose
   * key stands in the journal already is left out, so that a repeated delivery adds nothing. Call it at
   * the end of the transaction: it locks the shop's row until the commit.
   */
  async append(
    transaction: Transaction,
    shopId: string,
    events: readonly OrderEvent[],
    now: Date,
  ): Promise<JournalEntry[]> {
    const head = await this.prepare(transaction, shopId, events);
    if (events.length === 0) return [];
    const known = await this.store.known(transaction, shopId, events);
    const fresh = events.filter((_event, index) => !known.has(index));
    return this.write(transaction, shopId, { head, fresh, now });
  }

  /**
   * The same for events of source transactions of which nothing was in the journal (see `holds`) before the
   * caller's own transaction began, under a lock of the caller's: each event once. One that stands there all the
   * same is refused by the journal's key.
   */
  async appendNew(
    transaction: Transaction,
    shopId: string,
    fresh: readonly OrderEvent[],
    now: Date,
  ): Promise<JournalEntry[]> {
    const head = await this.prepare(transaction, shopId, fresh);
    return this.write(transaction, shopId, { head, fresh, now });
  }

  /** Whether anything of these source transactions stands in the journal. Locks the shop's row, as an append does. */
  async holds(
    transaction: Transaction,
    shopId: string,
    sources: readonly SourceMoment[],
  ): Promise<boolean> {
    await this.lock(transaction, shopId, sources);
    return this.store.holds(transaction, shopId, sources);
  }

  private async prepare(
    transaction: Transaction,
    shopId: string,
    events: readonly OrderEvent[],
  ): Promise<number> {
    assert(
      events.every((event) => event.shopId === shopId),
      'one append holds the events of one shop',
    );
    return this.lock(transaction, shopId, events);
  }

  /** Locks the shop's row, makes room for entries of these moments, and gives the position of the newest entry. */
  private async lock(
    transaction: Transaction,
    shopId: string,
    moments: readonly Moment[],
  ): Promise<number> {
    const head = await this.store.lockHead(transaction, shopId);
    if (head === undefined) throw missingShop(shopId);
    // before anything of the journal is read here: a reader's lock would stand in the way of a new partition
    const ofEachMonth = new Map(moments.map(monthAndTime));
    for (const month of this.months) ofEachMonth.delete(month);
    if (ofEachMonth.size > 0) {
      await this.store.makePartitions(transaction, [...ofEachMonth.values()]);
      transaction.afterCommit(() => {
        for (const month of ofEachMonth.keys()) this.months.add(month);
      });
    }
    return head;
  }

  private async write(
    transaction: Transaction,
    shopId: string,
    { head, fresh, now }: { head: number; fresh: readonly OrderEvent[]; now: Date },
  ): Promise<JournalEntry[]> {
    if (fresh.length === 0) return [];
    const attributes = { 'reinstate.shop': shopId, 'reinstate.events': fresh.length };
    await inSpan({ name: 'journal append', attributes }, async (span) => {
      await linkTo(span, () => Promise.resolve(fresh.map(({ traceparent }) => traceparent)));
      await this.store.insert(transaction, { shopId, head, now, events: fresh });
      await this.store.raiseHead(transaction, shopId, head + fresh.length);
      await this.tally(transaction, shopId, countOrders(fresh));
    });
    return fresh.map((event, index) => ({ ...event, position: head + index + 1, recordedAt: now }));
  }

  /** Counts what became of orders, beside what is journalled: see `order_tally`. */
  async tally(
    transaction: Transaction,
    shopId: string,
    counts: readonly OrderCount[],
  ): Promise<void> {
    if (counts.length > 0) await this.store.addTally(transaction, shopId, sumCounts(counts));
  }

  /** Up to `limit` entries after `position`, oldest first. */
  async readAfter(shopId: string, position: number, limit: number): Promise<JournalEntry[]> {
    return this.store.readAfter(this.database, { shopId, position, limit });
  }

  /** The same for whoever needs not know which rows changed. */
  async headsAfter(shopId: string, position: number, limit: number): Promise<EntryHead[]> {
    return this.store.headsAfter(this.database, { shopId, position, limit });
  }

  /** All entries of one order, oldest first. */
  async ofOrder(shopId: string, orderId: string): Promise<JournalEntry[]> {
    return this.store.ofOrders(this.database, shopId, [orderId]);
  }

  /** Where an order's entries after `position` stand, oldest first. */
  async positionsAfter(shopId: string, orderId: string, position: number): Promise<number[]> {
    return this.store.positionsAfter(this.database, { shopId, orderId, position });
  }

  /** All entries of several orders, by order, each oldest first. */
  async ofOrders(
    reader: Reader,
    shopId: string,
    orderIds: readonly string[],
  ): Promise<Map<string, JournalEntry[]>> {
    const entries = await this.store.ofOrders(reader, shopId, orderIds);
    return Map.groupBy(entries, (entry) => entry.orderId);
  }

  /** What one source transaction did: the entries of all its orders, and the one of shared rows. */
  async ofTransaction(shopId: string, source: SourcePosition): Promise<JournalEntry[]> {
    return this.store.ofTransactions(this.database, shopId, [source]);
  }

  /** The same of several transactions, by their `transactionName`. */
  async ofTransactions(
    shopId: string,
    sources: readonly SourcePosition[],
  ): Promise<Map<string, JournalEntry[]>> {
    const entries = await this.store.ofTransactions(this.database, shopId, sources);
    return Map.groupBy(entries, ({ source }) => transactionName(source));
  }

  /** Position of the newest entry; 0 for an empty journal. */
  async head(shopId: string): Promise<number> {
    const head = await this.store.head(this.database, shopId);
    if (head === undefined) throw missingShop(shopId);
    return head;
  }
}

type Moment = Pick<OrderEvent, 'committedAt'>;

/** An event's month, and a moment in it. */
function monthAndTime(event: Moment): [string, string] {
  return [event.committedAt.slice(0, 7), event.committedAt];
}

function missingShop(shopId: string): Fault {
  return new Fault('missing', 'shop-unknown', `there is no shop "${shopId}" in the configuration`);
}

/** Tells a source transaction from all others of its shop. */
export function transactionName(source: SourcePosition): string {
  return `${source.incarnation} ${source.commitLsn} ${source.transactionId}`;
}
