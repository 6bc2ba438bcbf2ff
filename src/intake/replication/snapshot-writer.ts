import { Injectable } from '@nestjs/common';
import { JournalService } from '../../journal/journal.service.js';
import { PersonalData } from '../../journal/personal-data.js';
import { RowImageStore, type StoredRow } from '../../journal/row-image.store.js';
import { rowName } from '../../orders/fold.js';
import type { JournalEntry, OrderEvent } from '../../orders/order-event.js';
import { present } from '../../platform/assert.js';
import { Clock } from '../../platform/clock.js';
import { Database, type Transaction } from '../../platform/database/database.js';
import { readWithParents } from './interpret/batch-rows.js';
import { emptyEvent } from './interpret/compose-events.js';
import { draftRow, PersonalText, sealedImage } from './interpret/draft-image.js';
import { KnownRows } from './interpret/known-rows.js';
import { differs, gapEvents, type ChangedRow } from './interpret/gap-events.js';
import { keyOfOwner, orderRef, ownerOf, type RowLookup } from './interpret/ownership.js';
import { sealDrafts } from './interpret/seal-drafts.js';
import type { MappedTable, ShopMapping } from './interpret/shop-mapping.js';
import { ReplicationStore } from './replication.store.js';
import { orderByLink, SnapshotReader, type TextRow } from './source/snapshot-reader.js';
import { Spool } from './spool.js';
import { timestampText } from './source/source-transaction.js';
import type { Unseen } from './stream-state.js';

/** Enough to be fast, little enough that one transaction of ours stays short. */
const chunkRows = 1_000;

/** A slot that was just made for a shop. */
export interface NewSlot {
  readonly shopId: string;
  /** of the shop's lease */
  readonly owner: string;
  readonly generation: number;
  readonly incarnation: string;
  readonly consistentPoint: string;
  readonly mappingHash: string;
  /** what was lost before it, in words; null where nothing was */
  readonly gap: string | null;
  /** what it sends no changes of: they are to be read anew once they are published */
  readonly unseen: Unseen;
}

/** A snapshot to be read. */
export interface SnapshotOrder {
  readonly shopId: string;
  /** of the shop's lease */
  readonly owner: string;
  readonly mapping: ShopMapping;
  readonly readUrl: string;
  readonly snapshotName: string;
  readonly signal: AbortSignal;
  /** of the new slot; null where nothing can have been lost before the snapshot */
  readonly position: SnapshotPosition | null;
}

/** Where a snapshot stands in the shop's history. */
export interface SnapshotPosition extends Pick<NewSlot, 'incarnation' | 'consistentPoint'> {
  readonly begunAt: Date;
  /** whether all rows that a table had before are known: one that is not came while changes were lost */
  readonly tellsNewRows: (table: string) => boolean;
}

/** A slot that has gone on while some tables were not published, and where their images are read anew. */
export interface UnseenSlot extends Pick<
  NewSlot,
  'shopId' | 'owner' | 'incarnation' | 'consistentPoint'
> {
  /** the tables whose rows were known before */
  readonly lost: readonly string[];
}

/** A slot's new beginning that is written down. */
export interface BegunSlot {
  readonly position: SnapshotPosition;
  /** what was lost before it */
  readonly entries: readonly JournalEntry[];
}

interface Chunk {
  readonly chunk: number;
}

/** Writes the images of all mapped rows as they were at a snapshot of the shop. */
@Injectable()
export class SnapshotWriter {
  constructor(
    private readonly database: Database,
    private readonly journal: JournalService,
    private readonly rowImages: RowImageStore,
    private readonly personalData: PersonalData,
    private readonly store: ReplicationStore,
    private readonly spool: Spool,
    private readonly clock: Clock,
  ) {}

  /**
   * Begins with a new slot: its position, the end of the old images and the entry of what was lost
   * before it (`gap`, if anything was) stand in one transaction.
   */
  async begin(slot: NewSlot): Promise<BegunSlot> {
    const { shopId, incarnation, consistentPoint, mappingHash } = slot;
    const now = this.clock.now();
    return this.database.transaction(async (transaction) => {
      await this.store.lockOwned(transaction, shopId, slot.owner);
      const row = present(await this.store.read(transaction, shopId), 'a slot has its stream');
      await this.store.beginSlot(transaction, { ...slot, now });
      // of a first snapshot that was cut off some images are there and others are not: they tell nothing
      const isWhole = row.watchedSince !== null;
      await this.rowImages.retire(transaction, shopId, isWhole);
      const entries = await this.tellLoss(transaction, slot, { seenUntil: row.seenUntil, now });
      const tells = isWhole && row.mappingHash === mappingHash;
      const tellsNewRows = (): boolean => tells;
      return { entries, position: { incarnation, consistentPoint, begunAt: now, tellsNewRows } };
    });
  }

