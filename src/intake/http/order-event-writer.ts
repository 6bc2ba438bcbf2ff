import { setImmediate } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { JournalService } from '../../journal/journal.service.js';
import { PersonalData } from '../../journal/personal-data.js';
import { RowImageStore, type StoredRow } from '../../journal/row-image.store.js';
import { rowName } from '../../orders/fold.js';
import type { OrderEvent } from '../../orders/order-event.js';
import { present } from '../../platform/assert.js';
import { Clock } from '../../platform/clock.js';
import { Database, type Transaction } from '../../platform/database/database.js';
import { KeyedLocks } from '../../platform/work/keyed-locks.js';
import { Wake } from '../../platform/work/wake.js';
import { entryOf } from './compose-entry.js';
import type { Rejection } from './order-event.schema.js';
import { OrderEventStore } from './order-event.store.js';
import { rejectionOf, type GoodEvent } from './read-event.js';
import { hashesOf, isSameEvent, keyName, type SealedNames } from './repetition.js';
import { orderRow, tell, textOf, type ToldRows } from './told-order.js';

/** Whoever waits longer for the shop's other requests is told to come again. */
const waitMsMax = 5_000;

/** What became of some events of one shop. */
export interface Written {
  readonly kept: number;
  readonly repeated: number;
  /** places of events that are older than what was known of their order */
  readonly outOfOrder: readonly number[];
  readonly rejections: readonly Rejection[];
}

interface Batch {
  readonly shopId: string;
  readonly events: readonly GoodEvent[];
  /** who told them */
  readonly personId: string;
}

/** An event with its personal values sealed, and whose key they are under. */
interface Sealed {
  readonly event: GoodEvent;
  readonly keyOf: string;
  readonly sealed: SealedNames;
}

/** An event that is new, with its place among all of the shop. */
interface Numbered extends Sealed {
  readonly sequence: number;
}

/** Orders as the events before left them, by id. */
type Orders = ReadonlyMap<string, ToldRows>;

/** What new events come to. */
interface Composed {
  readonly entries: readonly OrderEvent[];
  /** places of events that are older than what was known of their order */
  readonly outOfOrder: readonly number[];
  /** the orders that were read, as the events leave them */
  readonly orders: Orders;
}

/** Writes order events down: keys, journal entries and row images in one transaction of ours. */
@Injectable()
export class OrderEventWriter {
  /** the database's lock sees to that between processes; here whoever waits holds no connection meanwhile */
  private readonly shops = new KeyedLocks();

  constructor(
    private readonly database: Database,
    private readonly journal: JournalService,
    private readonly rowImages: RowImageStore,
    private readonly personalData: PersonalData,
    private readonly store: OrderEventStore,
    private readonly clock: Clock,
    private readonly wake: Wake,
  ) {}

  /**
   * Takes the events in the given order, each once: one whose key is known is passed over, or rejected
   * where it says something else. All that is kept is kept together. One shop's batches come in turn.
   */
  async write(batch: Batch): Promise<Written> {
    const written = await this.shops.run([batch.shopId], () =>
      this.database.transaction((transaction) => this.writeIn(transaction, batch)),
    );
    if (written.kept > 0) this.wake.notify('detection');
    return written;
  }

  private async writeIn(transaction: Transaction, batch: Batch): Promise<Written> {
    const { shopId } = batch;
    const now = this.clock.now();
    await this.store.limitStatements(transaction, waitMsMax);
    const sequence = await this.store.lockStream(transaction, shopId, now);
    const orders = await this.readOrders(transaction, batch);
    const sorted = await this.sort(transaction, batch, orders);
    const fresh = sorted.fresh.map((one, index) => ({ ...one, sequence: sequence + index + 1 }));
    const { composed, rejections } = await this.claim(
      transaction,
      { ...batch, now, fresh },
      orders,
    );
    const { entries, outOfOrder } = composed;
    // the sequence, given out under the stream's lock, makes each of them one that was never there
    await this.journal.appendNew(transaction, shopId, entries, now);
    await this.rowImages.write(transaction, shopId, imagesOf(composed));
    await this.store.raise(transaction, shopId, sequence + fresh.length);
    return {
      kept: entries.length,
      repeated: sorted.repeated,
      outOfOrder,
      rejections: [...sorted.rejections, ...rejections],
    };
  }

  private async readOrders(transaction: Transaction, { shopId, events }: Batch): Promise<Orders> {
    const orderIds = [...new Set(events.map(({ data }) => data.orderId))];
    const stored = await this.rowImages.ofOrders(transaction, shopId, orderIds);
    return new Map(orderIds.map((orderId) => [orderId, rowsOf(stored.get(orderId) ?? [])]));
  }

  /** Tells new events from those that were taken before, under the shop's lock. */
  private async sort(
    transaction: Transaction,
    { shopId, events }: Batch,
    orders: Orders,
  ): Promise<{ fresh: Sealed[]; repeated: number; rejections: Rejection[] }> {
    const keys = events.map(({ source, id }) => ({ source, eventId: id }));
    const found = await this.store.known(transaction, keys);
    const known = new Map(
      found.map((one) => [keyName({ source: one.source, id: one.eventId }), one]),
    );
    const owners = keyOwners(events, orders);
    const sealed = await this.seal(
      transaction,
      shopId,
      events.map((event, index) => ({
        event,
        // as it was sealed before, so that it can be compared
        keyOf: known.get(keyName(event))?.personalKeyOf ?? owners[index] ?? '',
      })),
    );
    const firsts = new Map<string, GoodEvent>();
    const fresh: Sealed[] = [];
    const rejections: Rejection[] = [];
    for (const one of sealed) {
      const name = keyName(one.event);
      const taken = known.get(name);
      const first = firsts.get(name);
      if (taken === undefined && first === undefined) {
        firsts.set(name, one.event);
        fresh.push(one);
      } else if (!(taken === undefined ? isAlike(first, one.event) : isSameEvent(taken, one))) {
        rejections.push(reused(one.event));
      }
    }
    const repeated = events.length - fresh.length - rejections.length;
    return { fresh, repeated, rejections };
  }

