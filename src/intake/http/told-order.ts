import {
  changedColumns,
  isSealed,
  type ColumnValue,
  type RowChange,
  type RowImage,
} from '../../orders/row-change.js';
import { rowName } from '../../orders/fold.js';
import { canonicalJson } from '../../platform/canonical-json.js';
import {
  attributeColumn,
  personalColumn,
  toldTables,
  type ToldStatus,
} from '../../shops/http/told-order-profile.js';
import type { SealedValue } from '../../orders/row-change.js';
import type { OrderData, ToldKind } from './order-event.schema.js';

/** An event in the form in which it is folded. */
export interface ToldEvent {
  readonly kind: ToldKind;
  /** when it happened: RFC 3339 in UTC with microseconds, so that it compares as text */
  readonly at: string;
  readonly data: OrderData;
  /** the personal values of the data, sealed, by their names */
  readonly personal: Readonly<Record<string, SealedValue>>;
}

/** An order's rows by `rowName`. */
export type ToldRows = ReadonlyMap<string, { readonly table: string; readonly image: RowImage }>;

/** What an event made of an order. */
export interface Told {
  readonly rows: ToldRows;
  readonly changes: readonly RowChange[];
  /** something newer was told of the order before */
  readonly isLate: boolean;
  /** what happened, as far as it still counts: see `kindOf` */
  readonly kind: ToldKind;
  readonly statusBefore: string | null;
  readonly statusAfter: string;
}

/** What an event tells of one row. */
interface Patch {
  readonly table: string;
  readonly id: string;
  readonly values: Readonly<Record<string, ColumnValue>>;
}

/**
 * The order's rows after the event. Each column keeps what the newest event said of it, so that the rows
 * come out the same in whatever order events arrive; of two of the same time the later arrival counts.
 */
export function tell(known: ToldRows, event: ToldEvent): Told {
  const { orderId } = event.data;
  const before = orderRow(known, orderId);
  const rows = new Map(known);
  const changes: RowChange[] = [];
  for (const { table, id, values } of patchesOf(event)) {
    const name = rowName(table, [id]);
    const was = rows.get(name)?.image;
    const image = merged(was ?? newRow(table, { id, orderId }), { values, at: event.at });
    rows.set(name, { table, image });
    const change = changeOf({ table, id, before: was ?? null, after: image });
    if (change !== undefined) changes.push(change);
  }
  const isLate = before !== undefined && event.at < (textOf(before, 'told_at') ?? '');
  const statusBefore = before === undefined ? null : textOf(before, 'status');
  const statusAfter = textOf(orderRow(rows, orderId) ?? {}, 'status') ?? 'open';
  const wasPlaced = before !== undefined && textOf(before, 'placed') !== null;
  const kind = kindOf(event.kind, { isLate, statusBefore, statusAfter, wasPlaced });
  return { rows, changes, isLate, kind, statusBefore, statusAfter };
}

/**
 * What happened counts as what it was told to be if it made the order so: an order that stands cancelled
 * is not cancelled again. Of an event that came late, only a placing or a status that still holds counts
 * for what it was: a payment of before the cancellation is none that came after it.
 */
function kindOf(
  kind: ToldKind,
  order: {
    isLate: boolean;
    statusBefore: string | null;
    statusAfter: string;
    wasPlaced: boolean;
  },
): ToldKind {
  if (kind === 'placed') return order.wasPlaced ? 'changed' : 'placed';
  const status = statusOf[kind];
  if (status === undefined) return order.isLate ? 'changed' : kind;
  const made = order.statusAfter === status && order.statusBefore !== status;
  return made ? kind : 'changed';
}

const statusOf: Partial<Record<ToldKind, ToldStatus>> = {
  placed: 'open',
  cancelled: 'cancelled',
  restored: 'open',
  shipped: 'shipped',
  deleted: 'deleted',
};

