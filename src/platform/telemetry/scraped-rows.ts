import { Counter, type Registry } from 'prom-client';
import type { Clock } from '../clock.js';
import { readBriefly } from '../database/brief-read.js';
import type { Database, Reader } from '../database/database.js';
import { messageOf } from '../errors.js';
import { Log } from './log.js';

export interface ScrapeLimits {
  /** of one statement, by the server */
  readonly statementMs: number;
  /** of all reads of one scrape together */
  readonly scrapeMs: number;
}

/** Each read takes a few milliseconds; Prometheus asks every few seconds, and gives up after as many. */
const usualLimits: ScrapeLimits = { statementMs: 1_000, scrapeMs: 3_000 };
/** The server gives up first; this is for one that does not answer, and for a pool that has no connection. */
const graceMs = 500;

/** Reads what a metric shows; undefined where it could not be read in time. */
export type ScrapedRead<T> = () => Promise<T | undefined>;

/**
 * Numbers that come from rows are read when they are asked for: every process then tells the same, and a
 * restart changes nothing. The reads of one scrape take turns on one connection, are shared by all metrics
 * that show them, and are limited in time: what cannot be read is left out of the answer, counted in
 * `reinstate_scrape_failures_total{rows}` and logged, and the rest is answered all the same.
 */
export class ScrapedRows {
  private readonly log = new Log('Metrics');
  private readonly failures: Counter<'rows'>;
  /** what each read fails with since it last worked */
  private readonly failing = new Map<string, string>();
  private turn: Promise<unknown> = Promise.resolve();
  private waiting = 0;
  private endsAt = 0;

  constructor(
    registry: Registry,
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly limits: ScrapeLimits = usualLimits,
  ) {
    this.failures = new Counter({
      name: 'reinstate_scrape_failures_total',
      help: 'Times that numbers could not be read from the database for a scrape, and were left out of it.',
      labelNames: ['rows'],
      registers: [registry],
    });
  }

  /** A read under a name of its own; asked several times at once, it is made once. */
  define<T>(rows: string, read: (reader: Reader, now: Date) => Promise<T>): ScrapedRead<T> {
    this.failures.inc({ rows }, 0);
    let running: Promise<T | undefined> | undefined;
    return () => {
      running ??= this.inTurn(() => this.look(rows, read)).finally(() => (running = undefined));
      return running;
    };
  }

  private async inTurn<T>(look: () => Promise<T>): Promise<T> {
    if (this.waiting === 0) this.endsAt = performance.now() + this.limits.scrapeMs;
    this.waiting += 1;
    const answer = this.turn.then(look);
    this.turn = answer;
    try {
      return await answer;
    } finally {
      this.waiting -= 1;
    }
  }

  /** Never rejects: one that fails must not take the others with it. */
  private async look<T>(
    rows: string,
    read: (reader: Reader, now: Date) => Promise<T>,
  ): Promise<T | undefined> {
    const now = this.clock.now();
    const leftMs = Math.floor(this.endsAt - performance.now());
    const limitMs = Math.min(this.limits.statementMs, leftMs);
    try {
      if (limitMs <= 0) throw new Error('the reads of this scrape took too long together');
      const found = await within(
        limitMs + graceMs,
        readBriefly(this.database, limitMs, (reader) => read(reader, now)),
      );
      this.failing.delete(rows);
      return found;
    } catch (error) {
      this.tell(rows, messageOf(error));
      return undefined;
    }
  }

  /** Counted each time, logged once while it goes on with the same words. */
  private tell(rows: string, message: string): void {
    this.failures.inc({ rows });
    if (this.failing.get(rows) === message) return;
    this.failing.set(rows, message);
    this.log.warn(
      { event: 'metrics-not-read', rows },
      `numbers of a scrape are left out, since they cannot be read: ${message}`,
    );
  }
}

/** What the work gives, or a refusal to wait any longer. */
async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error('the database of Reinstate did not answer in time')),
      limitMs,
    );
  });
  try {
    return await Promise.race([work, tooLong]);
  } finally {
    clearTimeout(timer);
  }
}
