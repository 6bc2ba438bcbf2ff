import { setTimeout as pause } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { FaultOrder, FaultReport, FaultWay } from './fault-report.js';
import { type FaultSegment, findVictims, type Victim } from './victims.js';
import type { Struck } from './struck.js';
import { STRIKES } from './ways.js';

export interface FaultOptions {
  pool: Pool;
  way: FaultWay;
  /** So many orders quickly; after them the job trickles on until it is stopped. */
  orders: number;
  segment: FaultSegment;
  /** How long the first orders should take; by default as long as such a job plausibly does. */
  burstMs?: number | undefined;
  onError: (error: unknown) => void;
}

interface Rhythm {
  /** Orders per strike and the time from one strike to the next, first in the burst, then in the trickle. */
  burst: { size: number; everyMs: number };
  trickle: { size: number; everyMs: number };
}

/** After the one raw UPDATE of many orders. */
const SQL_REST_MS = 3000;
/** The job leaves orders alone that were placed less than so long before it looks. */
const SETTLED_MS = 10_000;

/**
 * The shop's "unpaid orders" job after a bad release: it takes paid orders for unpaid ones and
 * cancels them, each of another customer, until somebody stops it.
 */
export class UnpaidOrdersFault {
  readonly #report: FaultReport;
  readonly #customers: string[] = [];
  readonly #stopping = new AbortController();
  #finished: Promise<void> | undefined;

  constructor(private readonly options: FaultOptions) {
    this.#report = {
      way: options.way,
      running: false,
      startedAt: '',
      stoppedAt: null,
      cancelled: [],
      abandoned: [],
      errors: [],
    };
  }

  start(): void {
    if (this.#finished !== undefined) return;
    this.#report.running = true;
    this.#report.startedAt = new Date().toISOString();
    this.#finished = this.#run();
  }

  /** Stops after the orders in hand, none of them half way, and answers what was done. */
  async stop(): Promise<FaultReport> {
    this.#stopping.abort();
    await this.#finished;
    return this.report();
  }

  report(): FaultReport {
    return structuredClone(this.#report);
  }

  async #run(): Promise<void> {
    const { burst, trickle } = rhythmOf(this.options);
    while (!this.#stopping.signal.aborted) {
      const left = this.options.orders - this.#report.cancelled.length;
      const { size, everyMs } = left > 0 ? burst : trickle;
      const startedAt = performance.now();
      await this.#strike(left > 0 ? Math.min(size, left) : size);
      await this.#rest(everyMs - (performance.now() - startedAt));
    }
    this.#report.running = false;
    this.#report.stoppedAt = new Date().toISOString();
  }

  async #rest(ms: number): Promise<void> {
    const { signal } = this.#stopping;
    if (ms > 0) await pause(ms, undefined, { signal }).catch(() => undefined);
  }

  async #strike(count: number): Promise<void> {
    const { pool, way, segment } = this.options;
    try {
      const victims = await findVictims(pool, {
        count,
        segment,
        placedBefore: new Date(Date.now() - SETTLED_MS),
        notCustomers: this.#customers,
      });
      this.#customers.push(...victims.map((victim) => victim.customerId));
      const struck = await STRIKES[way](
        pool,
        victims.map((victim) => victim.orderId),
      );
      for (const one of struck) this.#note(victims, one);
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#report.errors.push(error instanceof Error ? error.message : String(error));
    this.options.onError(error);
  }

  #note(victims: readonly Victim[], struck: Struck): void {
    const { orderId, cancelled, transactions } = struck;
    if (struck.error !== undefined) this.#fail(struck.error);
    const victim = victims.find((one) => one.orderId === orderId);
    if (victim === undefined || transactions.length === 0) return;
    const order: FaultOrder = { ...victim, transactions, at: new Date().toISOString() };
    (cancelled ? this.#report.cancelled : this.#report.abandoned).push(order);
  }
}

/** Orders that the bot has in hand at once, by turns. */
const IN_HAND = 4;

/**
 * One order at a time, but all of them in one statement by raw SQL, and a few by turns line by line;
 * whatever the count, a burst of some seconds.
 */
export function rhythmOf(options: Pick<FaultOptions, 'way' | 'orders' | 'burstMs'>): Rhythm {
  const { way, orders } = options;
  if (way === 'sql') {
    const everyMs = options.burstMs ?? SQL_REST_MS;
    return { burst: { size: orders, everyMs }, trickle: { size: 2, everyMs: 5000 } };
  }
  const burstMs = options.burstMs ?? Math.min(20_000, orders * 400);
  if (way === 'lines') {
    const size = Math.min(IN_HAND, orders);
    const everyMs = burstMs / Math.ceil(orders / size);
    return { burst: { size, everyMs }, trickle: { size: 2, everyMs: 4000 } };
  }
  return {
    burst: { size: 1, everyMs: burstMs / orders },
    trickle: { size: 1, everyMs: 3000 },
  };
}
