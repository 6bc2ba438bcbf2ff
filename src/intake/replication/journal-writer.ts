import { Injectable } from '@nestjs/common';
import { rowName } from '../../orders/fold.js';
import type { JournalEntry, OrderEvent } from '../../orders/order-event.js';
import { JournalService } from '../../journal/journal.service.js';
import { PersonalData } from '../../journal/personal-data.js';
import { RowImageStore, type StoredRow } from '../../journal/row-image.store.js';
import { present } from '../../platform/assert.js';
import { Clock } from '../../platform/clock.js';
import { Database, type Transaction } from '../../platform/database/database.js';
import { Wake } from '../../platform/work/wake.js';
import { namedRows, readWithParents } from './interpret/batch-rows.js';
import { composeEvents, ordersToRead } from './interpret/compose-events.js';
import { sealedImage } from './interpret/draft-image.js';
import { draftTransaction, type TransactionDraft } from './interpret/draft-transaction.js';
import { KnownRows } from './interpret/known-rows.js';
import { OrderRows } from './interpret/order-rows.js';
import { sealDrafts } from './interpret/seal-drafts.js';
import type { ShopMapping } from './interpret/shop-mapping.js';
import { ReplicationStore } from './replication.store.js';
import { isLater } from './source/lsn.js';
import { decodeTransaction, encodeTransaction } from './source/transaction-text.js';
import type { SourceTransaction } from './source/source-transaction.js';

/** The step that looks at new journal entries first. */
const detectionStep = 'detection';

/** Rows of a truncated table that are read at once. */
const truncatedPageRows = 1_000;

/**
 * An append that takes longer gives up: the stream then lets go of the shop's server, whose shutdown would
 * otherwise wait for our confirmation.
 */
const appendTimeoutMs = 30_000;

/** Spooled transactions are nobody's in particular: they have a key of their own. */
const spoolKey = 'spool';
const spoolBatch = 200;

export interface Batch {
  readonly shopId: string;
  readonly mapping: ShopMapping;
  readonly incarnation: string;
  /** in commit order */
  readonly transactions: readonly SourceTransaction[];
}

/** Nothing was written, since the shop's stream is another one by now (detached, or begun anew). */
export class StreamReplaced extends Error {
  override readonly name = 'StreamReplaced';
}

/** Writes down batches of source transactions: the one place where replication becomes journal entries. */
@Injectable()
export class JournalWriter {
  constructor(
    private readonly database: Database,
    private readonly journal: JournalService,
    private readonly rowImages: RowImageStore,
    private readonly personalData: PersonalData,
    private readonly store: ReplicationStore,
    private readonly clock: Clock,
    private readonly wake: Wake,
  ) {}

  /**
   * Journals the transactions, carries the row images forward and notes how far that is, all in one
   * transaction of ours. Transactions that were journalled before are passed over. Gives the new entries.
   */
  async write(batch: Batch): Promise<JournalEntry[]> {
    const entries = await this.database.transaction((transaction) =>
      this.writeIn(transaction, batch),
    );
    if (entries.length > 0) this.wake.notify(detectionStep);
    return entries;
  }

  /**
   * Keeps transactions as they came, to be interpreted later, and notes how far that is: the shop's slot
   * goes on although nobody can say what they mean.
   */
  async spool(batch: Batch): Promise<void> {
    const { shopId } = batch;
    await this.database.transaction(async (transaction) => {
      const fresh = await this.unconfirmed(transaction, batch);
      const last = fresh.at(-1);
      if (last === undefined) return;
      const [sealed = []] = await this.personalData.seal(transaction, shopId, [
        { keyOf: spoolKey, values: fresh.map(encodeTransaction) },
      ]);
      const rows = fresh.map(({ endLsn }, index) => ({
        endLsn,
        sealed: present(sealed[index], 'every transaction was sealed'),
      }));
      const now = this.clock.now();
      await this.store.spool(transaction, { shopId, rows, now });
      await this.confirm(transaction, batch, { lsn: last.endLsn, now });
    });
  }

  /**
   * Journals the oldest spooled transactions; gives how many, 0 where none wait. Throws MappingMismatch
   * where the profile still does not fit them.
   */
  async drainSpool(batch: Omit<Batch, 'transactions'>): Promise<number> {
    const { shopId } = batch;
    const spooled = await this.store.readSpool(this.database, shopId, spoolBatch);
    const upTo = spooled.at(-1)?.endLsn;
    if (upTo === undefined) return 0;
    const texts = await this.personalData.open(
      shopId,
      spooled.map(({ sealed }) => sealed),
    );
    const transactions = texts.map((text) =>
      decodeTransaction(present(text, 'the spool’s key is never erased')),
    );
    const entries = await this.database.transaction(async (transaction) => {
      await this.unconfirmed(transaction, { ...batch, transactions: [] });
      const events = await this.interpret(transaction, { ...batch, transactions });
      await this.store.unspool(transaction, shopId, upTo);
      return this.journal.append(transaction, shopId, events, this.clock.now());
    });
    if (entries.length > 0) this.wake.notify(detectionStep);
    return spooled.length;
  }

