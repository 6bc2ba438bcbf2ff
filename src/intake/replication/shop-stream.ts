import { Logger } from '@nestjs/common';
import type { Clock } from '../../platform/clock.js';
import type { Database } from '../../platform/database/database.js';
import { MappingMismatch } from './interpret/draft-image.js';
import type { ShopMapping } from './interpret/shop-mapping.js';
import { StreamReplaced, type Batch, type JournalWriter } from './journal-writer.js';
import type { ReplicationMetrics } from './replication.metrics.js';
import type { ReplicationStore } from './replication.store.js';
import type { SnapshotWriter } from './snapshot-writer.js';
import { readPublication } from './source/publication.js';
import { readSource, shopProblem, type SourceFacts } from './source/shop-server.js';
import { createSlot, delay, dropSlot, type HeldSlot } from './source/slot.js';
import {
  incarnationOf,
  mappingHashOf,
  planStream,
  type StreamRow,
  type StreamState,
} from './stream-state.js';
import { StreamSession } from './stream-session.js';

/** A shop, as far as its stream goes. */
export interface StreamedShop {
  readonly shopId: string;
  readonly mapping: ShopMapping;
  readonly replicateUrl: string;
  readonly readUrl: string;
}

/** What all streams share. */
export interface StreamParts {
  readonly database: Database;
  readonly store: ReplicationStore;
  readonly writer: JournalWriter;
  readonly snapshots: SnapshotWriter;
  readonly metrics: ReplicationMetrics;
  readonly clock: Clock;
}

export interface StreamTimings {
  readonly feedbackIntervalMs: number;
  readonly silenceMs: number;
  readonly noteIntervalMs: number;
  /** first wait before trying again; doubled each time up to `retryMsMax` */
  readonly retryMs: number;
  readonly retryMsMax: number;
  /** how long a new slot may wait for the shop's running transactions before it is tried again */
  readonly slotLimitMs: number;
}

export const defaultTimings: StreamTimings = {
  // well within the server's wal_sender_timeout (a minute), which ends connections that say nothing
  // and often enough that the journal is known to have passed the shop soon after it did
  feedbackIntervalMs: 1_000,
  silenceMs: 30_000,
  noteIntervalMs: 1_000,
  retryMs: 1_000,
  retryMsMax: 30_000,
  slotLimitMs: 600_000,
};

/**
 * Follows one attached shop for as long as the service runs: goes on where the journal is, begins anew
 * where the source lost changes (with a gap in the journal), and tries again after every failure.
 */
export class ShopStream {
  private readonly logger: Logger;
  private readonly stopping = new AbortController();
  private readonly mappingHash: string;
  private loop: Promise<void> | undefined;
  private session: StreamSession | undefined;
  private failures = 0;
  /** why changes are kept instead of journalled, where they are */
  private spooling: string | null = null;
  /** said once, however often it happens */
  private lastProblem: string | undefined;

  constructor(
    readonly shop: StreamedShop,
    private readonly parts: StreamParts,
    private readonly timings: StreamTimings,
  ) {
    this.logger = new Logger(`Replication ${shop.shopId}`);
    this.mappingHash = mappingHashOf(shop.mapping);
  }

  /** Starts to follow; `held` is a slot that was just made for a stream in state `snapshot`. */
  start(held?: HeldSlot): void {
    this.parts.metrics.open(this.shop.shopId);
    this.loop ??= this.follow(held);
  }

  /** Ends at the next safe point; nothing is confirmed by it that is not journalled. */
  async stop(): Promise<void> {
    this.stopping.abort(new Error('the stream was stopped'));
    this.session?.close();
    await this.loop;
  }

  /** Breaks the connection off and looks at everything anew. */
  reconsider(): void {
    this.session?.close();
  }

  private async follow(first: HeldSlot | undefined): Promise<void> {
    let held = first;
    while (!this.stopping.signal.aborted) {
      try {
        const given = held;
        held = undefined;
        if ((await this.cycle(given)) === 'detached') return;
      } catch (error) {
        if (this.isStopped()) return;
        await this.note(error);
        await delay(this.retryDelayMs(), this.stopping.signal);
      }
    }
    await held?.release();
  }

