import { Logger } from '@nestjs/common';
import { withLogContext } from '../../platform/telemetry/log-context.js';
import { MappingMismatch } from './interpret/draft-image.js';
import { StreamReplaced } from './journal-writer.js';
import { HistoryDiffers } from './source/history-check.js';
import { isLater } from './source/lsn.js';
import { readPublication } from './source/publication.js';
import { placeOf, shopProblem } from './source/shop-problem.js';
import { readSource, type SourceFacts } from './source/shop-server.js';
import { createSlot, delay, dropSlot, endStreaming, type HeldSlot } from './source/slot.js';
import {
  incarnationOf,
  mappingHashOf,
  planStream,
  type StreamRow,
  type StreamState,
} from './stream-state.js';
import { StreamSession, type SessionEffects } from './stream-session.js';
import type { StreamTimings } from './stream-timings.js';
import type { StreamedShop, StreamParts } from './streamed-shop.js';
import type { Batch } from './transaction-interpreter.js';
import { WalGuard } from './wal-guard.js';

interface StreamRange {
  readonly from: string;
  /** where the slot stands, which may be before */
  readonly slotLsn: string;
  /** where the shop was when we connected: once passed, the stream has nothing left that could fail */
  readonly target: string;
  /** transactions that commit from here on are left for later */
  readonly stopAt?: string;
}

/** Nothing is lost meanwhile, and what is kept is interpreted as soon as it fits. */
function keptUntilMended(mismatch: MappingMismatch): string {
  return `${mismatch.message}: changes are kept as they come; mend the profile and restart, or mend the table and attach the shop again`;
}

/**
 * Follows one attached shop for as long as the service runs: goes on where the journal is, begins anew
 * where the source lost changes (with a gap in the journal), and tries again after every failure.
 */
export class ShopStream {
  private readonly logger: Logger;
  private readonly stopping = new AbortController();
  private readonly mappingHash: string;
  private readonly guard: WalGuard;
  private loop: Promise<void> | undefined;
  private session: StreamSession | undefined;
  private failures = 0;
  /** the server's process of the session that we had last */
  private lastProcessId: number | null = null;
  /** why changes are kept instead of journalled, where they are */
  private spooling: string | null = null;
  /** said once, however often it happens */
  private lastProblem: string | undefined;

  constructor(
    readonly shop: StreamedShop,
    private readonly parts: StreamParts,
    private readonly timings: StreamTimings,
  ) {
    this.logger = new Logger('Replication');
    this.mappingHash = mappingHashOf(shop.mapping);
    const { metrics, settings } = parts;
    const { retainedBytesMax } = settings;
    const { guardIntervalMs: intervalMs } = timings;
    this.guard = new WalGuard(shop, { metrics, intervalMs, retainedBytesMax });
  }

  /** Starts to follow; `held` is a slot that was just made for a stream in state `snapshot`. */
  start(held?: HeldSlot): void {
    this.parts.metrics.open(this.shop.shopId);
    this.loop ??= withLogContext({ shop: this.shop.shopId }, () =>
      this.follow(held).finally(() => this.guard.end()),
    );
  }

