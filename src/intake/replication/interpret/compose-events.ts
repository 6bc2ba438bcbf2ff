import type { OrderEvent } from '../../../orders/order-event.js';
import type { OrderSnapshot } from '../../../orders/order-snapshot.js';
import {
  changedColumns,
  isSealed,
  sameValue,
  type RowChange,
  type RowImage,
  type SealedValue,
} from '../../../orders/row-change.js';
import { Fault } from '../../../platform/errors.js';
import { money } from '../../../platform/money.js';
import type { CancellationActor } from '../../../shops/cancellation-actor.js';
import { buildSnapshot, isPlaced } from '../../../shops/snapshot.js';
import { actorOf } from './actor.js';
import { PersonalText, plainText, sealedImage, type DraftImage } from './draft-image.js';
import type { CrossCheck, RowDraft, TransactionDraft } from './draft-transaction.js';
import { isCancelling, isLineCancelled, isPlacing, kindsOf, type OrderChange } from './kinds.js';
import { traceparentOf } from './messages.js';
import type { OrderRows } from './order-rows.js';
import type { ShopMapping } from './shop-mapping.js';

export interface ComposeContext {
  readonly mapping: ShopMapping;
  readonly shopId: string;
  readonly incarnation: string;
  /** mapped tables that were not published: an order's entry does not know what became of their rows */
  readonly unseen: readonly string[];
  readonly seals: ReadonlyMap<PersonalText, SealedValue>;
  /** holds the orders of `ordersToRead`, as they were before this transaction; carried forward */
  readonly orderRows: OrderRows;
}

/**
 * The orders of which all rows are needed: those that are placed, whose status changes (for the snapshot), or
 * that lose something of a line (for the attributes that stand on other rows than the order's own).
 */
export function ordersToRead(mapping: ShopMapping, draft: TransactionDraft): string[] {
  const { profile } = mapping;
  const { column } = profile.order.status;
  const told = [column, profile.order.placed_when.column];
  const lessened = new Set(
    draft.rows.filter((row) => isLineCancelled(profile, row)).flatMap(({ orderIds }) => orderIds),
  );
  return [...draft.orders]
    .filter(([orderId, order]) => {
      const before = clearColumns(order.before, told);
      const after = clearColumns(order.after, told);
      const changesStatus = before?.[column] !== after?.[column];
      const places = isPlacing(profile, { before, after, isNew: order.isNew });
      return changesStatus || places || lessened.has(orderId);
    })
    .map(([orderId]) => orderId);
}

/**
 * The order events of one transaction: one per order that it changed, and at most one without an order
 * for shared rows and for what was found missing (`gap`). A transaction that changed nothing mapped, or
 * only carts, gives none. Which of them our own restores made is not told here; see RestoreMarkers.
 */
export function composeEvents(context: ComposeContext, draft: TransactionDraft): OrderEvent[] {
  const changes = draft.rows
    .map((row) => ({ row, change: rowChange(row, context) }))
    .filter(({ change }) => change.operation !== 'update' || changedColumns(change).length > 0);
  const events: OrderEvent[] = [];
  const byOrder = ofEachOrder(changes);
  for (const [orderId, order] of draft.orders) {
    const own = byOrder.get(orderId) ?? [];
    const event = orderEvent(context, draft, {
      orderId,
      before: order.before === null ? null : sealedImage(order.before, context.seals),
      after: order.after === null ? null : sealedImage(order.after, context.seals),
      isNew: order.isNew,
      rows: own,
    });
    if (event !== undefined) events.push(event);
  }
  const shared = changes.filter(({ row }) => row.shared).map(({ change }) => change);
  const gaps = draft.checks.map((check) => missed(check, context)).filter((text) => text !== null);
  gaps.push(...(draft.gaps ?? []));
  if (events.length > 0) gaps.push(...context.unseen.map(unseenText));
  if (shared.length + gaps.length > 0) {
    events.push(unownedEvent(context, draft, { shared, gaps }));
  }
  return events;
}

interface OwnChange {
  readonly row: RowDraft;
  readonly change: RowChange;
}