  private async writeIn(transaction: Transaction, batch: Batch): Promise<JournalEntry[]> {
    const { shopId } = batch;
    const fresh = await this.unconfirmed(transaction, batch);
    const last = fresh.at(-1);
    if (last === undefined) return [];
    const events = await this.interpret(transaction, { ...batch, transactions: fresh });
    const now = this.clock.now();
    await this.confirm(transaction, batch, { lsn: last.endLsn, now });
    return events.length === 0 ? [] : this.journal.append(transaction, shopId, events, now);
  }

  /** Locks the stream; of the batch, what was not written down before. */
  private async unconfirmed(transaction: Transaction, batch: Batch): Promise<SourceTransaction[]> {
    const { shopId, incarnation } = batch;
    await this.store.limitStatements(transaction, appendTimeoutMs);
    const confirmed = await this.store.lockConfirmed(transaction, shopId, incarnation);
    if (confirmed === undefined) throw new StreamReplaced(`the stream of ${shopId} was replaced`);
    return batch.transactions.filter(({ endLsn }) => isLater(endLsn, confirmed));
  }

  private async confirm(
    transaction: Transaction,
    { shopId, incarnation }: Batch,
    { lsn, now }: { lsn: string; now: Date },
  ): Promise<void> {
    await this.store.confirm(transaction, { shopId, incarnation, lsn, now });
  }

  private async interpret(transaction: Transaction, batch: Batch): Promise<OrderEvent[]> {
    const { mapping, shopId } = batch;
    const known = await this.readKnown(transaction, batch);
    const drafts = batch.transactions.map((source) => draftTransaction(mapping, source, known));
    const seals = await sealDrafts(
      drafts.flatMap((draft) => draft.seals),
      (given) => this.personalData.seal(transaction, shopId, given),
    );
    const orderRows = await this.readOrders(transaction, batch, drafts);
    const { incarnation } = batch;
    const context = { mapping, shopId, incarnation, seals, orderRows };
    const events = drafts.flatMap((draft) => composeEvents(context, draft));
    await this.writeImages(transaction, shopId, { drafts, seals });
    return events;
  }

  private async readKnown(transaction: Transaction, batch: Batch): Promise<KnownRows> {
    const { mapping, shopId } = batch;
    const known = new KnownRows();
    const named = namedRows(mapping, batch.transactions);
    const truncated = await this.readTables(transaction, shopId, named.truncated);
    for (const row of truncated) known.set(row);
    await readWithParents(mapping, known, {
      refs: [...named.refs, ...truncated],
      images: named.images,
      read: async (refs) => [...(await this.rowImages.read(transaction, shopId, refs)).values()],
    });
    return known;
  }

  private async readTables(
    transaction: Transaction,
    shopId: string,
    tables: readonly string[],
  ): Promise<StoredRow[]> {
    const rows: StoredRow[] = [];
    for (const table of tables) {
      const limit = truncatedPageRows;
      let page: StoredRow[] = [];
      do {
        const afterKey = page.at(-1)?.key ?? null;
        page = await this.rowImages.ofTable(transaction, { shopId, table, afterKey, limit });
        rows.push(...page);
      } while (page.length === limit);
    }
    return rows;
  }

  private async readOrders(
    transaction: Transaction,
    { mapping, shopId }: Batch,
    drafts: readonly TransactionDraft[],
  ): Promise<OrderRows> {
    const orderIds = [...new Set(drafts.flatMap((draft) => ordersToRead(mapping, draft)))];
    const orderRows = new OrderRows();
    if (orderIds.length === 0) return orderRows;
    const stored = await this.rowImages.ofOrders(transaction, shopId, orderIds);
    for (const orderId of orderIds) orderRows.load(orderId, stored.get(orderId) ?? []);
    return orderRows;
  }

  /** Each row once, as the last transaction of the batch left it. */
  private async writeImages(
    transaction: Transaction,
    shopId: string,
    {
      drafts,
      seals,
    }: {
      drafts: readonly TransactionDraft[];
      seals: Parameters<typeof sealedImage>[1];
    },
  ): Promise<void> {
    const rows = drafts.flatMap((draft) => draft.rows);
    const last = [...new Map(rows.map((row) => [rowName(row.table, row.key), row])).values()];
    const gone = last.filter((row) => row.after === null);
    const kept = last.flatMap(({ table, key, after, orderIdAfter }) =>
      after === null
        ? []
        : [{ table, key, orderId: orderIdAfter, image: sealedImage(after, seals) }],
    );
    await this.rowImages.remove(transaction, shopId, gone);
    await this.rowImages.write(transaction, shopId, kept);
  }
}
