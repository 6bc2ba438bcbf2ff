import { Injectable } from '@nestjs/common';
import { PersonalData } from '../../journal/personal-data.js';
import { RowImageStore } from '../../journal/row-image.store.js';
import { rowName } from '../../orders/fold.js';
import type { OrderEvent } from '../../orders/order-event.js';
import type { SealedValue } from '../../orders/row-change.js';
import type { Transaction } from '../../platform/database/database.js';
import { EventComposer } from './event-composer.js';
import { namedRows, readWithParents } from './interpret/batch-rows.js';
import { missed, unseenText } from './interpret/compose-events.js';
import { PersonalText, type DraftImage } from './interpret/draft-image.js';
import {
  sealsOfCheck,
  TransactionWork,
  type RowDraft,
  type TouchedRow,
  type TransactionDraft,
} from './interpret/draft-transaction.js';
import { KnownRows, type KnownRow, type RowRef } from './interpret/known-rows.js';
import { orderRef, ownerOf, type RowLookup } from './interpret/ownership.js';
import { sealDrafts } from './interpret/seal-drafts.js';
import type { SourceChange } from './source/pgoutput.js';
import { microsecondsLater, type SourceTransaction } from './source/source-transaction.js';
import { Spool } from './spool.js';
import { TouchedRows, type Touched } from './touched-rows.js';
import type { Batch } from './batch.js';

/** Orders that are told at once, and rows that are looked at at once. */
const pageOrders = 200;
const pageRows = 2_000;
/** Rows that are named where they are not what they were known to be. */
const namedGaps = 20;

/** The whole work on one big transaction. */
interface Large {
  readonly transaction: Transaction;
  readonly batch: Omit<Batch, 'transactions'>;
  readonly source: SourceTransaction;
}

/**
 * Works out a transaction that is too big for memory: its changes are taken in part by part, row by row
 * kept in a table of our own session, and told order by order. What comes of it is what would come of it whole.
 */
@Injectable()
export class LargeTransactionInterpreter {
  constructor(
    private readonly rowImages: RowImageStore,
    private readonly personalData: PersonalData,
    private readonly spool: Spool,
    private readonly rows: TouchedRows,
    private readonly composer: EventComposer,
  ) {}

  /** The transaction's events in portions; everything is told only once all of them were taken. */
  async *interpret(
    transaction: Transaction,
    batch: Omit<Batch, 'transactions'>,
    source: SourceTransaction,
  ): AsyncGenerator<OrderEvent[]> {
    const large = { transaction, batch, source };
    const { store } = this.rows;
    await store.open(transaction);
    const gaps = await this.takeIn(large);
    await this.findOrders(large);
    await store.index(transaction);
    let isTold = false;
    for await (const events of this.tellOrders(large)) {
      isTold ||= events.length > 0;
      yield events;
    }
    if (isTold) gaps.push(...batch.unseen.map(unseenText));
    await this.carryRest(large);
    yield* this.tellShared(large, gaps);
    await store.close(transaction);
  }

  /** Takes in all changes; gives what was found to be missed, in words. */
  private async takeIn(large: Large): Promise<string[]> {
    const { transaction, batch, source } = large;
    const gaps: string[] = [];
    let unnamed = 0;
    const take = async (changes: readonly SourceChange[]): Promise<void> => {
      const found = await this.touch(large, changes);
      const room = namedGaps - gaps.length;
      gaps.push(...found.slice(0, room));
      unnamed += Math.max(0, found.length - room);
    };
    const { commitLsn, parts = 0 } = source;
    for (let number = 0; number < parts; number += 1) {
      const name = { shopId: batch.shopId, commitLsn, number };
      await take(await this.spool.readPart(transaction, name));
    }
    await take(source.changes);
    return unnamed === 0 ? gaps : [...gaps, `and ${unnamed} rows more`];
  }

  /** Takes in some changes in their order; those that empty tables stand for themselves. */
  private async touch(large: Large, changes: readonly SourceChange[]): Promise<string[]> {
    const gaps: string[] = [];
    let usual: SourceChange[] = [];
    for (const change of changes) {
      if (change.kind !== 'truncate') {
        usual.push(change);
        continue;
      }
      gaps.push(...(await this.touchRows(large, usual)));
      usual = [];
      for (const { table } of change.relations) await this.empty(large, table);
    }
    gaps.push(...(await this.touchRows(large, usual)));
    return gaps;
  }

