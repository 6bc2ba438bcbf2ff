import type { Random } from '../../../demo/generator/random.js';
import { OrderEventService } from '../../../src/intake/http/order-event.service.js';
import type { IntakeAnswer } from '../../../src/intake/http/order-event.schema.js';
import { bytesOf } from '../../../src/intake/http/told-items.js';
import type { Caller } from '../../../src/access/caller.js';
import type { Clock } from '../../../src/platform/clock.js';
import { boughtOrder, payment, toldEvent, type SentEvent } from '../../support/told-events.js';
import type { Ended, SimulatedProcess } from '../process.js';

/** What a told order comes to, by the newest of its events. */
const endings = {
  placed: 'open',
  paid: 'open',
  cancelled: 'cancelled',
  shipped: 'shipped',
} as const;
type Kind = keyof typeof endings;

/**
 * A shop that tells of its orders by HTTP: its events wait, go out in any order, some of them again, and once more
 * where no answer came.
 */
export class TellingShop {
  /** all that has happened, in its order */
  readonly events: SentEvent[] = [];
  /** ids of what was sent at least once */
  readonly sent = new Set<string>();
  /** ids of what was acknowledged */
  readonly taken = new Set<string>();
  private readonly last = new Map<string, Kind>();

  constructor(
    readonly shopId: string,
    private readonly clock: Clock,
  ) {}

  /** Something happens to an order: a new one, or one that was not cancelled or shipped yet. */
  happen(random: Random): string {
    const going = [...this.last].filter(([, kind]) => kind === 'placed' || kind === 'paid');
    const [orderId = `t${this.last.size + 1}`, before] =
      going.length === 0 || random.chance(0.4) ? [] : random.pick(going);
    const kind = before === undefined ? 'placed' : followOn(before, random);
    const data = {
      placed: boughtOrder(orderId),
      paid: { payments: [payment] },
      cancelled: { actor: { kind: 'job', name: 'unpaid-orders' }, reason: 'payment not received' },
      shipped: {},
    }[kind];
    const at = new Date(this.clock.now().getTime() + this.events.length);
    this.last.set(orderId, kind);
    this.events.push(toldEvent(kind, { shop: this.shopId, orderId, at, ...data }));
    return `${orderId} ${kind}`;
  }

  /** Sends some of what was not acknowledged, and some of what was, in an order that is drawn. */
  choose(random: Random): SentEvent[] {
    const open = this.events.filter(({ id }) => !this.taken.has(id) && random.chance(0.8));
    const again = this.events.filter(({ id }) => this.taken.has(id) && random.chance(0.1));
    return [...open, ...again]
      .map((event) => ({ event, place: random.next() }))
      .sort((left, right) => left.place - right.place)
      .map(({ event }) => event);
  }

  async send(
    process: SimulatedProcess,
    caller: Caller,
    events: readonly SentEvent[],
  ): Promise<Ended> {
    for (const { id } of events) this.sent.add(id);
    return process.do(async () => {
      const telling = { caller, traceparent: null, items: itemsOf(events) };
      const answer = await process.get(OrderEventService).take(telling);
      if (answer.rejected === 0) for (const { id } of events) this.taken.add(id);
      return wordsOf(answer);
    });
  }

  /** How each order stands, by what happened to it. */
  standing(): ReadonlyMap<string, string> {
    return new Map([...this.last].map(([orderId, kind]) => [orderId, endings[kind]]));
  }
}

function followOn(before: Kind, random: Random): Kind {
  if (before === 'placed') return random.pick(['paid', 'paid', 'cancelled']);
  return random.pick(['cancelled', 'shipped']);
}

async function* itemsOf(events: readonly SentEvent[]) {
  for (const [index, value] of events.entries())
    yield await Promise.resolve({ index, value, bytes: bytesOf(value) });
}

function wordsOf({ kept, repeated, rejected, rejections }: IntakeAnswer): string {
  const why = rejections.map(({ code }) => code).join();
  return `kept ${kept}, repeated ${repeated}, rejected ${rejected}${why}`;
}
