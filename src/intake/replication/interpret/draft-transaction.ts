import { rowName } from '../../../orders/fold.js';
import type { RowKey, SealedValue } from '../../../orders/row-change.js';
import type { SourceChange, SourceOldTuple, SourceRelation } from '../source/pgoutput.js';
import type { SourceTransaction } from '../source/source-transaction.js';
import {
  draftImage,
  isWhole,
  keyOfTuple,
  PersonalText,
  plainText,
  type DraftImage,
} from './draft-image.js';
import type { KnownRow, KnownRows, RowRef } from './known-rows.js';
import {
  keyOfOwner,
  namedByRow,
  orderRef,
  ownerOf,
  type Link,
  type RowLookup,
} from './ownership.js';
import type { MappedTable, ShopMapping } from './shop-mapping.js';

/** What a transaction made of one row, net, before personal values are sealed. */
export interface RowDraft extends RowRef {
  readonly before: DraftImage | null;
  readonly after: DraftImage | null;
  /** the row was not there before: an update of a row that was not known has no before-image either */
  readonly inserted: boolean;
  /** the orders that the row belonged to before and after; both for a row that moved */
  readonly orderIds: readonly string[];
  readonly shared: boolean;
  /** the order it belongs to from now on */
  readonly orderIdAfter: string | null;
}

/** An order's own row. */
export interface OrderDraft {
  readonly before: DraftImage | null;
  readonly after: DraftImage | null;
  /** it was not there before; else a missing `before` only means that it was not known */
  readonly isNew: boolean;
}

/** A row as the shop told it (`told`) that should equal the last known image (`known`). */
export interface CrossCheck extends RowRef {
  readonly known: DraftImage | null;
  readonly told: DraftImage | null;
}

/** A personal value and under whose key it is to be sealed. */
export interface SealRequest {
  readonly value: PersonalText;
  readonly keyOf: string;
  /** what it may be the same as: sealed before, under that key */
  readonly known?: SealedValue;
}

/** A transaction, worked out as far as it can be without sealing. */
export interface TransactionDraft {
  readonly transaction: SourceTransaction;
  readonly rows: readonly RowDraft[];
  readonly checks: readonly CrossCheck[];
  readonly seals: readonly SealRequest[];
  /** the row of every order that is touched, before and after, whether it changed itself or not */
  readonly orders: ReadonlyMap<string, OrderDraft>;
  /** what else is known to be missed, in words */
  readonly gaps?: readonly string[];
}

/**
 * Works out the net change per row of one transaction: first before-image, last after-image, each row with
 * its order. `known` must hold all rows that the transaction refers to, and is carried forward.
 * Throws MappingMismatch where the shop's tables no longer have what the profile names.
 */
export function draftTransaction(
  mapping: ShopMapping,
  transaction: SourceTransaction,
  known: KnownRows,
): TransactionDraft {
  const work = new TransactionWork(mapping, known);
  for (const change of transaction.changes) work.apply(change);
  return { transaction, ...work.finish() };
}

/** A row as a transaction found it and as it has made it so far. */
export interface TouchedRow extends RowRef {
  readonly inserted: boolean;
  readonly before: DraftImage | null;
  after: DraftImage | null;
}

/** Of a transaction that is worked out order by order: what is told now. */
export interface DraftScope {
  readonly orders: ReadonlySet<string>;
  /** whether a row is told, or only stands there for others to find their order by */
  readonly tells: (row: RowRef) => boolean;
}

/** The rows that one transaction has touched so far. */
export class TransactionWork {
  private readonly touched: Map<string, TouchedRow>;
  /** the rows that name others, by what they name: made once nothing is touched any more */
  private naming: Map<string, TouchedRow> | undefined;
  readonly checks: CrossCheck[] = [];

  /** `touched`: what it has touched before, where it is worked out in parts */
  constructor(
    private readonly mapping: ShopMapping,
    private readonly known: KnownRows,
    touched: readonly TouchedRow[] = [],
  ) {
    this.touched = new Map(touched.map((row) => [rowName(row.table, row.key), row]));
  }

  /** Every row that was touched, also those that came and went. */
  get rows(): TouchedRow[] {
    return [...this.touched.values()];
  }

  apply(change: SourceChange): void {
    if (change.kind === 'truncate') {
      for (const relation of change.relations) this.truncate(relation.table);
      return;
    }
    const mapped = this.mapping.tables.get(change.relation.table);
    if (mapped === undefined) return;
    switch (change.kind) {
      case 'insert':
        this.insert(mapped, change);
        break;
      case 'update':
        this.update(mapped, change);
        break;
      case 'delete':
        this.delete(mapped, change);
        break;
    }
  }

  private insert(mapped: MappedTable, change: Extract<SourceChange, { kind: 'insert' }>): void {
    const ref = {
      table: mapped.table,
      key: keyOfTuple(mapped, change.relation, change.after),
    };
    const stale = this.current(ref);
    if (stale !== null) this.checks.push({ ...ref, known: stale, told: null });
    const after = draftImage(mapped, change.relation, { tuple: change.after, base: null });
    this.touch(ref, { inserted: true, before: null, after });
  }