  private async touchRows(large: Large, changes: readonly SourceChange[]): Promise<string[]> {
    if (changes.length === 0) return [];
    const { transaction, batch, source } = large;
    const { mapping, shopId } = batch;
    const { refs: named } = namedRows(mapping, [{ ...source, changes }]);
    const refs = [...new Map(named.map((ref) => [rowName(ref.table, ref.key), ref])).values()];
    const before = new Map(
      (await this.rows.read(transaction, shopId, refs)).map((row) => [nameOf(row), row]),
    );
    const known = new KnownRows();
    const fresh = refs.filter((ref) => !before.has(nameOf(ref)));
    for (const row of (await this.rowImages.read(transaction, shopId, fresh)).values())
      known.set(row);
    const work = new TransactionWork(mapping, known, [...before.values()]);
    for (const change of changes) work.apply(change);
    const touched = work.rows.map((row) =>
      this.withOrder(batch, row, {
        orderBefore: before.get(nameOf(row))?.orderBefore ?? known.get(row)?.orderId ?? null,
      }),
    );
    // what is compared was sealed under the key of the known value, and stays so
    const seals = await sealDrafts(work.checks.flatMap(sealsOfCheck), (given) =>
      this.personalData.seal(transaction, shopId, given),
    );
    const kept = touched.map((row) => ({ ...row, before: partlySealed(row.before, seals) }));
    await this.rows.write(transaction, shopId, kept);
    return work.checks.map((check) => missed(check, { seals })).filter((text) => text !== null);
  }

  /** What the row itself tells of its order; the rest is found once all rows are known. */
  private withOrder(
    { mapping }: Large['batch'],
    { table, key, inserted, before, after }: TouchedRow,
    { orderBefore }: Pick<Touched, 'orderBefore'>,
  ): Touched {
    const row = { table, key, inserted, before, after };
    const order = mapping.tables.get(table)?.order;
    const shared = order === 'shared';
    const isChild = order !== undefined && order !== 'shared' && order.parent !== undefined;
    const own = (image: TouchedRow['before']): string | null => {
      if (image === null || isChild) return null;
      const owner = ownerOf(mapping, { table, image }, nothingKnown);
      return owner === null || owner === 'shared' ? null : owner.orderId;
    };
    return {
      ...{ ...row, shared, isChild, orderAfter: own(after) },
      orderBefore: before === null ? null : (orderBefore ?? own(before)),
    };
  }

  /** The deletion of every row that is known of a table, and of those that came in this transaction. */
  private async empty({ transaction, batch }: Large, table: string): Promise<void> {
    const { mapping, shopId } = batch;
    if (!mapping.tables.has(table)) return;
    let page: Awaited<ReturnType<RowImageStore['ofTable']>> = [];
    do {
      const afterKey = page.at(-1)?.key ?? null;
      page = await this.rowImages.ofTable(transaction, {
        ...{ shopId, table, afterKey, limit: pageRows },
      });
      const touched = await this.rows.store.read(transaction, page);
      const names = new Set(touched.map(nameOf));
      const fresh = page.filter((row) => !names.has(nameOf(row)));
      const gone = fresh.map(({ key, image, orderId }) =>
        this.withOrder(
          batch,
          { table, key, inserted: false, before: image, after: null },
          { orderBefore: orderId },
        ),
      );
      await this.rows.write(transaction, shopId, gone);
    } while (page.length === pageRows);
    await this.rows.store.empty(transaction, table);
  }

  /** Finds the orders of rows that stand on their parents. */
  private async findOrders(large: Large): Promise<void> {
    const { transaction, batch } = large;
    let after: RowRef | null = null;
    for (;;) {
      const kept = await this.rows.store.children(transaction, { after, limit: pageRows });
      const last = kept.at(-1);
      if (last === undefined) return;
      after = { table: last.table, key: last.key };
      const rows = await this.rows.open(transaction, batch.shopId, kept);
      const draft = await this.draft(large, rows, []);
      await this.rows.store.setOrders(transaction, draft.rows.map(ordersOf));
    }
  }

  /** Page by page; orders between which a row has moved are told together. */
  private async *tellOrders(large: Large): AsyncGenerator<OrderEvent[]> {
    const { transaction } = large;
    const ahead = new Set<string>();
    let after: string | null = null;
    for (;;) {
      const next = await this.rows.store.nextOrders(transaction, { after, limit: pageOrders });
      const last = next.at(-1);
      if (last === undefined) return;
      after = last;
      const page = await this.withMoved(
        large,
        next.filter((orderId) => !ahead.has(orderId)),
      );
      for (const orderId of page.orderIds) ahead.add(orderId);
      for (const orderId of next) ahead.delete(orderId);
      yield await this.tell(large, await this.draft(large, page.rows, page.orderIds));
    }
  }

  /** The rows of these orders, and of all that a row of theirs has moved to or from. */
  private async withMoved(
    { transaction, batch }: Large,
    orders: readonly string[],
  ): Promise<{ orderIds: string[]; rows: Touched[] }> {
    const orderIds = new Set(orders);
    for (;;) {
      const kept = await this.rows.store.ofOrders(transaction, [...orderIds]);
      const size = orderIds.size;
      for (const { orderBefore, orderAfter } of kept)
        for (const orderId of [orderBefore, orderAfter])
          if (orderId !== null) orderIds.add(orderId);
      if (orderIds.size > size) continue;
      return {
        orderIds: [...orderIds],
        rows: await this.rows.open(transaction, batch.shopId, kept),
      };
    }
  }

