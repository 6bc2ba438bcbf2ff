import { Logger } from '@nestjs/common';
import { withLogContext } from '../../platform/telemetry/log-context.js';
import { outsideOfSpans } from '../../platform/telemetry/tracing/span.js';
import { MappingMismatch } from './interpret/draft-image.js';
import { PublishedTables, type SlotLook } from './published-tables.js';
import { HistoryDiffers } from './source/history-check.js';
import { isLater } from './source/lsn.js';
import type { PublicationFacts } from './source/publication.js';
import { readSource, type SourceFacts } from './source/shop-server.js';
import { createSlot, delay, dropSlot, endStreaming, type HeldSlot } from './source/slot.js';
import {
  incarnationOf,
  mappingHashOf,
  planStream,
  withLoss,
  type StreamRow,
} from './stream-state.js';
import { StreamSession, type SessionEffects } from './stream-session.js';
import type { SnapshotPosition } from './snapshot-writer.js';
import { StreamLease } from './stream-lease.js';
import {
  isOver,
  keptUntilMended,
  readAnew,
  replaced,
  unreadable,
  withRoom,
} from './stream-words.js';
import { StreamStanding } from './stream-standing.js';
import type { StreamTimings } from './stream-timings.js';
import type { StreamedShop, StreamParts } from './streamed-shop.js';
import type { Batch } from './batch.js';
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
  private over = false;
  private session: StreamSession | undefined;
  private readonly standing: StreamStanding;
  private readonly published: PublishedTables;
  private readonly lease: StreamLease;
  /** aborted when the stream is stopped, or when another process follows the shop */
  private signal: AbortSignal;
  /** why changes are kept instead of journalled, where they are */
  private spooling: string | null = null;

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
    this.signal = this.stopping.signal;
    this.lease = new StreamLease(shop.shopId, parts, timings);
    this.standing = new StreamStanding(shop.shopId, parts, timings, this.lease);
    this.published = new PublishedTables(shop, parts, this.standing, this.mappingHash);
    const mayDrop = () => this.lease.holds();
    this.guard = new WalGuard(shop, { metrics, intervalMs, retainedBytesMax, mayDrop });
  }

  /** Starts to follow; `held` is a slot that was just made for a stream in state `snapshot`. */
  start(held?: HeldSlot): void {
    this.parts.metrics.open(this.shop.shopId);
    this.loop ??= outsideOfSpans(() =>
      withLogContext({ shop: this.shop.shopId }, () =>
        this.follow(held).finally(async () => {
          this.over = true;
          await this.guard.end();
          await this.lease.release();
        }),
      ),
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

  /** Whether it is this process that follows the shop, and no other. */
  get isFollowing(): boolean {
    return this.lease.isTaken;
  }

  /** The shop was detached, here or by another process: there is nothing left to follow. */
  get isOver(): boolean {
    return this.over;
  }

  /** Shows it how the publication is; true where that is another one than before, and it looks for itself. */
  sees(row: StreamRow, found: PublicationFacts): boolean {
    const isAnother = this.published.differ(row, found);
    if (isAnother) this.session?.close();
    return isAnother;
  }

  private async follow(first: HeldSlot | undefined): Promise<void> {
    let held = first;
    while (!this.stopping.signal.aborted) {
      try {
        if (!(await this.owns())) {
          // whoever follows the shop has made a slot of its own; nothing of the shop is held open for this one
          await held?.release();
          held = undefined;
          continue;
        }
        const given = held;
        held = undefined;
        if ((await this.cycle(given)) === 'detached') return;
      } catch (error) {
        if (isOver(this.stopping.signal)) return;
        await this.standing.failed(error);
        await delay(this.standing.retryDelayMs, this.stopping.signal);
      }
    }
    await held?.release();
  }

  /** True once no other process follows the shop; else after a while. */
  private async owns(): Promise<boolean> {
    const { signal: stopped } = this.stopping;
    const tenure = await this.lease.take();
    if (tenure === undefined) {
      this.parts.metrics.standby(this.shop.shopId);
      await delay(this.timings.leaseRenewMs, stopped);
      return false;
    }
    this.signal = AbortSignal.any([stopped, tenure]);
    this.signal.addEventListener('abort', () => this.session?.close(), { once: true });
    return true;
  }

  private async cycle(held: HeldSlot | undefined): Promise<'detached' | 'again'> {
    const { shopId, replicateUrl } = this.shop;
    const row = await this.parts.store.read(this.parts.database, shopId);
    if (row === undefined || row.state === 'detached') return 'detached';
    this.guard.watch(row.slotName);
    const { signal } = this;
    const source = await readSource(replicateUrl, row.slotName, { signal });
    const { mappingHash } = this;
    const plan = planStream(row, source, { mappingHash, dropped: this.guard.dropped });
    if (plan.do === 'snapshot') {
      const isLoss = plan.gap !== null && plan.gap !== row.gap;
      if (isLoss) await this.standing.lose(plan.gap);
      this.guard.forget();
      const look = await this.published.lookBeforeSlot(row, signal);
      const told: StreamRow = isLoss ? { ...row, state: 'lost' } : row;
      await this.beginAnew({ row: told, source, gap: plan.gap, held, look });
      return 'again';
    }
    const { slot } = (await this.endLastSession(row, source))
      ? await readSource(replicateUrl, row.slotName, { signal })
      : source;
    const slotLsn = slot?.confirmedLsn ?? plan.from;
    const range = { from: plan.from, slotLsn, target: source.currentLsn };
    await this.goOn(row, { isRefresh: plan.do === 'refresh', range });
    return 'again';
  }

  private async goOn(
    given: StreamRow,
    { isRefresh, range }: { isRefresh: boolean; range: StreamRange },
  ): Promise<void> {
    const { row, hindrance, isFitting } = await this.published.look(given, this.signal);
    const unseen = this.unseenOf(row);
    const stale = hindrance ?? (unseen.length > 0 ? readAnew(unseen) : null);
    // said at once: nothing is restored on the word of images that may be stale
    if (stale !== null) await this.standing.set('mismatch', stale);
    this.spooling = hindrance ?? (await this.drainSpool(row));
    if (this.spooling !== null && hindrance === null && isFitting) {
      await this.standing.lose(withLoss(row.gap, unreadable));
      return;
    }
    this.standing.hindrance = this.spooling ?? stale;
    const told: StreamRow = stale === null ? row : { ...row, state: 'mismatch' };
    if ((isRefresh || unseen.length > 0) && this.spooling === null) await this.refresh(told, range);
    else await this.stream(told, range);
  }

  /** Mapped tables whose images nobody can rely on. */
  private unseenOf({ unseenTables }: StreamRow): string[] {
    return Object.keys(unseenTables).filter((table) => this.shop.mapping.tables.has(table));
  }

  /** New slot, new images; what was lost in between gets its entry. */
  private async beginAnew(given: {
    row: StreamRow;
    source: SourceFacts;
    gap: string | null;
    held: HeldSlot | undefined;
    look: SlotLook;
  }): Promise<void> {
    const { row, source, gap, look } = given;
    const { unseen, hindrance } = look;
    const held = given.held ?? (await this.newSlot(row));
    try {
      const generation = row.slotGeneration + 1;
      const incarnation = incarnationOf(source, generation);
      const { shopId } = this.shop;
      const { mappingHash } = this;
      const { consistentPoint } = held;
      const { owner } = this.lease;
      const slot = { shopId, owner, generation, incarnation, consistentPoint, mappingHash };
      const begun = await this.parts.snapshots.begin({ ...slot, gap, unseen });
      const { entries, position } = begun;
      this.parts.metrics.wrote(shopId, entries);
      if (unseen.gap !== null) this.standing.lost(unseen.gap);
      await this.parts.snapshots.write({
        ...this.shop,
        owner,
        snapshotName: held.snapshotName,
        signal: this.signal,
        position,
      });
      await this.standing.set(hindrance === null ? 'streaming' : 'mismatch', hindrance);
    } finally {
      await held.release();
    }
  }

  private async newSlot(row: StreamRow): Promise<HeldSlot> {
    await this.dropOurs(row.slotName);
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
        this.standing.set(row.state, `the new slot waits for ${blockers.join('; ')}`),
      signal: this.signal,
    });
  }

  private async dropOurs(slotName: string): Promise<void> {
    if (!(await this.lease.holds())) throw replaced(this.shop);
    await dropSlot(this.shop.replicateUrl, slotName, { signal: this.signal });
  }

  /** True once everything before `stopAt` was taken in. */
  private async stream(row: StreamRow, range: StreamRange): Promise<boolean> {
    const session = new StreamSession(
      {
        ...this.timings,
        url: this.shop.replicateUrl,
        slotName: row.slotName,
        publicationName: row.publicationName,
        startLsn: row.lastWritten === null ? range.from : range.slotLsn,
        journalled: { upTo: range.from, last: row.lastWritten },
        partLimits: this.parts.settings.partLimits,
        ...(range.stopAt === undefined ? {} : { stopAt: range.stopAt }),
      },
      this.effectsOf(row, range),
    );
    this.session = session;
    if (this.signal.aborted) return false;
    try {
      await session.run();
      return session.isDone;
    } catch (error) {
      if (!(error instanceof HistoryDiffers)) throw error;
      await this.standing.lose(withLoss(row.gap, error.message));
      return false;
    } finally {
      this.session = undefined;
    }
  }

  /**
   * Whoever still streams from our slot has lost it: a connection of ours that was cut, or a process that was
   * stopped. The server would wait a minute for either.
   */
  private async endLastSession({ slotName }: StreamRow, { slot }: SourceFacts): Promise<boolean> {
    const pid = slot?.activePid ?? null;
    if (pid === null) return false;
    if (!(await this.lease.holds())) throw replaced(this.shop);
    const { signal } = this;
    await endStreaming(this.shop.replicateUrl, { slotName, pid }, { signal });
    return true;
  }

  private effectsOf(row: StreamRow, { from, target }: StreamRange): SessionEffects {
    const { shopId, mapping } = this.shop;
    const { store, database, metrics, clock } = this.parts;
    const incarnation = row.incarnation ?? '';
    const unseen = this.unseenOf(row);
    const { owner } = this.lease;
    const of = { shopId, mapping, incarnation, owner, unseen };
    return {
      started: () => void this.standing.started(),
      heard: () => metrics.heard(shopId),
      passed: (lsn) => {
        if (!isLater(target, lsn)) void this.standing.sound();
      },
      keep: (part) => this.parts.writer.keepPart(of, part),
      write: async (transactions) => {
        await this.write({ ...of, transactions });
        await this.standing.sound();
      },
      note: async (lsn, ageMs) => {
        const now = clock.now();
        // a server that still catches up speaks of what it has sent, not of what was committed
        const isWhole = this.spooling === null && !isLater(target, lsn);
        const seenUntil = isWhole ? new Date(now.getTime() - ageMs) : null;
        const given = { shopId, incarnation, owner, lsn, seenUntil, now };
        const isOurs = await store.confirm(database, given);
        if (!isOurs) throw replaced(this.shop);
        // that the server is heard where the last session ended says nothing of what made that one fail
        if (isLater(lsn, from)) await this.standing.sound();
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
        this.standing.hindrance = this.spooling;
        this.logger.error(this.spooling);
      }
    }
    const share = await writer.spool(batch);
    await this.standing.set('mismatch', withRoom(this.spooling, share));
  }

  /** Interprets what was kept; null where nothing is left, else why it still does not fit. */
  private async drainSpool(row: StreamRow): Promise<string | null> {
    const { shopId, mapping } = this.shop;
    const incarnation = row.incarnation ?? '';
    const unseen = this.unseenOf(row);
    const { owner } = this.lease;
    try {
      let drained: number;
      const spooled = { shopId, mapping, incarnation, owner, unseen };
      do drained = await this.parts.writer.drainSpool(spooled);
      while (drained > 0);
      return null;
    } catch (error) {
      if (error instanceof MappingMismatch) return keptUntilMended(error);
      throw error;
    }
  }

  /**
   * The profile maps other columns than the images hold, or tables were not published for a while:
   * journals up to a snapshot, reads the images anew as of it, and goes on from there. Nothing is lost by
   * it; what was lost before gets its entries.
   */
  private async refresh(row: StreamRow, range: StreamRange): Promise<void> {
    const { shopId, mapping } = this.shop;
    const slotName = `${row.slotName.slice(0, 55)}_refresh`;
    // one that was left by a process that was stopped
    await this.dropOurs(slotName);
    const held = await this.makeSlot(row, { slotName, temporary: true });
    try {
      // images newer than what is journalled would hide what is journalled next
      if (!(await this.stream(row, { ...range, stopAt: held.consistentPoint }))) return;
      if (this.spooling !== null) return;
      const { snapshotName } = held;
      const { signal } = this;
      const { owner } = this.lease;
      const position = await this.tellUnseen(row, held.consistentPoint);
      await this.parts.snapshots.write({ ...this.shop, owner, snapshotName, signal, position });
      if (!(await this.lease.holds())) throw replaced(this.shop);
      const now = this.parts.clock.now();
      const { mappingHash } = this;
      await this.parts.store.setMapping(this.parts.database, { shopId, mappingHash, now });
      this.logger.log(`row images read anew (profile ${mapping.profile.profile})`);
    } finally {
      await held.release();
    }
  }

  /** What unseen tables have lost; null where they have lost nothing. */
  private async tellUnseen(
    row: StreamRow,
    consistentPoint: string,
  ): Promise<SnapshotPosition | null> {
    const { shopId } = this.shop;
    const lost = this.unseenOf(row).filter((table) => row.unseenTables[table] === 'lost');
    if (lost.length === 0 && row.gap === null) return null;
    const { owner } = this.lease;
    const slot = { shopId, owner, incarnation: row.incarnation ?? '', consistentPoint, lost };
    const { entries, position } = await this.parts.snapshots.beginUnseen(slot);
    this.parts.metrics.wrote(shopId, entries);
    return position;
  }
}