  /**
   * Ends within seconds, whatever the shop's server does: all connections to it are cut, a slot that is
   * waited for is given up. Only a batch that is being journalled is let finish. Nothing is confirmed by
   * it that is not journalled.
   */
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
    this.guard.watch(row.slotName);
    const { signal } = this.stopping;
    const source = await readSource(replicateUrl, row.slotName, { signal });
    const { mappingHash } = this;
    const plan = planStream(row, source, { mappingHash, dropped: this.guard.dropped });
    if (plan.do === 'snapshot') {
      if (plan.gap !== null && row.gap === null) await this.lose(plan.gap);
      this.guard.forget();
      await this.checkPublication(row);
      await this.beginAnew({ row, source, gap: plan.gap, held });
      return 'again';
    }
    const { slot } = (await this.endLastSession(row, source))
      ? await readSource(replicateUrl, row.slotName, { signal })
      : source;
    await this.checkPublication(row);
    this.spooling = await this.drainSpool(row);
    const slotLsn = slot?.confirmedLsn ?? plan.from;
    const range = { from: plan.from, slotLsn, target: source.currentLsn };
    if (plan.do === 'refresh' && this.spooling === null) await this.refresh(row, range);
    else await this.stream(row, range);
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
      const { entries, position } = await this.parts.snapshots.begin({ ...slot, gap: given.gap });
      this.parts.metrics.wrote(shopId, entries);
      await this.parts.snapshots.write({
        ...this.shop,
        snapshotName: held.snapshotName,
        signal: this.stopping.signal,
        position,
      });
      await this.setState('streaming', null);
    } finally {
      await held.release();
    }
  }

  private async newSlot(row: StreamRow): Promise<HeldSlot> {
    const { signal } = this.stopping;
    await dropSlot(this.shop.replicateUrl, row.slotName, { signal });
    return this.makeSlot(row, { slotName: row.slotName, temporary: false });
  }

  private async makeSlot(
    row: StreamRow,
    slot: { slotName: string; temporary: boolean },
  ): Promise<HeldSlot> {
    return createSlot({
      ...slot,
      url: this.shop.replicateUrl,
      limitMs: this.timings.slotLimitMs,
      blocked: async (blockers) =>
        this.setState(row.state, `the new slot waits for ${blockers.join('; ')}`),
      signal: this.stopping.signal,
    });
  }

  private async stream(row: StreamRow, range: StreamRange): Promise<void> {
    const session = new StreamSession(
      {
        ...this.timings,
        url: this.shop.replicateUrl,
        slotName: row.slotName,
        publicationName: row.publicationName,
        startLsn: row.lastWritten === null ? range.from : range.slotLsn,
        journalled: { upTo: range.from, last: row.lastWritten },
        ...(range.stopAt === undefined ? {} : { stopAt: range.stopAt }),
      },
      this.effectsOf(row, range),
    );
    this.session = session;
    if (this.isStopped()) return;
    try {
      await session.run();
    } catch (error) {
      if (!(error instanceof HistoryDiffers)) throw error;
      await this.lose(error.message);
    } finally {
      this.lastProcessId = session.processId;
      this.session = undefined;
    }
  }

  /** Only ever our own: another process of Reinstate that streams from the slot is left alone. */
  private async endLastSession({ slotName }: StreamRow, { slot }: SourceFacts): Promise<boolean> {
    const pid = this.lastProcessId;
    if (pid === null || slot?.activePid !== pid) return false;
    const { signal } = this.stopping;
    await endStreaming(this.shop.replicateUrl, { slotName, pid }, { signal });
    return true;
  }

  private effectsOf(row: StreamRow, { from, target }: StreamRange): SessionEffects {
    const { shopId, mapping } = this.shop;
    const { store, database, metrics, clock } = this.parts;
    const incarnation = row.incarnation ?? '';
    return {
      started: () => void this.started(),
      heard: () => metrics.heard(shopId),
      passed: (lsn) => {
        if (!isLater(target, lsn)) void this.sound();
      },
      write: async (transactions) => {
        await this.write({ shopId, mapping, incarnation, transactions });
        await this.sound();
      },
      note: async (lsn, ageMs) => {
        const now = clock.now();
        // a server that still catches up speaks of what it has sent, not of what was committed
        const isWhole = this.spooling === null && !isLater(target, lsn);
        const seenUntil = isWhole ? new Date(now.getTime() - ageMs) : null;
        const given = { shopId, incarnation, lsn, seenUntil, now };
        const isOurs = await store.confirm(database, given);
        if (!isOurs) throw new StreamReplaced(`the stream of ${shopId} was replaced`);
        // that the server is heard where the last session ended says nothing of what made that one fail
        if (isLater(lsn, from)) await this.sound();
      },
    };
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
        this.spooling = keptUntilMended(error);
        this.logger.error(this.spooling);
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
      if (error instanceof MappingMismatch) return keptUntilMended(error);
      throw error;
    }
  }

  /**
   * The profile maps other columns than the images hold: journals up to a snapshot, reads the images
   * anew as of it, and goes on from there. Nothing is lost by it.
   */
  private async refresh(row: StreamRow, range: StreamRange): Promise<void> {
    const { shopId, mapping } = this.shop;
    const slotName = `${row.slotName.slice(0, 55)}_refresh`;
    const held = await this.makeSlot(row, { slotName, temporary: true });
    try {
      await this.stream(row, { ...range, stopAt: held.consistentPoint });
      this.stopping.signal.throwIfAborted();
      const { snapshotName } = held;
      const { signal } = this.stopping;
      await this.parts.snapshots.write({ ...this.shop, snapshotName, signal, position: null });
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
    const { signal } = this.stopping;
    const { missing } = await readPublication(readUrl, row.publicationName, tables, { signal });
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

  /** After a failure an open connection proves nothing yet: the next change may fail again. */
  private async started(): Promise<void> {
    if (this.failures === 0) await this.tellStreaming();
  }

  /** Something was journalled, or there is nothing to journal: what failed before is over. */
  private async sound(): Promise<void> {
    if (this.failures === 0) return;
    this.failures = 0;
    this.lastProblem = undefined;
    await this.tellStreaming();
  }

  private async tellStreaming(): Promise<void> {
    const state = this.spooling === null ? 'streaming' : 'mismatch';
    await this.setState(state, this.spooling).catch(() => undefined);
  }

  /** Writes down what went wrong. A snapshot or a loss stays what it is: it is tried again from there. */
  private async note(error: unknown): Promise<void> {
    this.failures += 1;
    if (error instanceof StreamReplaced) return;
    const problem = shopProblem(error);
    if (problem !== this.lastProblem)
      this.logger.warn(`${problem}; trying again ${placeOf(error)}`);
    this.lastProblem = problem;
    const { store, database } = this.parts;
    try {
      const row = await store.read(database, this.shop.shopId);
      if (row === undefined) return;
      const stays = row.state === 'snapshot' || row.state === 'lost';
      const state = error instanceof MappingMismatch ? 'mismatch' : 'interrupted';
      await this.setState(stays ? row.state : state, `${problem}; ${this.nextTry()}`);
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

  private nextTry(): string {
    const seconds = `${this.retryDelayMs() / 1_000} s`;
    if (this.failures === 1) return `tried again after ${seconds}`;
    return `failed ${this.failures} times in a row, tried again after ${seconds}`;
  }

  private retryDelayMs(): number {
    const { retryMs, retryMsMax } = this.timings;
    return Math.min(retryMsMax, retryMs * 2 ** Math.max(0, this.failures - 1));
  }

  private isStopped(): boolean {
    return this.stopping.signal.aborted;
  }
}