  private update(mapped: MappedTable, change: Extract<SourceChange, { kind: 'update' }>): void {
    const { relation } = change;
    const key = keyOfTuple(mapped, relation, change.after);
    const oldKey = change.before === null ? key : this.oldKey(mapped, relation, change.before, key);
    const old = { table: mapped.table, key: oldKey };
    const before = this.before(mapped, { ref: old, relation, old: change.before });
    const after = draftImage(mapped, relation, { tuple: change.after, base: before });
    if (rowName(old.table, old.key) === rowName(mapped.table, key)) {
      this.touch(old, { inserted: false, before, after });
    } else {
      this.touch(old, { inserted: false, before, after: null });
      this.touch({ table: mapped.table, key }, { inserted: true, before: null, after });
    }
  }

  private delete(mapped: MappedTable, change: Extract<SourceChange, { kind: 'delete' }>): void {
    const { relation } = change;
    const ref = { table: mapped.table, key: keyOfTuple(mapped, relation, change.before.values) };
    const before = this.before(mapped, { ref, relation, old: change.before });
    this.touch(ref, { inserted: false, before, after: null });
  }

  private truncate(table: string): void {
    for (const row of this.known.ofTable(table)) {
      this.touch(row, { inserted: false, before: row.image, after: null });
    }
    for (const row of this.touched.values()) if (row.table === table) row.after = null;
  }

  /** Under a partial identity the old tuple may lack a key column that did not change. */
  private oldKey(
    mapped: MappedTable,
    relation: SourceRelation,
    old: SourceOldTuple,
    key: RowKey,
  ): RowKey {
    return mapped.key.map((column, index) => {
      const value = old.values[relation.columns.indexOf(column)];
      return typeof value === 'string' ? value : (key[index] ?? '');
    });
  }

  /** The row before this change: as the shop tells it, or as it was last known. */
  private before(
    mapped: MappedTable,
    given: { ref: RowRef; relation: SourceRelation; old: SourceOldTuple | null },
  ): DraftImage | null {
    const current = this.current(given.ref);
    if (given.old === null || !isWhole(mapped, given.relation, given.old)) {
      if (current === null) this.checks.push({ ...given.ref, known: null, told: null });
      return current;
    }
    const told = draftImage(mapped, given.relation, { tuple: given.old.values, base: current });
    if (this.isTouched(given.ref)) return current ?? told;
    this.checks.push({ ...given.ref, known: current, told });
    return current === null ? told : reconciled(told, current);
  }

  private isTouched(ref: RowRef): boolean {
    return this.touched.has(rowName(ref.table, ref.key));
  }

  private current(ref: RowRef): DraftImage | null {
    const touched = this.touched.get(rowName(ref.table, ref.key));
    if (touched !== undefined) return touched.after;
    return this.known.get(ref)?.image ?? null;
  }

  private touch(
    ref: RowRef,
    change: { inserted: boolean; before: DraftImage | null; after: DraftImage | null },
  ): void {
    const touched = this.touched.get(rowName(ref.table, ref.key));
    if (touched !== undefined) touched.after = change.after;
    else {
      const { table, key } = ref;
      this.touched.set(rowName(table, key), { table, key, ...change });
    }
  }

  /**
   * Rows that were there before, without an order, and which a row of this transaction names: they come to its
   * order now, as if they were new.
   */
  private takeInNamed(): void {
    for (const { table, after } of this.rows) {
      if (after === null) continue;
      for (const ref of namedByRow(this.mapping, { table, image: after })) {
        const known = this.known.get(ref);
        if (known?.orderId !== null || this.isTouched(ref)) continue;
        this.touch(ref, { inserted: true, before: null, after: known.image });
      }
    }
  }

  /** By rows of this transaction, or by what was known of the named row before it. */
  private orderByLink({ table, by, named }: Link): string | null {
    const known = this.known.get(named)?.orderId ?? null;
    if (known !== null) return known;
    this.naming ??= this.namingRows();
    const link = this.naming.get(linkName({ table, by }, named.key[0] ?? ''));
    const order = this.mapping.tables.get(table)?.order;
    if (!link?.after || order === undefined || order === 'shared') return null;
    return plainText(link.after[order.column]) ?? null;
  }

  /** Of several rows that name the same one, the first. */
  private namingRows(): Map<string, TouchedRow> {
    const naming = new Map<string, TouchedRow>();
    for (const row of this.touched.values()) {
      const { table, after } = row;
      const links = this.mapping.links.get(table) ?? [];
      for (const { by } of links) {
        const value = plainText(after?.[by]);
        if (value === undefined) continue;
        const name = linkName({ table, by }, value);
        if (!naming.has(name)) naming.set(name, row);
      }
    }
    return naming;
  }

