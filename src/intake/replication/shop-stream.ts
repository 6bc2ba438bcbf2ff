import { Logger } from '@nestjs/common';
import { withLogContext } from '../../platform/telemetry/log-context.js';
import { MappingMismatch } from './interpret/draft-image.js';
import { StreamReplaced } from './journal-writer.js';
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
import { StreamStanding } from './stream-standing.js';
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

/** Until then nobody knows what rows of these tables were before they changed. */
function readAnew(tables: readonly string[]): string {
  return `${tables.join(', ')} was not published for a while, and is read anew now`;
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
  private readonly standing: StreamStanding;
  private readonly published: PublishedTables;
  /** the server's process of the session that we had last */
  private lastProcessId: number | null = null;
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
    this.standing = new StreamStanding(shop.shopId, parts, timings);
    this.published = new PublishedTables(shop, parts, this.standing, this.mappingHash);
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
        const given = held;
        held = undefined;
        if ((await this.cycle(given)) === 'detached') return;
      } catch (error) {
        if (this.isStopped()) return;
        await this.standing.failed(error);
        await delay(this.standing.retryDelayMs, this.stopping.signal);
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
    const { row, hindrance } = await this.published.look(given, this.stopping.signal);
    const unseen = this.unseenOf(row);
    const stale = hindrance ?? (unseen.length > 0 ? readAnew(unseen) : null);
    // said at once: nothing is restored on the word of images that may be stale
    if (stale !== null) await this.standing.set('mismatch', stale);
    this.spooling = hindrance ?? (await this.drainSpool(row));
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
      const slot = { shopId, generation, incarnation, consistentPoint, mappingHash };
      const begun = await this.parts.snapshots.begin({ ...slot, gap, unseen });
      const { entries, position } = begun;
      this.parts.metrics.wrote(shopId, entries);
      if (unseen.gap !== null) this.standing.lost(unseen.gap);
      await this.parts.snapshots.write({
        ...this.shop,
        snapshotName: held.snapshotName,
        signal: this.stopping.signal,
        position,
      });
      await this.standing.set(hindrance === null ? 'streaming' : 'mismatch', hindrance);
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
        this.standing.set(row.state, `the new slot waits for ${blockers.join('; ')}`),
      signal: this.stopping.signal,
    });
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
        ...(range.stopAt === undefined ? {} : { stopAt: range.stopAt }),
      },
      this.effectsOf(row, range),
    );
    this.session = session;
    if (this.isStopped()) return false;
    try {
      await session.run();
      return session.isDone;
    } catch (error) {
      if (!(error instanceof HistoryDiffers)) throw error;
      await this.standing.lose(withLoss(row.gap, error.message));
      return false;
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
    const unseen = this.unseenOf(row);
    return {
      started: () => void this.standing.started(),
      heard: () => metrics.heard(shopId),
      passed: (lsn) => {
        if (!isLater(target, lsn)) void this.standing.sound();
      },
      write: async (transactions) => {
        await this.write({ shopId, mapping, incarnation, unseen, transactions });
        await this.standing.sound();
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
    await writer.spool(batch);
    await this.standing.set('mismatch', this.spooling);
  }

  /** Interprets what was kept; null where nothing is left, else why it still does not fit. */
  private async drainSpool(row: StreamRow): Promise<string | null> {
    const { shopId, mapping } = this.shop;
    const incarnation = row.incarnation ?? '';
    const unseen = this.unseenOf(row);
    try {
      let drained: number;
      do drained = await this.parts.writer.drainSpool({ shopId, mapping, incarnation, unseen });
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
    const held = await this.makeSlot(row, { slotName, temporary: true });
    try {
      // images newer than what is journalled would hide what is journalled next
      if (!(await this.stream(row, { ...range, stopAt: held.consistentPoint }))) return;
      if (this.spooling !== null) return;
      const { snapshotName } = held;
      const { signal } = this.stopping;
      const position = await this.tellUnseen(row, held.consistentPoint);
      await this.parts.snapshots.write({ ...this.shop, snapshotName, signal, position });
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
    const slot = { shopId, incarnation: row.incarnation ?? '', consistentPoint, lost };
    const { entries, position } = await this.parts.snapshots.beginUnseen(slot);
    this.parts.metrics.wrote(shopId, entries);
    return position;
  }

  private isStopped(): boolean {
    return this.stopping.signal.aborted;
  }
}