  private async seal(
    transaction: Transaction,
    shopId: string,
    given: readonly { event: GoodEvent; keyOf: string }[],
  ): Promise<Sealed[]> {
    const telling = given.filter(({ event }) => Object.keys(personalOf(event)).length > 0);
    const values = await this.personalData.seal(
      transaction,
      shopId,
      telling.map(({ event, keyOf }) => ({ keyOf, values: Object.values(personalOf(event)) })),
    );
    const sealedOf = new Map(telling.map(({ event }, index) => [event, values[index] ?? []]));
    return given.map(({ event, keyOf }) => {
      const sealed = sealedOf.get(event) ?? [];
      const names = Object.keys(personalOf(event)).map((name, index) => [
        name,
        present(sealed[index], 'every value given was sealed'),
      ]);
      return { event, keyOf, sealed: Object.fromEntries(names) as SealedNames };
    });
  }

  /** Writes the keys of new events down; one that another shop's request was first with is rejected. */
  private async claim(
    transaction: Transaction,
    given: Batch & { now: Date; fresh: readonly Numbered[] },
    orders: Orders,
  ): Promise<{ composed: Composed; rejections: Rejection[] }> {
    const { shopId, personId: toldBy, now, fresh } = given;
    if (fresh.length === 0) return { composed: compose([], orders), rejections: [] };
    const keys = fresh.map(({ event, sequence, ...personal }) => ({
      ...{ source: event.source, eventId: event.id, sequence },
      ...hashesOf(event, personal),
    }));
    const [added, foreseen] = await Promise.all([
      this.store.add(transaction, { shopId, toldBy, now }, keys),
      // while the database is at it: that a key is not ours is the exception
      setImmediate().then(() => compose(fresh, orders)),
    ]);
    if (added.length === fresh.length) return { composed: foreseen, rejections: [] };
    const names = new Set(added.map(({ source, eventId }) => keyName({ source, id: eventId })));
    const isOurs = ({ event }: Sealed) => names.has(keyName(event));
    return {
      composed: compose(fresh.filter(isOurs), orders),
      rejections: fresh.filter((one) => !isOurs(one)).map(({ event }) => reused(event)),
    };
  }
}

/** Folds the events into their orders as they were `known`. */
function compose(events: readonly Numbered[], known: Orders): Composed {
  const entries: OrderEvent[] = [];
  const outOfOrder: number[] = [];
  const orders = new Map(known);
  for (const { event, sealed: personal, sequence } of events) {
    const { orderId } = event.data;
    const before: ToldRows = orders.get(orderId) ?? new Map();
    const told = tell(before, { ...event, personal });
    orders.set(orderId, told.rows);
    if (told.isLate) outOfOrder.push(event.index);
    entries.push(entryOf(event, { told, before, sequence }));
  }
  return { entries, outOfOrder, orders };
}

function rowsOf(stored: readonly StoredRow[]): ToldRows {
  return new Map(stored.map(({ table, key, image }) => [rowName(table, key), { table, image }]));
}

/** The rows that the entries have changed, as they are now. */
function imagesOf({ entries, orders }: Composed): StoredRow[] {
  const images = new Map<string, StoredRow>();
  for (const { orderId, rowChanges } of entries)
    for (const { table, key } of rowChanges) {
      const name = rowName(table, key);
      const row = orders.get(orderId)?.get(name);
      if (row !== undefined) images.set(name, { table, key, orderId, image: row.image });
    }
  return [...images.values()];
}

/** Under whose key each event's personal values belong: the customer's, or (of a guest) the order's. */
function keyOwners(events: readonly GoodEvent[], orders: Orders): string[] {
  const customers = new Map<string, string | null>();
  return events.map(({ data: { orderId, customerId } }) => {
    const row = orderRow(orders.get(orderId) ?? new Map(), orderId);
    const known = customers.get(orderId) ?? (row === undefined ? null : textOf(row, 'customer_id'));
    const owner = customerId ?? known;
    customers.set(orderId, owner);
    return owner === null ? `order:${orderId}` : `customer:${owner}`;
  });
}

function personalOf({ data }: GoodEvent): Readonly<Record<string, string>> {
  return data.personal ?? {};
}

/** Two events of one request under one key: nothing is sealed yet, so all of them can be compared. */
function isAlike(first: GoodEvent | undefined, again: GoodEvent): boolean {
  if (first === undefined || first.content !== again.content) return false;
  const [one, other] = [personalOf(first), personalOf(again)];
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length && names.every((name) => one[name] === other[name])
  );
}

function reused(event: GoodEvent): Rejection {
  return rejectionOf({ index: event.index, value: event }, 'key-reused', {
    field: 'id',
    detail: 'another event was taken under this source and id; an event of its own needs a new id',
  });
}
