import type { Pool } from 'pg';
import * as actions from './actions.js';
import { Activity, type ActivityReport, type TrafficError } from './activity.js';
import type { BackfilledShop } from './backfill.js';
import { type Decision, decideOfficeOrder, decideOrder } from './decisions.js';
import { LIVE_PACE, type LifeEvent, lifeOf } from './life.js';
import type { Customer } from './people.js';
import { type Random, randomFrom } from './random.js';
import { nextOrder, officeBuyersOpenOrders, unpaidOrders, type Worklist } from './worklist.js';

export interface TrafficOptions {
  pool: Pool;
  seed: string;
  customers: readonly Customer[];
  ordersPerSecond: number;
  /** How many orders the past has, and which of them are in the middle of their lives. */
  past: BackfilledShop;
  onError: (error: TrafficError) => void;
}

export interface TrafficReport extends ActivityReport {
  running: boolean;
  sale: boolean;
  ordersPerSecond: number;
}

/** A sale brings so many times the usual orders. */
const SALE_FACTOR = 5;
/** Per order placed; fewer than are placed, so that open orders slowly grow as in a busy hour. */
const FULFILMENT_SHARE = { to_pick: 0.1, to_ship: 0.1, to_deliver: 0.05 } as const;
const UNPAID_JOB_MS = 10_000;
const RESTOCK_BELOW = 60;
const RESTOCK_BY = 300;
/** More waiting actions than this means that the shop's database does not keep up, or hangs. */
const ACTIONS_IN_FLIGHT_MAX = 400;

/** One live order: what was decided, and its id once it is in the database. */
interface LiveOrder {
  decision: Decision;
  orderId: string | undefined;
}

/**
 * The shop's living customers and staff. What happens to an order is decided by the seed and the
 * order's index alone; when, by the clock. Actions run beside each other, as people do.
 */
export class Traffic {
  readonly #activity: Activity;
  readonly #arrivals: Random;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #inFlight = new Set<Promise<unknown>>();
  #index: number;
  #running = false;
  #sale = false;

