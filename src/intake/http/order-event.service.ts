import { setImmediate } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { Caller } from '../../access/caller.js';
import { Clock } from '../../platform/clock.js';
import { Fault } from '../../platform/errors.js';
import { problemOf } from '../../platform/http/problem.filter.js';
import { ShopRegistry } from '../../shops/shop-registry.js';
import { IntakeGate } from './intake-gate.js';
import { InTurn } from './in-turn.js';
import { IntakeTally } from './intake-tally.js';
import type { IntakeAnswer } from './order-event.schema.js';
import { OrderEventWriter } from './order-event-writer.js';
import { OrderEventMetrics } from './order-event.metrics.js';
import { readEvent, rejectionOf, type GoodEvent, type ShopStanding } from './read-event.js';
import type { Item } from './told-items.js';

/** Events of one transaction: they hold the shop's lock together, and are in memory at once. */
const batchMax = { events: 500, bytes: 2 * 1_048_576 };
/** Events that are read and checked before others get their turn. */
const readAtOnce = 50;
/** Codes of PostgreSQL: a lock, or the whole statement, took too long. */
const tookTooLong = new Set(['55P03', '57014']);
const retryAfterSeconds = 5;

/** A request that tells of orders. */
export interface Telling {
  readonly caller: Caller;
  /** of the request, for events that bear no trace of their own */
  readonly traceparent: string | null;
  readonly items: AsyncIterable<Item>;
}

/** Takes order events that shops tell by HTTP. */
@Injectable()
export class OrderEventService {
  constructor(
    private readonly gate: IntakeGate,
    private readonly writer: OrderEventWriter,
    private readonly shops: ShopRegistry,
    private readonly metrics: OrderEventMetrics,
    private readonly clock: Clock,
  ) {}

  /**
   * Keeps the good events, in batches as they come, and says of each other one what is wrong. What was
   * kept before a failure stays: the whole may be told again, since each event counts once.
   * @throws Fault `intake-busy`, `journal-unavailable`, and what reading the body throws
   */
  async take(telling: Telling): Promise<IntakeAnswer> {
    return this.gate.through(async () => {
      const tally = new IntakeTally();
      const writing = new InTurn((events: readonly GoodEvent[]) =>
        this.write(events, telling, tally),
      );
      try {
        await this.takeAll(telling, tally, writing);
      } finally {
        await writing.settled();
      }
      const answer = tally.answer();
      this.metrics.answered(answer);
      return answer;
    });
  }

  /** While one batch is written the next one is read and checked. */
  private async takeAll(
    telling: Telling,
    tally: IntakeTally,
    writing: InTurn<readonly GoodEvent[]>,
  ): Promise<void> {
    let events: GoodEvent[] = [];
    let bytes = 0;
    let read = 0;
    for await (const item of telling.items) {
      read += 1;
      // a body that is there whole would keep what is being written waiting for us
      if (read % readAtOnce === 0) await setImmediate();
      const event = this.read(item, telling, tally);
      if (event === undefined || 'fault' in item) continue;
      events.push(event);
      bytes += item.bytes;
      if (events.length < batchMax.events && bytes < batchMax.bytes) continue;
      await writing.next(events);
      events = [];
      bytes = 0;
    }
    await writing.next(events);
    await writing.done();
  }

  private read(item: Item, { traceparent }: Telling, tally: IntakeTally): GoodEvent | undefined {
    if ('fault' in item) {
      this.refuse(tally, rejectionOf(item, item.fault, { detail: item.detail }));
      return undefined;
    }
    const now = this.clock.now();
    const read = readEvent(item, { now, traceparent, shop: (id) => this.standingOf(id) });
    if (read.ok) return read.value;
    this.refuse(tally, read.refusal);
    return undefined;
  }

  private refuse(tally: IntakeTally, rejection: Parameters<IntakeTally['reject']>[0]): void {
    tally.reject(rejection);
    this.metrics.rejected(rejection.code);
  }

  private standingOf(shopId: string): ShopStanding {
    const shop = this.shops.list().find(({ id }) => id === shopId);
    if (shop === undefined) return 'unknown';
    return shop.credentials === undefined ? 'told-by-http' : 'followed';
  }

  private async write(
    events: readonly GoodEvent[],
    { caller }: Telling,
    tally: IntakeTally,
  ): Promise<void> {
    for (const [shopId, own] of Map.groupBy(events, ({ data }) => data.shop)) {
      const batch = { shopId, events: own, personId: caller.personId };
      const written = await this.writer.write(batch).catch((error: unknown) => {
        throw unavailable(error);
      });
      tally.add(written);
      for (const { code } of written.rejections) this.metrics.rejected(code);
    }
  }
}

/** Where our own database cannot take them now, the caller is told when to come again. */
function unavailable(error: unknown): unknown {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : null;
  const isAway = tookTooLong.has(String(code)) || problemOf(error).status === 503;
  if (!isAway || error instanceof Fault) return error;
  return new Fault(
    'unavailable',
    'journal-unavailable',
    'the journal cannot be written just now; send the request again in a moment, what was kept of it counts once',
    { data: { retryAfterSeconds } },
  );
}