  /** Rows of no order, of which only the images are carried forward. */
  private async carryRest(large: Large): Promise<void> {
    const { transaction, batch } = large;
    let after: RowRef | null = null;
    for (;;) {
      const kept = await this.rows.store.withoutOrder(transaction, { after, limit: pageRows });
      const last = kept.at(-1);
      if (last === undefined) return;
      after = { table: last.table, key: last.key };
      const rows = await this.rows.open(transaction, batch.shopId, kept);
      await this.tell(large, await this.draft(large, rows, []));
    }
  }

  /**
   * Shared rows, and with the first of them what was missed: one entry for so many rows. The journal knows a
   * transaction's entries of no order by their time, so each further one stands a microsecond later.
   */
  private async *tellShared(large: Large, gaps: readonly string[]): AsyncGenerator<OrderEvent[]> {
    const { transaction, batch, source } = large;
    let after: RowRef | null = null;
    for (let number = 0; ; number += 1) {
      const kept = await this.rows.store.ofShared(transaction, { after, limit: pageRows });
      const last = kept.at(-1);
      if (last === undefined && number > 0) return;
      after = last === undefined ? null : { table: last.table, key: last.key };
      const rows = await this.rows.open(transaction, batch.shopId, kept);
      const draft = await this.draft(large, rows, []);
      const committedAt = microsecondsLater(source.committedAt, number);
      const told = { ...source, committedAt };
      yield await this.tell(large, {
        ...{ ...draft, transaction: told, gaps: number === 0 ? gaps : [] },
      });
      if (last === undefined) return;
    }
  }

  private async tell(large: Large, draft: TransactionDraft): Promise<OrderEvent[]> {
    const { transaction, batch } = large;
    // what is missed of them is told once, at the end
    return this.composer.compose(transaction, { ...batch, unseen: [] }, [draft]);
  }

  /** What the transaction made of these rows, with the given orders. */
  private async draft(
    { transaction, batch, source }: Large,
    rows: readonly Touched[],
    orderIds: readonly string[],
  ): Promise<TransactionDraft> {
    const { mapping, shopId } = batch;
    const known = new KnownRows();
    const touched = new Map(rows.map((row) => [nameOf(row), row]));
    await readWithParents(mapping, known, {
      refs: [...orderIds.map((orderId) => orderRef(mapping, orderId))],
      images: rows.flatMap(sidesOf),
      read: async (refs) => {
        // an order's rows mostly name each other: those are here already, and opened
        const isElsewhere = (ref: RowRef): boolean => !touched.has(nameOf(ref));
        const asked = refs.filter(isElsewhere);
        for (const row of await this.rows.read(transaction, shopId, asked))
          touched.set(nameOf(row), row);
        const others = asked.filter(isElsewhere);
        const stored = await this.rowImages.read(transaction, shopId, others);
        const here = refs.map((ref) => touched.get(nameOf(ref))).filter((row) => row !== undefined);
        return [...stored.values(), ...here.flatMap(sidesOf)];
      },
    });
    for (const { table, key, orderBefore, before } of touched.values()) {
      if (before === null) known.remove({ table, key });
      else known.set({ table, key, orderId: orderBefore, image: before });
    }
    const told = new Set(rows.map(nameOf));
    const scope = {
      orders: new Set(orderIds),
      tells: (row: RowRef) => told.has(nameOf(row)),
    };
    const work = new TransactionWork(mapping, known, [...touched.values()]);
    return { transaction: source, ...work.finish(scope) };
  }
}

/** Whose a row is by itself alone. */
const nothingKnown: RowLookup = { image: () => undefined, orderByLink: () => null };

function nameOf({ table, key }: RowRef): string {
  return rowName(table, key);
}

function partlySealed(
  image: DraftImage | null,
  seals: ReadonlyMap<PersonalText, SealedValue>,
): DraftImage | null {
  if (image === null || seals.size === 0) return image;
  return Object.fromEntries(
    Object.entries(image).map(([column, value]) => [
      column,
      value instanceof PersonalText ? (seals.get(value) ?? value) : value,
    ]),
  );
}

/** The row as it was and as it is, both of which point to a parent. */
function sidesOf({ table, key, orderBefore, before, after }: Touched): KnownRow[] {
  return [before, after]
    .filter((image) => image !== null)
    .map((image) => ({ table, key, orderId: orderBefore, image }));
}

function ordersOf({
  table,
  key,
  orderIds,
  orderIdAfter,
}: RowDraft): RowRef & Pick<Touched, 'orderBefore' | 'orderAfter'> {
  const before = orderIds.find((orderId) => orderId !== orderIdAfter) ?? orderIdAfter;
  return { table, key, orderBefore: before, orderAfter: orderIdAfter };
}