  constructor(private readonly options: TrafficOptions) {
    this.#activity = new Activity(options.onError);
    this.#arrivals = randomFrom(options.seed, 'arrivals');
    this.#index = options.past.orders;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    for (const { orderId, decision, toCome } of this.options.past.unfinished) {
      this.#schedule({ decision, orderId }, toCome);
    }
    this.#nextArrival();
    for (const worklist of Object.keys(FULFILMENT_SHARE) as Worklist[]) this.#nextWork(worklist);
    this.#unpaidJob();
  }

  /** Begins nothing more and waits until all that has begun is done. */
  async stop(): Promise<void> {
    this.#running = false;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    await this.settled();
  }

  /** Waits for the actions in flight at this moment. */
  async settled(): Promise<void> {
    while (this.#inFlight.size > 0) await Promise.all([...this.#inFlight]);
  }

  setSale(sale: boolean): void {
    this.#sale = sale;
  }

  report(): TrafficReport {
    return {
      running: this.#running,
      sale: this.#sale,
      ordersPerSecond: this.#rate(),
      ...this.#activity.report(),
    };
  }

  /**
   * The office buyer cancels so many of its own orders (placing what is missing beforehand) and
   * gets its money back; answers their numbers.
   */
  async bulkCancel(count: number): Promise<string[]> {
    let open = await officeBuyersOpenOrders(this.options.pool, count);
    for (let missing = count - open.length; missing > 0; missing -= 1) await this.#officeOrder();
    open = await officeBuyersOpenOrders(this.options.pool, count);
    const { pool } = this.options;
    const reason = 'office move postponed';
    const cancelled = new Map<string, string>();
    for (const orderId of open) {
      const outcome = await this.#activity.run('customer_cancel', () =>
        actions.cancelOnPurpose(pool, { orderId, reason }),
      );
      if (outcome?.done === true) cancelled.set(orderId, outcome.number);
    }
    for (const orderId of cancelled.keys()) {
      await this.#activity.run('refund', () => actions.refund(pool, orderId, reason));
    }
    return [...cancelled.values()];
  }

  async #officeOrder(): Promise<void> {
    const { pool, seed, customers } = this.options;
    this.#index += 1;
    const decision = decideOfficeOrder({ seed, customers, index: this.#index, at: new Date() });
    const order: LiveOrder = { decision, orderId: undefined };
    await this.#place(order);
    const { orderId } = order;
    if (orderId !== undefined) await this.#activity.run('pay', () => actions.pay(pool, orderId));
  }

  #rate(): number {
    return this.options.ordersPerSecond * (this.#sale ? SALE_FACTOR : 1);
  }

  #nextArrival(): void {
    const wait = this.#arrivals.exponential(1000 / this.#rate());
    this.#after(wait, () => {
      this.#arrive();
      this.#nextArrival();
    });
  }

  #arrive(): void {
    const { seed, customers } = this.options;
    this.#index += 1;
    const at = new Date();
    const decision = decideOrder({ seed, customers, index: this.#index, at });
    const order: LiveOrder = { decision, orderId: undefined };
    this.#schedule(order, lifeOf(decision, { startsAt: at.getTime(), pace: LIVE_PACE }));
  }

  /** One event after the other: the next is timed when the one before it is done. */
  #schedule(order: LiveOrder, events: readonly LifeEvent[]): void {
    const [event, ...later] = events;
    if (event === undefined) return;
    this.#after(event.at - Date.now(), () => {
      this.#begin(async () => {
        if (await this.#act(order, event)) this.#schedule(order, later);
      });
    });
  }

  /** Whether the order's life goes on. */
  async #act(order: LiveOrder, { action }: LifeEvent): Promise<boolean> {
    const { pool } = this.options;
    const { decision, orderId } = order;
    if (action === 'cart') {
      order.orderId = await this.#activity.run('cart', () =>
        actions.fillCart(pool, decision.request),
      );
      return order.orderId !== undefined;
    }
    if (action === 'place') return this.#place(order);
    if (orderId === undefined) return false;
    const outcome = await this.#activity.run(action, () => {
      switch (action) {
        case 'reduce':
          return actions.reduce(pool, orderId);
        case 'pay':
          return actions.pay(pool, orderId);
        case 'refund':
          return actions.refund(pool, orderId, decision.cancelReason);
        case 'customer_cancel':
          return actions.cancelOnPurpose(pool, { orderId, reason: decision.cancelReason });
        case 'staff_cancel': {
          const { cancelReason: reason, staffLogin } = decision;
          return actions.cancelOnPurpose(pool, { orderId, reason, staffLogin });
        }
      }
    });
    return outcome?.done === true;
  }

  async #place(order: LiveOrder): Promise<boolean> {
    const { request } = order.decision;
    const outcome = await this.#activity.run('place', () =>
      actions.place(this.options.pool, order.orderId ?? request),
    );
    if (outcome === undefined) return false;
    if (!outcome.done) {
      if (outcome.reason === 'out_of_stock') {
        await this.#restock(
          order,
          request.lines.map((line) => line.productId),
        );
      }
      return false;
    }
    order.orderId = outcome.orderId;
    const low = outcome.left.filter((product) => product.quantity < RESTOCK_BELOW);
    await this.#restock(
      order,
      low.map((product) => Number(product.productId)),
    );
    return true;
  }

  async #restock(order: LiveOrder, productIds: readonly number[]): Promise<void> {
    const { warehouse } = order.decision.request;
    for (const productId of productIds) {
      await this.#activity.run('restock', () =>
        actions.restock(this.options.pool, { warehouse, productId, quantity: RESTOCK_BY }),
      );
    }
  }

  #nextWork(worklist: Worklist): void {
    const wait = 1000 / (this.options.ordersPerSecond * FULFILMENT_SHARE[worklist]);
    this.#after(wait, () => {
      this.#begin(() => this.#work(worklist));
      this.#nextWork(worklist);
    });
  }

  async #work(worklist: Worklist): Promise<void> {
    const { pool } = this.options;
    const perform = { to_pick: actions.pick, to_ship: actions.ship, to_deliver: actions.deliver };
    await this.#activity.run(worklist, async () => {
      const orderId = await nextOrder(pool, worklist);
      return orderId === undefined ? undefined : perform[worklist](pool, orderId);
    });
  }

  #unpaidJob(): void {
    this.#after(UNPAID_JOB_MS, () => {
      this.#begin(async () => {
        const { pool } = this.options;
        const due = await this.#activity.run('unpaid_job', () => unpaidOrders(pool, new Date()));
        for (const orderId of due ?? []) {
          await this.#activity.run('policy_cancel', () => actions.cancelUnpaid(pool, orderId));
        }
      });
      this.#unpaidJob();
    });
  }

  #after(waitMs: number, act: () => void): void {
    if (!this.#running) return;
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        act();
      },
      Math.max(0, waitMs),
    );
    this.#timers.add(timer);
  }

  #begin(act: () => Promise<void>): void {
    if (this.#inFlight.size >= ACTIONS_IN_FLIGHT_MAX) {
      const waiting = `${ACTIONS_IN_FLIGHT_MAX} actions are still waiting for the shop's database`;
      this.#activity.fail('begin', new Error(waiting));
      return;
    }
    const running = act()
      .catch((error: unknown) => this.#activity.fail('begin', error))
      .finally(() => this.#inFlight.delete(running));
    this.#inFlight.add(running);
  }
}
