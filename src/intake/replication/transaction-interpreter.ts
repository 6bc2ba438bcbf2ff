import { Injectable } from '@nestjs/common';
import { RowImageStore, type StoredRow } from '../../journal/row-image.store.js';
import type { OrderEvent } from '../../orders/order-event.js';
import type { Transaction } from '../../platform/database/database.js';
import type { Batch } from './batch.js';
import { EventComposer } from './event-composer.js';
import { namedRows, onlyTruncated, readWithParents } from './interpret/batch-rows.js';
import { draftTransaction } from './interpret/draft-transaction.js';
import { KnownRows } from './interpret/known-rows.js';
import { LargeTransactionInterpreter } from './large-transaction-interpreter.js';
import type { SourceTransaction } from './source/source-transaction.js';

/** Rows of a truncated table that are read at once. */
const truncatedPageRows = 1_000;
/** Orders whose rows are read at once where tables were emptied and nothing else happened. */
const truncatedPageOrders = 500;

/** Works out what transactions of a shop mean for its orders, and carries the row images forward. */
@Injectable()
export class TransactionInterpreter {
  constructor(
    private readonly rowImages: RowImageStore,
    private readonly composer: EventComposer,
    private readonly large: LargeTransactionInterpreter,
  ) {}

  /**
   * The events of a batch, in commit order and in portions that are to be journalled as they come: a
   * transaction that empties tables, or comes in parts, would not fit into memory at once. Throws MappingMismatch where the
   * profile does not fit what the transactions hold.
   */
  async *interpret(transaction: Transaction, batch: Batch): AsyncGenerator<OrderEvent[]> {
    let usual: SourceTransaction[] = [];
    for (const source of batch.transactions) {
      const isLarge = source.parts !== undefined;
      const tables = isLarge ? null : onlyTruncated(batch.mapping, source);
      if (tables === null && !isLarge) {
        usual.push(source);
        continue;
      }
      yield await this.interpretAll(transaction, { ...batch, transactions: usual });
      usual = [];
      const only = { ...batch, transactions: [source] };
      if (tables === null) yield* this.large.interpret(transaction, batch, source);
      else yield* this.interpretTruncation(transaction, only, tables);
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
    let orderIds: string[] = [];
    do {
      const page = { shopId, afterOrder: orderIds.at(-1) ?? null, limit };
      orderIds = await this.rowImages.nextOrders(transaction, page);
      const rows = await this.rowImages.ofOrdersIn(transaction, { shopId, tables, orderIds });
      if (rows.length > 0) yield await this.interpretAll(transaction, batch, rows);
    } while (orderIds.length > 0);
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
    const { mapping } = batch;
    const known = await this.readKnown(transaction, batch, truncated);
    const drafts = batch.transactions.map((source) => draftTransaction(mapping, source, known));
    return this.composer.compose(transaction, batch, drafts);
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
}
