import { Injectable } from '@nestjs/common';
import { JournalService } from '../journal/journal.service.js';
import type { EntryHead } from '../orders/order-event.js';
import { Clock } from '../platform/clock.js';
import { Database, type Transaction } from '../platform/database/database.js';
import { Log } from '../platform/telemetry/log.js';
import { traceIdOf } from '../platform/telemetry/trace.js';
import { DetectionMetrics } from './detection.metrics.js';
import type { FindingUpdate } from './detector.js';
import { collapse, type FindingChange } from './finding-changes.js';
import { DetectionStores } from './detection.stores.js';
import { WatchedShops } from './watched-shops.js';
import type { ShopUnderWatch, WatchedShop } from './watched-shop.js';

/** Entries of the journal that one transaction takes in. */
const entriesAtOnce = 500;
/** Of which nothing was found, and which whoever loads the state may have to read again. */
const unsavedMax = 2_000;

/** What one batch came to. */
export interface WatchOutcome {
  readonly more: boolean;
  /** findings were opened, changed or closed */
  readonly found: boolean;
}

/**
 * Takes a shop's detector through the journal. Findings, their entries and the detector's state are
 * saved in one transaction under the state's revision: whatever dies, each entry counts exactly once.
 * The state holds every cancellation of a day. So where nothing was found, only how far it was read is saved, and
 * the state is what it was: read again, the same entries come to the same.
 */
@Injectable()
export class ShopWatch {
  private readonly lines = new Log('Detection');

  constructor(
    private readonly database: Database,
    private readonly journal: JournalService,
    private readonly shops: WatchedShops,
    private readonly stores: DetectionStores,
    private readonly metrics: DetectionMetrics,
    private readonly clock: Clock,
  ) {}

  /** Reads on in one shop's journal, at most one batch; where it has come to the end, lets time pass. */
  async run(shop: ShopUnderWatch, now: Date): Promise<WatchOutcome> {
    // how far the journal is known to be whole is asked before it is read
    const [watched, upTo] = await Promise.all([
      this.shops.of(shop, now),
      this.heardUpTo(shop, now),
    ]);
    if (watched === undefined) return { more: false, found: false };
    // from here on the detector in memory is ahead of what is saved: it must not outlive a failure
    this.shops.forget(shop.id);
    const batch = await this.advance(watched, shop, upTo);
    if (!(await this.keep(watched, shop, { ...batch, now }))) return { more: true, found: false };
    this.shops.keep(shop.id, watched);
    return {
      more: batch.entries.length === entriesAtOnce,
      found: batch.changes.length > 0,
    };
  }

  private async advance(watched: WatchedShop, shop: ShopUnderWatch, upTo: Date): Promise<Batch> {
    const entries = await this.journal.headsAfter(shop.id, watched.position, entriesAtOnce);
    const updates: FindingUpdate[] = [];
    const triggers = new Map<string, EntryHead>();
    for (const entry of entries) {
      for (const update of watched.read(entry)) {
        updates.push(update);
        if (!triggers.has(update.fingerprint)) triggers.set(update.fingerprint, entry);
      }
    }
    if (entries.length < entriesAtOnce) updates.push(...watched.tick(upTo));
    return { entries, triggers, changes: collapse(updates) };
  }

  /** The moment up to which the journal is known to hold everything; read before the journal itself. */
  private async heardUpTo(shop: ShopUnderWatch, now: Date): Promise<Date> {
    const stream = await this.stores.streams.read(this.database, shop.id);
    if (stream === undefined) return now;
    const last = stream.lastMessageAt ?? new Date(0);
    return last < now ? last : now;
  }

  /** Saves what the batch came to, if to anything; false where another process has saved in between. */
  private async keep(
    watched: WatchedShop,
    shop: ShopUnderWatch,
    batch: Batch & { now: Date },
  ): Promise<boolean> {
    const isNew = watched.revision === 0;
    if (isNew || batch.changes.length > 0 || watched.unsaved > unsavedMax)
      return this.save(watched, shop, batch);
    if (batch.entries.length === 0) return true;
    const { position, revision: after } = watched;
    const key = { shopId: shop.id, detector: watched.detector.name };
    const isSaved = await this.stores.states.readUpTo(this.database, key, { after, position });
    if (isSaved) watched.saved({ whole: false });
    return isSaved;
  }

  private async save(
    watched: WatchedShop,
    shop: ShopUnderWatch,
    batch: Batch & { now: Date },
  ): Promise<boolean> {
    const { now, changes, triggers } = batch;
    const origin = { shopId: shop.id, detector: watched.detector.name, now };
    const applied: AppliedChange[] = [];
    const isSaved = await this.database.transaction(async (transaction: Transaction) => {
      const { position, revision: after } = watched;
      const saved = { after, position, state: watched.save(), now };
      if (!(await this.stores.states.save(transaction, origin, saved))) return false;
      for (const change of changes) {
        const trigger = triggers.get(change.fingerprint);
        const committedAt = trigger?.committedAt ?? null;
        const told = { ...change, committedAt };
        const written = await this.stores.findings.apply(transaction, origin, told);
        applied.push({ ...written, change, trigger });
      }
      return true;
    });
    if (!isSaved) return false;
    watched.saved({ whole: true });
    for (const finding of applied) {
      if (finding.isNew) this.tellOpened(shop, watched, finding.trigger);
      this.log(shop, watched, finding);
    }
    return true;
  }

  /** One line where a finding is raised and one where it is closed; growth stands in the finding itself. */
  private log(
    shop: ShopUnderWatch,
    { detector }: WatchedShop,
    { id, isNew, change, trigger }: AppliedChange,
  ): void {
    const about = { shop: shop.id, finding_id: id, detector: detector.name };
    const { orders, paidOrders } = change.measure;
    const trace_id = traceIdOf(trigger?.traceparent);
    if (isNew)
      this.lines.warn(
        { event: 'finding-raised', ...about, trace_id, orders, paid_orders: paidOrders },
        `finding raised: ${orders} orders cancelled that are not expected to be`,
      );
    if (change.state === 'closed')
      this.lines.info({ event: 'finding-closed', ...about, orders }, 'finding closed');
  }

  /** A finding that time alone made has no delay. */
  private tellOpened(
    shop: ShopUnderWatch,
    watched: WatchedShop,
    trigger: EntryHead | undefined,
  ): void {
    const of = { shop: shop.id, detector: watched.detector.name };
    this.metrics.opened(of);
    if (trigger === undefined) return;
    const committedAt = new Date(trigger.committedAt);
    this.metrics.delayed(of, (this.clock.now().getTime() - committedAt.getTime()) / 1000);
  }
}

interface AppliedChange {
  readonly id: string;
  readonly isNew: boolean;
  readonly change: FindingChange;
  readonly trigger: EntryHead | undefined;
}

interface Batch {
  readonly entries: readonly EntryHead[];
  readonly changes: readonly FindingChange[];
  /** the entry at which a finding was first told of in this batch, by fingerprint */
  readonly triggers: ReadonlyMap<string, EntryHead>;
}