/** A row that moved from one order to another is of both. */
function ofEachOrder(changes: readonly OwnChange[]): Map<string, OwnChange[]> {
  const byOrder = new Map<string, OwnChange[]>();
  for (const own of changes) {
    for (const orderId of own.row.orderIds) {
      const list = byOrder.get(orderId);
      if (list === undefined) byOrder.set(orderId, [own]);
      else list.push(own);
    }
  }
  return byOrder;
}

interface TouchedOrder {
  readonly orderId: string;
  readonly before: RowImage | null;
  readonly after: RowImage | null;
  readonly isNew: boolean;
  readonly rows: readonly OwnChange[];
}

function orderEvent(
  context: ComposeContext,
  draft: TransactionDraft,
  order: TouchedOrder,
): OrderEvent | undefined {
  const { profile } = context.mapping;
  const rowsBefore = context.orderRows.byTable(order.orderId);
  for (const { row, change } of order.rows) {
    const belongs = row.orderIdAfter === order.orderId;
    context.orderRows.apply(order.orderId, { change, belongs });
  }
  const isOrder = [order.before, order.after].some((row) => row !== null && isPlaced(profile, row));
  if (!isOrder || order.rows.length === 0) return undefined;
  const placing = isPlacing(profile, order);
  const rowChanges = placing
    ? wholeOrder(context.orderRows, order.orderId)
    : order.rows.map(({ change }) => change);
  const change = { ...order, rowChanges };
  const isFull = context.orderRows.has(order.orderId);
  const fullBefore = isFull ? rowsBefore : orderRowOnly(profile.order.table, order.before);
  const fullAfter = isFull
    ? context.orderRows.byTable(order.orderId)
    : orderRowOnly(profile.order.table, order.after);
  const before = order.before === null ? null : snapshotOf(context, fullBefore);
  const after = order.after === null ? null : snapshotOf(context, fullAfter);
  return {
    ...position(context, draft),
    ...described(context, { change, placing, before, after }),
    ...actorOf(profile, order.rows),
    orderId: order.orderId,
  };
}

/** The part of an event that follows from the order's state before and after. */
function described(
  { mapping: { profile } }: ComposeContext,
  given: {
    change: OrderChange;
    placing: boolean;
    before: OrderSnapshot | null;
    after: OrderSnapshot | null;
  },
): Omit<OrderEvent, 'orderId' | keyof CancellationActor | keyof ReturnType<typeof position>> {
  const { change, placing, before, after } = given;
  const { status, number, customer } = profile.order;
  const newest = change.after ?? change.before;
  const cancels = isCancelling(profile, change);
  return {
    orderNumber: textOf(newest, number),
    kinds: kindsOf(profile, change),
    statusBefore: textOf(change.before, status.column),
    statusAfter: textOf(change.after, status.column),
    customerId: textOf(newest, customer),
    total: totalOf(placing ? after : (before ?? after)),
    // a cancellation may take the rows away that told them
    attributes: { ...(cancels ? before : null)?.attributes, ...(after ?? before)?.attributes },
    rowChanges: change.rowChanges,
    snapshot: cancels ? before : placing ? after : null,
  };
}

function textOf(row: RowImage | null, column: string): string | null {
  return plainText(row?.[column]) ?? null;
}

function totalOf(snapshot: OrderSnapshot | null): OrderEvent['total'] {
  return snapshot === null ? null : money(snapshot.totalMinor, snapshot.currency);
}

/** The order's rows as new ones: before it was placed, nothing about it was journalled. */
function wholeOrder(rows: OrderRows, orderId: string): RowChange[] {
  return rows.list(orderId).map(({ table, key, image }) => ({
    table,
    key,
    operation: 'insert',
    before: null,
    after: image,
  }));
}

function unownedEvent(
  context: ComposeContext,
  draft: TransactionDraft,
  given: { shared: readonly RowChange[]; gaps: readonly string[] },
): OrderEvent {
  return {
    ...emptyEvent,
    ...position(context, draft),
    kinds: [
      ...(given.shared.length > 0 ? (['shared'] as const) : []),
      ...(given.gaps.length > 0 ? (['gap'] as const) : []),
    ],
    reason: given.gaps.length > 0 ? given.gaps.join('; ') : null,
    rowChanges: given.shared,
  };
}

