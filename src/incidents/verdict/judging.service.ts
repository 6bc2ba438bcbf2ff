import { Injectable } from '@nestjs/common';
import { JournalService } from '../../journal/journal.service.js';
import type { OrderCount } from '../../journal/order-tally.js';
import { RowImageStore, type StoredRow } from '../../journal/row-image.store.js';
import type { RowImage } from '../../orders/row-change.js';
import { Database, type Reader, type Transaction } from '../../platform/database/database.js';
import { newId } from '../../platform/ids.js';
import { ShopRegistry } from '../../shops/shop-registry.js';
import { coveringAnnouncement, exceededAnnouncement } from '../announcements/announcement.js';
import {
  AnnouncementStore,
  type CountedAnnouncement,
} from '../announcements/announcement.store.js';
import type { NewTimelineEntry } from '../timeline.js';
import { cancellationOf, type CancellationEvidence } from './evidence.js';
import type { VerdictFacts } from './facts.js';
import { JournalReach } from './journal-reach.js';
import {
  JudgingStore,
  type CaseToJudge,
  type JudgedCase,
  type RenewedCase,
  type UnknownCase,
} from './judging.store.js';
import { reasonReader } from './reason-phrases.js';
import { judge } from './verdict.js';

/** Orders whose journal is read at once: bounds memory. */
const batch = 500;

/** An order's cancellation with all that its verdict is judged by. */
export interface GatheredCancellation {
  readonly cancellation: CancellationEvidence;
  readonly facts: VerdictFacts;
}

/** The incident that is being worked on; its row is locked. */
export interface IncidentPlace {
  readonly incidentId: string;
  readonly shopId: string;
  readonly now: Date;
}

/**
 * Gathers what is known of cancellations and judges the cases by it. Everything is done for a batch of
 * orders at once: an incident may have ten thousand.
 */
@Injectable()
export class JudgingService {
  constructor(
    private readonly database: Database,
    private readonly journal: JournalService,
    private readonly rowImages: RowImageStore,
    private readonly shops: ShopRegistry,
    private readonly announcements: AnnouncementStore,
    private readonly store: JudgingStore,
    private readonly reach: JournalReach,
  ) {}

  /** The newest cancellation of each of these orders; orders without one in the journal are missing. */
  async gather(
    reader: Reader,
    shopId: string,
    orderIds: readonly string[],
  ): Promise<GatheredCancellation[]> {
    if (orderIds.length === 0) return [];
    const { profile } = this.shops.get(shopId);
    const entries = await this.journal.ofOrders(reader, shopId, orderIds);
    const rows = await this.rowImages.ofOrders(reader, shopId, orderIds);
    const cancellations = orderIds
      .map((orderId) =>
        cancellationOf({
          profile,
          entries: entries.get(orderId) ?? [],
          rows: byTable(rows.get(orderId) ?? []),
        }),
      )
      .filter((found) => found !== undefined);
    const announcements = await this.announcementsFor(reader, shopId, cancellations);
    const changes = await this.store.changesBefore(
      reader,
      shopId,
      cancellations.map((cancellation) => cancellation.startedAt),
    );
    return cancellations.map((cancellation, place) => ({
      cancellation,
      facts: {
        ...cancellation.facts,
        ...announcedFacts(cancellation, announcements),
        changeBefore: changes.get(place) ?? null,
      },
    }));
  }

  /**
   * Adds a case for each of these orders; `judge` then gives the verdicts. An order whose cancellation
   * the journal does not hold becomes a case for a person; those are what the timeline is to tell of.
   */
  async addOrders(
    transaction: Transaction,
    place: IncidentPlace,
    orderIds: readonly string[],
  ): Promise<NewTimelineEntry[]> {
    if (orderIds.length === 0) return [];
    const gathered = await this.gather(transaction, place.shopId, orderIds);
    await this.add(transaction, place, gathered);
    const known = new Set(gathered.map((one) => one.cancellation.orderId));
    const unknown = orderIds.filter((orderId) => !known.has(orderId)).map(orderOnly);
    return unknown.length === 0 ? [] : this.addUnknown(transaction, place, unknown);
  }