  finish(scope?: DraftScope): Omit<TransactionDraft, 'transaction'> {
    this.takeInNamed();
    const rows = this.rows.filter(
      (row) => (row.after !== null || !row.inserted) && scope?.tells(row) !== false,
    );
    const orderByLink = (link: Link): string | null => this.orderByLink(link);
    const before: RowLookup = {
      image: (ref) =>
        this.touched.get(rowName(ref.table, ref.key))?.before ?? this.known.get(ref)?.image,
      orderByLink,
    };
    const after: RowLookup = { image: (ref) => this.current(ref) ?? undefined, orderByLink };
    const drafts = rows.map((row) => this.draft(row, { before, after }));
    const orders = this.ordersOf(drafts, { before, after }, scope);
    const seals = drafts.flatMap((row) => this.sealsOf(row, { before, after }));
    for (const draft of drafts) this.carryForward(draft);
    return {
      rows: drafts,
      checks: this.checks,
      // the first request for a value decides: what is compared must be under the key of the known value
      seals: [...this.checks.flatMap(sealsOfCheck), ...seals],
      orders,
    };
  }

  private draft(row: TouchedRow, lookups: { before: RowLookup; after: RowLookup }): RowDraft {
    const { table, before, after } = row;
    const ownerAfter =
      after === null ? null : ownerOf(this.mapping, { table, image: after }, lookups.after);
    const orderIdBefore = before === null ? null : this.orderIdBefore(row, before, lookups.before);
    const orderIdAfter = ownerAfter === null || ownerAfter === 'shared' ? null : ownerAfter.orderId;
    const orderIds = [orderIdAfter, orderIdBefore].filter((id) => id !== null);
    const shared = this.mapping.tables.get(table)?.order === 'shared';
    return { ...row, orderIds: [...new Set(orderIds)], shared, orderIdAfter };
  }

  /** What was written down when the row was last seen; the parent itself may be gone by now. */
  private orderIdBefore(row: RowRef, image: DraftImage, lookup: RowLookup): string | null {
    const known = this.known.get(row);
    if (typeof known?.orderId === 'string') return known.orderId;
    const owner = ownerOf(this.mapping, { table: row.table, image }, lookup);
    return owner === null || owner === 'shared' ? null : owner.orderId;
  }

  private ordersOf(
    drafts: readonly RowDraft[],
    lookups: { before: RowLookup; after: RowLookup },
    scope?: DraftScope,
  ): TransactionDraft['orders'] {
    const orderIds = new Set(drafts.flatMap((row) => row.orderIds));
    const told = [...orderIds].filter((orderId) => scope?.orders.has(orderId) !== false);
    return new Map(
      told.map((orderId) => {
        const ref = orderRef(this.mapping, orderId);
        const touched = this.touched.get(rowName(ref.table, ref.key));
        const before = touched === undefined ? lookups.before.image(ref) : touched.before;
        const isNew = touched?.inserted ?? false;
        return [
          orderId,
          { before: before ?? null, after: lookups.after.image(ref) ?? null, isNew },
        ];
      }),
    );
  }

  private sealsOf(row: RowDraft, lookups: { before: RowLookup; after: RowLookup }): SealRequest[] {
    const orderId = row.orderIdAfter ?? row.orderIds[0] ?? null;
    const lookup: RowLookup = {
      ...lookups.after,
      image: (ref) => lookups.after.image(ref) ?? lookups.before.image(ref),
    };
    const values = personalTexts([row.before, row.after]);
    if (values.length === 0) return [];
    const keyOf = keyOfOwner(this.mapping, { ...row, orderId }, lookup);
    return values.map((value) => ({ value, keyOf }));
  }

  private carryForward({ table, key, after, orderIdAfter }: RowDraft): void {
    if (after === null) this.known.remove({ table, key });
    else this.known.set({ table, key, orderId: orderIdAfter, image: after } satisfies KnownRow);
  }
}

function linkName({ table, by }: Pick<Link, 'table' | 'by'>, value: string): string {
  return `${table} ${by} ${value}`;
}

/** `told`, but with the same object for a personal value that is known in the clear: it is sealed once. */
function reconciled(told: DraftImage, known: DraftImage): DraftImage {
  const merged = { ...told };
  for (const [column, value] of Object.entries(told)) {
    const other = known[column];
    const isSame =
      value instanceof PersonalText && other instanceof PersonalText && value.text === other.text;
    if (isSame) merged[column] = other;
  }
  return merged;
}

/** For the comparison, the told value has to be sealed under the key of the known one. */
export function sealsOfCheck({ known, told }: CrossCheck): SealRequest[] {
  if (known === null || told === null) return [];
  return Object.entries(told).flatMap(([column, value]) => {
    const other = known[column];
    const isSealed = typeof other === 'object' && other !== null && 'keyOf' in other;
    return value instanceof PersonalText && isSealed
      ? [{ value, keyOf: other.keyOf, known: other }]
      : [];
  });
}

function personalTexts(images: readonly (DraftImage | null)[]): PersonalText[] {
  return images
    .flatMap((image) => Object.values(image ?? {}))
    .filter((value) => value instanceof PersonalText);
}
