import { Injectable } from '@nestjs/common';
import { JournalService } from '../../journal/journal.service.js';
import { PersonalData } from '../../journal/personal-data.js';
import { RowImageStore, type StoredRow } from '../../journal/row-image.store.js';
import type { JournalEntry } from '../../orders/order-event.js';
import { present } from '../../platform/assert.js';
import { Clock } from '../../platform/clock.js';
import { Database, type Transaction } from '../../platform/database/database.js';
import { emptyEvent } from './interpret/compose-events.js';
import { readWithParents } from './interpret/batch-rows.js';
import { draftRow, PersonalText, sealedImage } from './interpret/draft-image.js';
import { KnownRows } from './interpret/known-rows.js';
import { keyOfOwner, ownerOf, type RowLookup } from './interpret/ownership.js';
import { sealDrafts } from './interpret/seal-drafts.js';
import type { MappedTable, ShopMapping } from './interpret/shop-mapping.js';
import { ReplicationStore } from './replication.store.js';
import { SnapshotReader, type TextRow } from './source/snapshot-reader.js';
import { timestampText } from './source/source-transaction.js';

/** Enough to be fast, little enough that one transaction of ours stays short. */
const chunkRows = 1_000;

/** A slot that was just made for a shop. */
export interface NewSlot {
  readonly shopId: string;
  readonly generation: number;
  readonly incarnation: string;
  readonly consistentPoint: string;
  readonly mappingHash: string;
  /** what was lost before it, in words; null where nothing was */
  readonly gap: string | null;
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
    private readonly clock: Clock,
  ) {}

  /**
   * Begins with a new slot: its position, the end of the old images and the entry of what was lost
   * before it (`gap`, if anything was) stand in one transaction.
   */
  async begin(slot: NewSlot): Promise<JournalEntry[]> {
    const { shopId, incarnation, consistentPoint, gap } = slot;
    const now = this.clock.now();
    return this.database.transaction(async (transaction) => {
      await this.store.beginSlot(transaction, { ...slot, now });
      await this.rowImages.clear(transaction, shopId);
      const spooled = await this.store.unspool(transaction, shopId, null);
      if (gap === null && spooled === 0) return [];
      const event = {
        ...emptyEvent,
        shopId,
        source: { incarnation, commitLsn: consistentPoint, transactionId: 0 },
        kinds: ['gap' as const],
        reason: [gap, spooledText(spooled)].filter((text) => text !== null).join('; '),
        committedAt: timestampText(BigInt(now.getTime()) * 1_000n),
      };
      return this.journal.append(transaction, shopId, [event], now);
    });
  }

  /**
   * Reads and writes chunk by chunk, parents before their children. Images that are there already are
   * replaced. Stops with the signal's reason when it is aborted.
   */
  async write(given: {
    shopId: string;
    mapping: ShopMapping;
    readUrl: string;
    snapshotName: string;
    signal: AbortSignal;
  }): Promise<void> {
    const reader = await SnapshotReader.open(given.readUrl, given.snapshotName);
    try {
      for (const mapped of given.mapping.parentsFirst) {
        for await (const rows of reader.chunks(mapped, chunkRows)) {
          given.signal.throwIfAborted();
          await this.writeChunk({ ...given, mapped, rows });
        }
      }
    } finally {
      await reader.close();
    }
  }

  private async writeChunk(given: {
    shopId: string;
    mapping: ShopMapping;
    mapped: MappedTable;
    rows: readonly TextRow[];
  }): Promise<void> {
    const { shopId } = given;
    await this.database.transaction(async (transaction) => {
      const images = await this.interpret(transaction, given);
      await this.rowImages.write(transaction, shopId, images);
      const now = this.clock.now();
      await this.store.countSnapshotRows(transaction, { shopId, rows: images.length, now });
    });
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
    for (const draft of drafts) known.set({ ...draft, orderId: null });
    await readWithParents(mapping, known, {
      refs: [],
      images: drafts,
      read: async (refs) => [...(await this.rowImages.read(transaction, shopId, refs)).values()],
    });
    const lookup: RowLookup = (ref) => known.get(ref)?.image;
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

/** What waited to be interpreted cannot follow on a new snapshot. */
function spooledText(count: number): string | null {
  if (count === 0) return null;
  return `${count} transactions that did not fit the profile were given up for a new snapshot`;
}