  /** Adds a case for each cancellation that has none yet; `judge` then gives the verdicts. */
  async add(
    transaction: Transaction,
    place: IncidentPlace,
    gathered: readonly GatheredCancellation[],
  ): Promise<number> {
    if (gathered.length === 0) return 0;
    const cases = gathered.map((one) => ({ ...one, id: newId() }));
    return this.store.add(transaction, place, cases);
  }

  /** Adds cases of orders whose cancellation the journal does not hold, for a person to look at. */
  async addUnknown(
    transaction: Transaction,
    place: IncidentPlace,
    orders: readonly Omit<UnknownCase, 'id'>[],
  ): Promise<NewTimelineEntry[]> {
    const cases = orders.map((order) => ({ ...order, id: newId() }));
    const added = await this.store.addUnknown(transaction, place, cases);
    const unsure = { what: 'unsure', actorKind: 'unknown', orders: added.length } as const;
    if (added.length > 0) await this.journal.tally(transaction, place.shopId, [unsure]);
    return added.map(({ id, orderId, orderNumber }) => ({
      type: 'case-added',
      caseId: id,
      data: { orderId, orderNumber, verdict: 'unsure', evidence: 'none' },
    }));
  }

  /**
   * A shop lists a cancelled order before the journal has come so far. Where the journal now tells of a
   * cancellation that had no evidence, its case is open again, to be judged; gives what the timeline is to tell.
   */
  async explain(
    transaction: Transaction,
    place: IncidentPlace,
    range: { after: number; upTo: number },
  ): Promise<NewTimelineEntry[]> {
    const orderIds = await this.store.ordersExplained(transaction, { ...place, ...range });
    if (orderIds.length === 0) return [];
    const gathered = await this.gather(transaction, place.shopId, orderIds);
    const explained = gathered.map(({ cancellation }) => cancellation.orderId);
    if (explained.length === 0) return [];
    const caseIds = await this.store.explain(transaction, place.incidentId, explained);
    await this.store.renew(transaction, place, gathered);
    const words = 'the journal holds its cancellation now';
    return caseIds.map((caseId) => ({
      type: 'case-state-changed',
      caseId,
      data: { from: 'person', to: 'open', words },
    }));
  }

  /**
   * Takes note of what the journal has learnt about the incident's orders in this range; gives how many
   * those are, and what the timeline is to tell.
   */
  async renew(
    transaction: Transaction,
    place: IncidentPlace,
    range: { after: number; upTo: number },
  ): Promise<{ orders: number; entries: NewTimelineEntry[] }> {
    const orderIds = await this.store.ordersWithNews(transaction, { ...place, ...range });
    const entries: NewTimelineEntry[] = [];
    for (let start = 0; start < orderIds.length; start += batch) {
      const gathered = await this.gather(
        transaction,
        place.shopId,
        orderIds.slice(start, start + batch),
      );
      const renewed = await this.store.renew(transaction, place, gathered);
      entries.push(...renewed.flatMap(renewalEntries));
    }
    await this.store.markRead(transaction, place.incidentId, orderIds);
    return { orders: orderIds.length, entries };
  }

  /**
   * Up to when cancellations have settled: null where none of the incident's waits for it, or where the
   * journal has not come so far. May ask the shop: not to be called with locks held.
   */
  async settledUntil(incident: { id: string; shopId: string }, now: Date): Promise<Date | null> {
    if (!(await this.store.waitsToSettle(this.database, incident.id, now))) return null;
    return this.reach.until(incident.shopId, now);
  }

  /** Cases whose cancellation has settled by then are to be judged again; gives how many. */
  async settle(
    transaction: Transaction,
    { incidentId }: IncidentPlace,
    until: Date | null,
  ): Promise<number> {
    return until === null ? 0 : this.store.settle(transaction, incidentId, until);
  }