/** An event that belongs to no order. */
export const emptyEvent = {
  orderId: '',
  orderNumber: null,
  statusBefore: null,
  statusAfter: null,
  actorKind: 'unknown',
  actor: null,
  reason: null,
  customerId: null,
  total: null,
  attributes: {},
  rowChanges: [],
  snapshot: null,
  marker: null,
  traceparent: null,
} as const satisfies Partial<OrderEvent>;

function position(
  { shopId, incarnation }: ComposeContext,
  { transaction }: TransactionDraft,
): Pick<OrderEvent, 'shopId' | 'source' | 'marker' | 'traceparent' | 'committedAt'> {
  const { commitLsn, transactionId, committedAt } = transaction;
  return {
    shopId,
    source: { incarnation, commitLsn, transactionId },
    marker: null,
    traceparent: traceparentOf(transaction),
    committedAt,
  };
}

function rowChange(row: RowDraft, { seals }: ComposeContext): RowChange {
  const after = row.after === null ? null : sealedImage(row.after, seals);
  const before = row.before === null ? null : withErased(sealedImage(row.before, seals), after);
  // an update of a row that was not known has no before-image, but is no insert either
  const operation = after === null ? 'delete' : row.inserted ? 'insert' : 'update';
  return { table: row.table, key: row.key, operation, before, after };
}

/** A person who was erased in between: what was sealed before counts as erased, and so as unchanged. */
function withErased(before: RowImage, after: RowImage | null): RowImage {
  const erased = Object.entries(after ?? {}).filter(
    ([column, value]) => isErased(value) && isSealed(before[column]),
  );
  return erased.length === 0 ? before : { ...before, ...Object.fromEntries(erased) };
}

function isErased(value: RowImage[string]): boolean {
  return isSealed(value) && value.sealed === '';
}

export function unseenText(table: string): string {
  return `${table}: was not published, so that nobody knows what became of its rows`;
}

/** What the comparison of a told row with the known one says was missed; null where they are equal. */
export function missed(check: CrossCheck, { seals }: Pick<ComposeContext, 'seals'>): string | null {
  const { table, key, known, told } = check;
  const row = `${table} [${key.join(', ')}]`;
  if (known === null) return `${row}: the row before was not known`;
  if (told === null) return `${row}: was known before it was inserted`;
  const differing = Object.keys(told).filter((column) => {
    const [was, is] = [known[column], told[column]];
    return was !== is && was !== undefined && is !== undefined && differs(is, was, seals);
  });
  return differing.length === 0
    ? null
    : `${row}: ${differing.join(', ')} changed without our having seen it`;
}

function differs(
  told: DraftImage[string],
  known: DraftImage[string],
  seals: ReadonlyMap<PersonalText, SealedValue>,
): boolean {
  if (told instanceof PersonalText && known instanceof PersonalText)
    return told.text !== known.text;
  const [left, right] = [sealed(told, seals), sealed(known, seals)];
  if (isSealed(left) && isSealed(right) && (isErased(left) || isErased(right))) return false;
  return !sameValue(left, right);
}

function sealed(
  value: DraftImage[string],
  seals: ReadonlyMap<PersonalText, SealedValue>,
): RowImage[string] {
  return value instanceof PersonalText ? (seals.get(value) ?? null) : value;
}

function clearColumns(image: DraftImage | null, columns: readonly string[]): RowImage | null {
  if (image === null) return null;
  return Object.fromEntries(columns.map((column) => [column, plainText(image[column]) ?? null]));
}

function orderRowOnly(table: string, row: RowImage | null): Map<string, RowImage[]> {
  return new Map(row === null ? [] : [[table, [row]]]);
}

/** Null where a column holds something that cannot be read as what the profile says it is. */
function snapshotOf(
  { mapping }: ComposeContext,
  rows: ReadonlyMap<string, readonly RowImage[]>,
): OrderSnapshot | null {
  if ((rows.get(mapping.profile.order.table) ?? []).length === 0) return null;
  try {
    return buildSnapshot(mapping.profile, rows);
  } catch (error) {
    if (error instanceof Fault) return null;
    throw error;
  }
}