  private async cycle(held: HeldSlot | undefined): Promise<'detached' | 'again'> {
    const { shopId, replicateUrl } = this.shop;
    const row = await this.parts.store.read(this.parts.database, shopId);
    if (row === undefined || row.state === 'detached') return 'detached';
    const source = await readSource(replicateUrl, row.slotName);
    const plan = planStream(row, source, this.mappingHash);
    if (plan.do === 'snapshot') {
      if (plan.gap !== null && row.gap === null) await this.lose(plan.gap);
      await this.checkPublication(row);
      await this.beginAnew({ row, source, gap: plan.gap, held });
      return 'again';
    }
    await this.checkPublication(row);
    this.spooling = await this.drainSpool(row);
    if (plan.do === 'refresh' && this.spooling === null) await this.refresh(row, plan.from);
    else await this.stream(row, { from: plan.from });
    return 'again';
  }

  /** New slot, new images; what was lost in between gets its entry. */
  private async beginAnew(given: {
    row: StreamRow;
    source: SourceFacts;
    gap: string | null;
    held: HeldSlot | undefined;
  }): Promise<void> {
    const { row, source } = given;
    const held = given.held ?? (await this.newSlot(row));
    try {
      const generation = row.slotGeneration + 1;
      const incarnation = incarnationOf(source, generation);
      const { shopId } = this.shop;
      const { mappingHash } = this;
      const { consistentPoint } = held;
      const slot = { shopId, generation, incarnation, consistentPoint, mappingHash };
      const entries = await this.parts.snapshots.begin({ ...slot, gap: given.gap });
      this.parts.metrics.wrote(shopId, entries);
      await this.parts.snapshots.write({
        ...this.shop,
        snapshotName: held.snapshotName,
        signal: this.stopping.signal,
      });
      await this.setState('streaming', null);
    } finally {
      await held.release();
    }
  }

  private async newSlot(row: StreamRow): Promise<HeldSlot> {
    const { replicateUrl: url } = this.shop;
    await dropSlot(url, row.slotName);
    return createSlot({
      url,
      slotName: row.slotName,
      temporary: false,
      limitMs: this.timings.slotLimitMs,
      blocked: async (blockers) =>
        this.setState(row.state, `the new slot waits for ${blockers.join('; ')}`),
    });
  }

  private async stream(row: StreamRow, range: { from: string; stopAt?: string }): Promise<void> {
    const { shopId, mapping, replicateUrl } = this.shop;
    const { store, database, metrics, clock } = this.parts;
    const incarnation = row.incarnation ?? '';
    const session = new StreamSession(
      {
        ...this.timings,
        url: replicateUrl,
        slotName: row.slotName,
        publicationName: row.publicationName,
        startLsn: range.from,
        ...(range.stopAt === undefined ? {} : { stopAt: range.stopAt }),
      },
      {
        started: () => void this.started(),
        heard: () => metrics.heard(shopId),
        write: (transactions) => this.write({ shopId, mapping, incarnation, transactions }),
        note: async (lsn) => {
          const now = clock.now();
          const isOurs = await store.confirm(database, { shopId, incarnation, lsn, now });
          if (!isOurs) throw new StreamReplaced(`the stream of ${shopId} was replaced`);
        },
      },
    );
    this.session = session;
    if (this.isStopped()) return;
    try {
      await session.run();
    } finally {
      this.session = undefined;
    }
  }

  /** Journals a batch; from the first one on that does not fit the profile, keeps them for later instead. */
  private async write(batch: Batch): Promise<void> {
    const { writer, metrics } = this.parts;
    if (this.spooling === null) {
      try {
        metrics.wrote(batch.shopId, await writer.write(batch));
        return;
      } catch (error) {
        if (!(error instanceof MappingMismatch)) throw error;
        this.spooling = error.message;
        this.logger.error(`${error.message}; changes are kept until the profile is mended`);
      }
    }
    await writer.spool(batch);
    await this.setState('mismatch', this.spooling);
  }

