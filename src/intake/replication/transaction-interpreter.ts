import { Injectable } from '@nestjs/common';
import { PersonalData } from '../../journal/personal-data.js';
import { RowImageStore, type StoredRow } from '../../journal/row-image.store.js';
import { rowName } from '../../orders/fold.js';
import type { OrderEvent } from '../../orders/order-event.js';
import type { Transaction } from '../../platform/database/database.js';
import { RestoreMarkers } from '../../shops/restore-markers.js';
import { namedRows, onlyTruncated, readWithParents } from './interpret/batch-rows.js';
import { composeEvents, ordersToRead, type ComposeContext } from './interpret/compose-events.js';
import { sealedImage } from './interpret/draft-image.js';
import { draftTransaction, type TransactionDraft } from './interpret/draft-transaction.js';
import { KnownRows } from './interpret/known-rows.js';
import { markersOf } from './interpret/messages.js';
import { OrderRows } from './interpret/order-rows.js';
import { sealDrafts } from './interpret/seal-drafts.js';
import type { ShopMapping } from './interpret/shop-mapping.js';
import type { SourceTransaction } from './source/source-transaction.js';

/** Rows of a truncated table that are read at once. */
const truncatedPageRows = 1_000;
/** Orders whose rows are read at once where tables were emptied and nothing else happened. */
const truncatedPageOrders = 500;

export interface Batch {
  readonly shopId: string;
  readonly mapping: ShopMapping;
  readonly incarnation: string;
  /** mapped tables that were not published, so that nobody knows what became of their rows */
  readonly unseen: readonly string[];
  /** in commit order */
  readonly transactions: readonly SourceTransaction[];
}

/** Works out what transactions of a shop mean for its orders, and carries the row images forward. */
@Injectable()
export class TransactionInterpreter {
  constructor(
    private readonly rowImages: RowImageStore,
    private readonly personalData: PersonalData,
    private readonly markers: RestoreMarkers,
  ) {}

  /**
   * The events of a batch, in commit order and in portions that are to be journalled as they come: a
   * transaction that empties tables would not fit into memory at once. Throws MappingMismatch where the
   * profile does not fit what the transactions hold.
   */
  async *interpret(transaction: Transaction, batch: Batch): AsyncGenerator<OrderEvent[]> {
    let usual: SourceTransaction[] = [];
    for (const source of batch.transactions) {
      const tables = onlyTruncated(batch.mapping, source);
      if (tables === null) usual.push(source);
      else {
        yield await this.interpretAll(transaction, { ...batch, transactions: usual });
        usual = [];
        yield* this.interpretTruncation(transaction, { ...batch, transactions: [source] }, tables);
      }
    }
    yield await this.interpretAll(transaction, { ...batch, transactions: usual });
  }

  /** Order by order; at last what belongs to no order, which is one event together. */
  private async *interpretTruncation(
    transaction: Transaction,
    batch: Batch,
    tables: readonly string[],
  ): AsyncGenerator<OrderEvent[]> {
    const { shopId } = batch;
    const limit = truncatedPageOrders;
    let rows: StoredRow[] = [];
    do {
      const afterOrder = rows.at(-1)?.orderId ?? null;
      const page = { shopId, tables, afterOrder, limit };
      rows = await this.rowImages.ofNextOrders(transaction, page);
      if (rows.length > 0) yield await this.interpretAll(transaction, batch, rows);
    } while (rows.length > 0);
    const rest = await this.rowImages.withoutOrder(transaction, shopId, tables);
    yield await this.interpretAll(transaction, batch, rest);
  }

  /** `truncated` stands for the rows of emptied tables; without it, all rows that are known of them. */
  private async interpretAll(
    transaction: Transaction,
    batch: Batch,
    truncated?: readonly StoredRow[],
  ): Promise<OrderEvent[]> {
    if (batch.transactions.length === 0) return [];
    const { mapping, shopId } = batch;
    const known = await this.readKnown(transaction, batch, truncated);
    const drafts = batch.transactions.map((source) => draftTransaction(mapping, source, known));
    const seals = await sealDrafts(
      drafts.flatMap((draft) => draft.seals),
      (given) => this.personalData.seal(transaction, shopId, given),
    );
    const orderRows = await this.readOrders(transaction, batch, drafts);
    const { incarnation, unseen } = batch;
    const context = { mapping, shopId, incarnation, unseen, seals, orderRows };
    const events: (readonly OrderEvent[])[] = [];
    for (const draft of drafts) events.push(await this.compose(transaction, context, draft));
    await this.writeImages(transaction, shopId, { drafts, seals });
    return events.flat();
  }

  /** The draft's events, those that our own restores and undos made with their markers. */
  private async compose(
    transaction: Transaction,
    context: ComposeContext,
    draft: TransactionDraft,
  ): Promise<readonly OrderEvent[]> {
    const events = composeEvents(context, draft);
    const contents = markersOf(draft.transaction);
    if (contents.length === 0) return events;
    const { shopId, incarnation } = context;
    const { commitLsn, transactionId } = draft.transaction;
    const source = { incarnation, commitLsn, transactionId };
    return this.markers.mark(transaction, { shopId, source, contents }, events);
  }

  private async readKnown(
    transaction: Transaction,
    batch: Batch,
    given: readonly StoredRow[] | undefined,
  ): Promise<KnownRows> {
    const { mapping, shopId } = batch;
    const known = new KnownRows();
    const named = namedRows(mapping, batch.transactions);
    const truncated = given ?? (await this.readTables(transaction, shopId, named.truncated));
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