  /**
   * Begins to read anew what was not seen of some tables: the entry of what was lost (once, however often
   * this is cut off and begun again) and the end of their images stand in one transaction.
   */
  async beginUnseen(slot: UnseenSlot): Promise<BegunSlot> {
    const { shopId, incarnation, consistentPoint, lost } = slot;
    const now = this.clock.now();
    return this.database.transaction(async (transaction) => {
      await this.store.lockOwned(transaction, shopId, slot.owner);
      const row = present(await this.store.read(transaction, shopId), 'a slot has its stream');
      await this.rowImages.retireTables(transaction, shopId, lost);
      const event =
        row.gap === null ? [] : [lossEvent(slot, { reason: row.gap, since: row.publishedAt, now })];
      const entries = await this.journal.append(transaction, shopId, event, now);
      await this.store.setTold(transaction, { shopId, now });
      const tellsNewRows = (table: string): boolean => lost.includes(table);
      return { entries, position: { incarnation, consistentPoint, begunAt: now, tellsNewRows } };
    });
  }

  /** Whether any row of a table is known. */
  async knows(shopId: string, table: string): Promise<boolean> {
    const page = { shopId, table, afterKey: null, limit: 1 };
    return (await this.rowImages.ofTable(this.database, page)).length > 0;
  }

  private async tellLoss(
    transaction: Transaction,
    slot: NewSlot,
    { seenUntil, now }: { seenUntil: Date | null; now: Date },
  ): Promise<JournalEntry[]> {
    const { shopId, gap } = slot;
    const spooled = await this.spool.giveUp(transaction, shopId);
    if (gap === null && spooled === 0) return [];
    const reason = [gap, spooledText(spooled)].filter((text) => text !== null).join('; ');
    const event = lossEvent(slot, { reason, since: seenUntil, now });
    return this.journal.append(transaction, shopId, [event], now);
  }

  /**
   * Reads and writes chunk by chunk, parents before their children. Images that are there already are
   * replaced; orders whose images are stale and differ, or whose rows are gone or came in a gap, get an entry
   * each that says so. Stops with the signal's reason when it is aborted.
   */
  async write(given: SnapshotOrder): Promise<void> {
    const reader = await SnapshotReader.open(given.readUrl, given.snapshotName, given.signal);
    // chunks are told apart like transactions: an order may have changed in several of them
    let chunk = 1;
    try {
      for (const mapped of given.mapping.parentsFirst) {
        for await (const rows of reader.chunks(given.mapping, mapped, chunkRows)) {
          given.signal.throwIfAborted();
          await this.writeChunk({ ...given, mapped, rows, chunk });
          chunk += 1;
        }
      }
      while (await this.endStale({ ...given, chunk })) {
        given.signal.throwIfAborted();
        chunk += 1;
      }
      const { shopId, position } = given;
      if (position !== null)
        await this.store.watched(this.database, { shopId, since: position.begunAt });
    } finally {
      await reader.close();
    }
  }

  private async writeChunk(
    given: SnapshotOrder & Chunk & { mapped: MappedTable; rows: readonly TextRow[] },
  ): Promise<void> {
    const { shopId } = given;
    await this.database.transaction(async (transaction) => {
      await this.store.lockOwned(transaction, shopId, given.owner);
      const images = await this.interpret(transaction, given);
      const stale = await this.rowImages.staleOf(transaction, shopId, images);
      await this.rowImages.write(transaction, shopId, images);
      const came =
        given.position?.tellsNewRows(given.mapped.table) === true ? newSince(stale, images) : [];
      await this.tell(transaction, given, [...changedSince(stale, images), ...came]);
      const now = this.clock.now();
      await this.store.countSnapshotRows(transaction, { shopId, rows: images.length, now });
    });
  }

  /** Rows that the snapshot did not hold any more; false where there are none left. */
  private async endStale(given: SnapshotOrder & Chunk): Promise<boolean> {
    const { shopId } = given;
    return this.database.transaction(async (transaction) => {
      await this.store.lockOwned(transaction, shopId, given.owner);
      const gone = await this.rowImages.nextStale(transaction, shopId, chunkRows);
      await this.tell(transaction, given, changedSince(gone, []));
      await this.rowImages.remove(transaction, shopId, gone);
      return gone.length > 0;
    });
  }