  /**
   * Gives a verdict to each case that is new, knows more, has settled, or finds itself in other
   * company; gives what the timeline is to tell of it.
   */
  async judge(transaction: Transaction, place: IncidentPlace): Promise<NewTimelineEntry[]> {
    const cases = await this.store.toJudge(transaction, place.incidentId);
    if (cases.length === 0) return [];
    const shop = this.shops.list().find(({ id }) => id === place.shopId);
    const reasons = reasonReader(shop?.profile.cancellation.reasons);
    const judged = cases.map((one): JudgedCase => ({
      id: one.id,
      company: one.company,
      ...judge({ ...one, reasons }),
    }));
    await this.store.write(transaction, judged, place.now);
    const counts = cases.flatMap((one, index) => countsOf(one, judged[index]));
    await this.journal.tally(transaction, place.shopId, counts);
    return cases
      .map((one, index) => changeEntry(one, judged[index]))
      .filter((entry) => entry !== undefined);
  }

  private async announcementsFor(
    reader: Reader,
    shopId: string,
    cancellations: readonly CancellationEvidence[],
  ): Promise<CountedAnnouncement[]> {
    if (cancellations.length === 0) return [];
    const times = cancellations.map((cancellation) => cancellation.cancelledAt.getTime());
    const from = new Date(times.reduce((least, time) => Math.min(least, time)));
    const to = new Date(times.reduce((most, time) => Math.max(most, time)));
    return this.announcements.inForce(reader, { shopId, from, to });
  }
}

function announcedFacts(
  cancellation: CancellationEvidence,
  announcements: readonly CountedAnnouncement[],
): Pick<VerdictFacts, 'announced' | 'beyondAnnounced'> {
  const { attributes, facts, cancelledAt: at, position } = cancellation;
  const { actorKind, actor, reason } = facts;
  const looked = { attributes, actorKind, actor, reason, at, position };
  const covering = coveringAnnouncement(announcements, looked);
  if (covering !== undefined) return { announced: covering.reason, beyondAnnounced: null };
  const exceeded = exceededAnnouncement(announcements, looked);
  return {
    announced: null,
    beyondAnnounced:
      exceeded === undefined
        ? null
        : { reason: exceeded.reason, greatestCount: exceeded.greatestCount },
  };
}

/** What the timeline tells of a case that knows of another cancellation, or of other money. */
function renewalEntries(one: RenewedCase): NewTimelineEntry[] {
  const { id: caseId, orderId, orderNumber, fromPosition, toPosition, fromMinor, toMinor } = one;
  const entries: NewTimelineEntry[] = [];
  if (fromPosition !== null && fromPosition !== toPosition) {
    const data = { orderId, orderNumber, fromPosition, toPosition, verdictDropped: one.byPerson };
    entries.push({ type: 'case-cancelled-again', caseId, data });
  }
  if (fromMinor !== null && toMinor !== null && fromMinor !== toMinor) {
    const data = { orderId, orderNumber, fromMinor, toMinor, currency: one.currency };
    entries.push({ type: 'money-changed', caseId, data });
  }
  return entries;
}

/** A verdict that is new is counted; one that was given before is not counted again. */
function countsOf(one: CaseToJudge, judged: JudgedCase | undefined): OrderCount[] {
  if (judged === undefined || (one.judged && one.verdict === judged.verdict)) return [];
  return [{ what: judged.verdict, actorKind: one.facts.actorKind, orders: 1 }];
}

/** What the timeline tells: a new case, or a verdict that has become another one. */
function changeEntry(
  one: CaseToJudge,
  judged: JudgedCase | undefined,
): NewTimelineEntry | undefined {
  if (judged === undefined) return undefined;
  const { orderId, orderNumber, verdict: from } = one;
  const { verdict, reasons } = judged;
  if (!one.judged) {
    const data = { orderId, orderNumber, verdict, evidence: 'journal' as const };
    return { type: 'case-added', caseId: one.id, data };
  }
  if (from === verdict) return undefined;
  return {
    type: 'verdict-changed',
    caseId: one.id,
    data: { from, to: verdict, reasons: [...reasons] },
  };
}

function byTable(rows: readonly StoredRow[]): Map<string, RowImage[]> {
  const grouped = Map.groupBy(rows, (row) => row.table);
  return new Map([...grouped].map(([table, stored]) => [table, stored.map((row) => row.image)]));
}

/** All that is known of an order whose journal is not there. */
function orderOnly(orderId: string): Omit<UnknownCase, 'id'> {
  return {
    orderId,
    orderNumber: null,
    cancelledAt: null,
    customerId: null,
    totalMinor: null,
    heldMinor: null,
    currency: null,
  };
}
