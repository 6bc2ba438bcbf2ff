import { Logger } from '@nestjs/common';
import { MappingMismatch } from './interpret/draft-image.js';
import { StreamReplaced } from './replication.store.js';
import { placeOf, shopProblem } from './source/shop-problem.js';
import type { StreamState } from './stream-state.js';
import type { StreamLease } from './stream-lease.js';
import type { StreamTimings } from './stream-timings.js';
import type { StreamParts } from './streamed-shop.js';

/** What one stream says of itself: its state and what is wrong, in its row, its metrics and the log. */
export class StreamStanding {
  private readonly logger = new Logger('Replication');
  private failures = 0;
  /** said once, however often it happens */
  private lastProblem: string | undefined;
  /** why the stream is not whole although it goes on: state `mismatch` as long as there is a reason */
  hindrance: string | null = null;

  constructor(
    private readonly shopId: string,
    private readonly parts: StreamParts,
    private readonly timings: Pick<StreamTimings, 'retryMs' | 'retryMsMax'>,
    private readonly lease: StreamLease,
  ) {}

  /** After a failure an open connection proves nothing yet: the next change may fail again. */
  async started(): Promise<void> {
    if (this.failures === 0) await this.tell();
  }

  /** Something was journalled, or there is nothing to journal: what failed before is over. */
  async sound(): Promise<void> {
    if (this.failures === 0) return;
    this.failures = 0;
    this.lastProblem = undefined;
    await this.tell();
  }

  /** Writes down what went wrong. A snapshot or a loss stays what it is: it is tried again from there. */
  async failed(error: unknown): Promise<void> {
    this.failures += 1;
    if (error instanceof StreamReplaced) return;
    const problem = shopProblem(error);
    if (problem !== this.lastProblem)
      this.logger.warn(`${problem}; trying again ${placeOf(error)}`);
    this.lastProblem = problem;
    const { store, database } = this.parts;
    try {
      const row = await store.read(database, this.shopId);
      if (row === undefined) return;
      const stays = row.state === 'snapshot' || row.state === 'lost';
      const state = error instanceof MappingMismatch ? 'mismatch' : 'interrupted';
      await this.set(stays ? row.state : state, `${problem}; ${this.nextTry()}`);
    } catch (ourOwn) {
      this.logger.warn(`our own database does not answer: ${shopProblem(ourOwn)}`);
    }
  }

  /** How long to wait before the next try. */
  get retryDelayMs(): number {
    const { retryMs, retryMsMax } = this.timings;
    return Math.min(retryMsMax, retryMs * 2 ** Math.max(0, this.failures - 1));
  }

  /** Passed over where another process follows the shop by now: it speaks for the stream. */
  async set(state: StreamState, problem: string | null): Promise<void> {
    if (!(await this.lease.holds())) return;
    const { shopId } = this;
    const now = this.parts.clock.now();
    await this.parts.store.setState(this.parts.database, { shopId, state, problem, now });
  }

  /** Changes of the whole shop were lost: a new slot and a new snapshot follow. `gap` tells all that was. */
  async lose(gap: string): Promise<void> {
    if (!(await this.lease.holds())) return;
    const { shopId } = this;
    this.lost(gap);
    const now = this.parts.clock.now();
    await this.parts.store.lose(this.parts.database, { shopId, gap, now });
  }

  /** Says that changes were lost. */
  lost(what: string): void {
    this.logger.error(`changes were lost at the source: ${what}`);
    this.parts.metrics.lost(this.shopId);
  }

  private async tell(): Promise<void> {
    const state = this.hindrance === null ? 'streaming' : 'mismatch';
    await this.set(state, this.hindrance).catch(() => undefined);
  }

  private nextTry(): string {
    const seconds = `${this.retryDelayMs / 1_000} s`;
    if (this.failures === 1) return `tried again after ${seconds}`;
    return `failed ${this.failures} times in a row, tried again after ${seconds}`;
  }
}