  private async tell(
    transaction: Transaction,
    { shopId, mapping, position, chunk }: SnapshotOrder & Chunk,
    changed: readonly ChangedRow[],
  ): Promise<void> {
    if (changed.length === 0 || position === null) return;
    const refs = [...new Set(changed.map(({ orderId }) => orderId))].map((orderId) =>
      orderRef(mapping, orderId),
    );
    const stored = await this.rowImages.read(transaction, shopId, refs);
    const orderRows = new Map(
      [...stored.values()].map(({ orderId, image }) => [orderId ?? '', image]),
    );
    const now = this.clock.now();
    const source = {
      incarnation: position.incarnation,
      commitLsn: position.consistentPoint,
      transactionId: chunk,
    };
    const committedAt = timestampText(BigInt(now.getTime()) * 1_000n);
    const event = { shopId, source, committedAt };
    const events = gapEvents(mapping.profile, event, { changed, orderRows });
    await this.journal.append(transaction, shopId, events, now);
  }

  private async interpret(
    transaction: Transaction,
    given: { shopId: string; mapping: ShopMapping; mapped: MappedTable; rows: readonly TextRow[] },
  ): Promise<StoredRow[]> {
    const { shopId, mapping, mapped } = given;
    const { table } = mapped;
    const drafts = given.rows.map((row) => ({
      table,
      key: mapped.key.map((column) => present(row[column], `the key ${column} has a value`)),
      image: draftRow(mapped, row),
    }));
    const known = new KnownRows();
    for (const [index, draft] of drafts.entries())
      known.set({ ...draft, orderId: given.rows[index]?.[orderByLink] ?? null });
    await readWithParents(mapping, known, {
      refs: [],
      images: drafts,
      read: async (refs) => [...(await this.rowImages.read(transaction, shopId, refs)).values()],
    });
    const lookup: RowLookup = {
      image: (ref) => known.get(ref)?.image,
      orderByLink: ({ named }) => known.get(named)?.orderId ?? null,
    };
    const owned = drafts.map((draft) => {
      const owner = ownerOf(mapping, draft, lookup);
      return { ...draft, orderId: owner === null || owner === 'shared' ? null : owner.orderId };
    });
    const requests = owned.flatMap((row) => {
      const keyOf = keyOfOwner(mapping, row, lookup);
      return Object.values(row.image)
        .filter((value) => value instanceof PersonalText)
        .map((value) => ({ value, keyOf }));
    });
    const seals = await sealDrafts(requests, (values) =>
      this.personalData.seal(transaction, shopId, values),
    );
    return owned.map((row) => ({ ...row, image: sealedImage(row.image, seals) }));
  }
}

/** That changes were lost before a slot's position. */
function lossEvent(
  slot: Pick<NewSlot, 'shopId' | 'incarnation' | 'consistentPoint'>,
  given: { reason: string; since: Date | null; now: Date },
): OrderEvent {
  const { shopId, incarnation, consistentPoint } = slot;
  const { reason, since, now } = given;
  return {
    ...emptyEvent,
    shopId,
    source: { incarnation, commitLsn: consistentPoint, transactionId: 0 },
    kinds: ['gap'],
    reason,
    attributes: since === null ? {} : { since: since.toISOString() },
    committedAt: timestampText(BigInt(now.getTime()) * 1_000n),
  };
}

/** Of the rows as they were last seen, those that belong to an order and are now otherwise, or gone. */
function changedSince(stale: readonly StoredRow[], images: readonly StoredRow[]): ChangedRow[] {
  const now = new Map(images.map((row) => [rowName(row.table, row.key), row]));
  return stale.flatMap(({ table, key, orderId, image }) => {
    const found = now.get(rowName(table, key));
    const owner = found?.orderId ?? orderId;
    if (owner === null) return [];
    if (found !== undefined && !differs(image, found.image)) return [];
    return [{ orderId: owner, table, key, now: found?.image ?? null, isNew: false }];
  });
}

/** The rows of orders that were not there when changes were last seen. */
function newSince(stale: readonly StoredRow[], images: readonly StoredRow[]): ChangedRow[] {
  const known = new Set(stale.map((row) => rowName(row.table, row.key)));
  return images.flatMap(({ table, key, orderId, image }) =>
    orderId === null || known.has(rowName(table, key))
      ? []
      : [{ orderId, table, key, now: image, isNew: true }],
  );
}

/** What waited to be interpreted cannot follow on a new snapshot. */
function spooledText(count: number): string | null {
  if (count === 0) return null;
  return `${count} transactions that did not fit the profile were given up for a new snapshot`;
}