  /** Interprets what was kept; null where nothing is left, else why it still does not fit. */
  private async drainSpool(row: StreamRow): Promise<string | null> {
    const { shopId, mapping } = this.shop;
    const incarnation = row.incarnation ?? '';
    try {
      let drained: number;
      do drained = await this.parts.writer.drainSpool({ shopId, mapping, incarnation });
      while (drained > 0);
      return null;
    } catch (error) {
      if (error instanceof MappingMismatch) return error.message;
      throw error;
    }
  }

  /**
   * The profile maps other columns than the images hold: journals up to a snapshot, reads the images
   * anew as of it, and goes on from there. Nothing is lost by it.
   */
  private async refresh(row: StreamRow, from: string): Promise<void> {
    const { shopId, mapping, replicateUrl } = this.shop;
    const held = await createSlot({
      url: replicateUrl,
      slotName: `${row.slotName.slice(0, 55)}_refresh`,
      temporary: true,
      limitMs: this.timings.slotLimitMs,
    });
    try {
      await this.stream(row, { from, stopAt: held.consistentPoint });
      this.stopping.signal.throwIfAborted();
      const { snapshotName } = held;
      const { signal } = this.stopping;
      await this.parts.snapshots.write({ ...this.shop, snapshotName, signal });
      const now = this.parts.clock.now();
      const { mappingHash } = this;
      await this.parts.store.setMapping(this.parts.database, { shopId, mappingHash, now });
      this.logger.log(`row images read anew for a changed profile (${mapping.profile.profile})`);
    } finally {
      await held.release();
    }
  }

  /** A watched table that is not published any more has lost changes; one that is newly mapped has not. */
  private async checkPublication(row: StreamRow): Promise<void> {
    const { mapping, readUrl } = this.shop;
    const tables = [...mapping.tables.keys()];
    const { missing } = await readPublication(readUrl, row.publicationName, tables);
    if (missing.length === 0) return;
    const text = `the publication ${row.publicationName} does not hold ${missing.join(', ')}: attach the shop again`;
    if (row.mappingHash === this.mappingHash && row.gap === null && row.state !== 'snapshot') {
      await this.lose(text);
    }
    throw new MappingMismatch(text);
  }

  private async lose(gap: string): Promise<void> {
    const { shopId } = this.shop;
    this.logger.error(`changes were lost at the source: ${gap}`);
    this.parts.metrics.lost(shopId);
    this.parts.metrics.is(shopId, 'lost');
    await this.parts.store.lose(this.parts.database, {
      shopId,
      gap,
      now: this.parts.clock.now(),
    });
  }

  private async started(): Promise<void> {
    this.failures = 0;
    this.lastProblem = undefined;
    const state = this.spooling === null ? 'streaming' : 'mismatch';
    await this.setState(state, this.spooling).catch(() => undefined);
  }

  /** Writes down what went wrong. A snapshot or a loss stays what it is: it is tried again from there. */
  private async note(error: unknown): Promise<void> {
    this.failures += 1;
    if (error instanceof StreamReplaced) return;
    const problem = shopProblem(error);
    if (problem !== this.lastProblem) this.logger.warn(`${problem}; trying again`);
    this.lastProblem = problem;
    const { store, database } = this.parts;
    try {
      const row = await store.read(database, this.shop.shopId);
      if (row === undefined) return;
      const stays = row.state === 'snapshot' || row.state === 'lost';
      const state = error instanceof MappingMismatch ? 'mismatch' : 'interrupted';
      await this.setState(stays ? row.state : state, problem);
    } catch (ourOwn) {
      this.logger.warn(`our own database does not answer: ${shopProblem(ourOwn)}`);
    }
  }

  private async setState(state: StreamState, problem: string | null): Promise<void> {
    const { shopId } = this.shop;
    this.parts.metrics.is(shopId, state);
    const now = this.parts.clock.now();
    await this.parts.store.setState(this.parts.database, { shopId, state, problem, now });
  }

  private retryDelayMs(): number {
    const { retryMs, retryMsMax } = this.timings;
    return Math.min(retryMsMax, retryMs * 2 ** Math.max(0, this.failures - 1));
  }

  private isStopped(): boolean {
    return this.stopping.signal.aborted;
  }
}