function patchesOf({ kind, at, data, personal }: ToldEvent): Patch[] {
  const { orderId } = data;
  return [
    { table: toldTables.order, id: orderId, values: orderValues({ kind, at, data, personal }) },
    ...(data.lines ?? []).map(({ lineId, ...line }) => ({
      table: toldTables.line,
      id: partId(orderId, lineId),
      values: told({
        product: line.product,
        name: line.name,
        quantity: line.quantity,
        unit_price_minor: line.unitPriceMinor,
        total_minor: line.totalMinor,
      }),
    })),
    ...(data.shipping ?? []).map(({ lineId, method, priceMinor }) => ({
      table: toldTables.shipping,
      id: partId(orderId, lineId),
      values: told({ method, price_minor: priceMinor }),
    })),
    ...(data.payments ?? []).map(({ paymentId, ...payment }) => ({
      table: toldTables.payment,
      id: partId(orderId, paymentId),
      values: told({
        method: payment.method,
        state: payment.state,
        amount_minor: payment.amountMinor,
        refunded_minor: payment.refundedMinor,
      }),
    })),
  ];
}

function orderValues({ kind, at, data, personal }: ToldEvent): Record<string, ColumnValue> {
  const status = statusOf[kind];
  return {
    ...told({
      number: data.orderNumber,
      customer_id: data.customerId,
      currency: data.currency,
      total_minor: data.totalMinor,
      shop_status: data.status,
      placed_at: data.placedAt ?? (kind === 'placed' ? at : undefined),
      placed: kind === 'placed' ? 'yes' : undefined,
      status,
    }),
    ...(status === undefined ? {} : { cancelled_at: status === 'cancelled' ? at : null }),
    ...byColumn(data.attributes ?? {}, attributeColumn),
    ...byColumn(personal, personalColumn),
  };
}

function byColumn<Value extends ColumnValue>(
  named: Readonly<Record<string, Value>>,
  columnOf: (name: string) => string,
): Record<string, Value> {
  return Object.fromEntries(Object.entries(named).map(([name, value]) => [columnOf(name), value]));
}

/** Two orders may number their lines alike; a slash in an order's id is none of ours. */
function partId(orderId: string, id: string): string {
  return `${encodeURIComponent(orderId)}/${id}`;
}

/** Numbers as the text that they are kept as, without what was not told. */
function told(
  values: Readonly<Record<string, string | number | undefined>>,
): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [column, value] of Object.entries(values))
    if (value !== undefined) texts[column] = String(value);
  return texts;
}

/** An order of which nothing else is told stands open: a shop tells of orders, not of carts. */
function newRow(table: string, { id, orderId }: { id: string; orderId: string }): RowImage {
  return table === toldTables.order ? { id, status: 'open' } : { id, order_id: orderId };
}

function merged(row: RowImage, { values, at }: Pick<Patch, 'values'> & { at: string }): RowImage {
  const times = timesOf(row);
  const next: Record<string, ColumnValue> = { ...row };
  for (const [column, value] of Object.entries(values)) {
    if ((times[column] ?? '') > at) continue;
    next[column] = value;
    times[column] = at;
  }
  if (!('order_id' in row)) next['told_at'] = latest(textOf(row, 'told_at') ?? at, at);
  next['told'] = canonicalJson(times);
  return next;
}

function latest(left: string, right: string): string {
  return left > right ? left : right;
}

/** When each column was told; of a row that nobody told of yet, nothing. */
function timesOf(row: RowImage): Record<string, string> {
  const text = textOf(row, 'told');
  return text === null ? {} : (JSON.parse(text) as Record<string, string>);
}

function changeOf(row: {
  table: string;
  id: string;
  before: RowImage | null;
  after: RowImage;
}): RowChange | undefined {
  const { table, id, before, after } = row;
  const operation = before === null ? 'insert' : 'update';
  const change = { table, key: [id], operation, before, after } as const;
  return changedColumns(change).length === 0 ? undefined : change;
}

/** The order's own row; undefined where nothing was told of it. */
export function orderRow(rows: ToldRows, orderId: string): RowImage | undefined {
  return rows.get(rowName(toldTables.order, [orderId]))?.image;
}

/** What a column holds in the clear; null where that is nothing. */
export function textOf(row: RowImage, column: string): string | null {
  const value = row[column] ?? null;
  return isSealed(value) ? null : value;
}
