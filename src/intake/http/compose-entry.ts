import type { OrderEvent } from '../../orders/order-event.js';
import type { OrderSnapshot } from '../../orders/order-snapshot.js';
import type { RowImage } from '../../orders/row-change.js';
import { present } from '../../platform/assert.js';
import { money, type Money } from '../../platform/money.js';
import { attributeColumn, toldOrderProfile } from '../../shops/http/told-order-profile.js';
import { orderAttributes } from '../../shops/order-attributes.js';
import { ownTotal } from '../../shops/order-total.js';
import { buildSnapshot, currencyOf } from '../../shops/snapshot.js';
import type { GoodEvent } from './read-event.js';
import { orderRow, textOf, type Told, type ToldRows } from './told-order.js';

/** All events of a shop belong to one history: there is no server that could be another one. */
const incarnation = 'http';

/** What an event becomes in the journal. Its place among the shop's events stands for a place in a log. */
export function entryOf(
  event: GoodEvent,
  made: { readonly told: Told; readonly before: ToldRows; readonly sequence: number },
): OrderEvent {
  const { data } = event;
  const { told, sequence } = made;
  const row = present(orderRow(told.rows, data.orderId), 'an event tells of its order');
  const snapshot = snapshotFor(data.orderId, made);
  const isPlaced = told.kind === 'placed';
  const before = isPlaced ? undefined : orderRow(made.before, data.orderId);
  const customerId = textOf(row, 'customer_id');
  const actorKind = data.actor?.kind ?? 'unknown';
  return {
    shopId: data.shop,
    source: { incarnation, commitLsn: lsnOf(sequence), transactionId: sequence },
    orderId: data.orderId,
    orderNumber: textOf(row, 'number'),
    kinds: [told.kind],
    statusBefore: told.statusBefore,
    statusAfter: told.statusAfter,
    actorKind,
    actor: data.actor?.name ?? (actorKind === 'customer' ? customerId : null),
    reason: data.reason ?? null,
    customerId,
    total: totalOf(before) ?? totalOf(row),
    // those of a snapshot are the same where it is of the same rows, and took a while to make out
    attributes: (isPlaced ? snapshot?.attributes : undefined) ?? attributesOf(told.rows, row),
    rowChanges: told.changes,
    snapshot,
    marker: null,
    traceparent: event.traceparent,
    committedAt: event.at,
  };
}

/** The sequence as PostgreSQL writes a place in its log: two halves of 32 bits in hexadecimal. */
function lsnOf(sequence: number): string {
  const half = 2 ** 32;
  const parts = [Math.floor(sequence / half), sequence % half];
  return parts.map((part) => part.toString(16).toUpperCase()).join('/');
}

/** As it was placed, or as it was before it was cancelled: most of an event's work, and kept of these alone. */
function snapshotFor(
  orderId: string,
  { told, before }: { readonly told: Told; readonly before: ToldRows },
): OrderSnapshot | null {
  if (told.kind === 'placed') return snapshotOf(told.rows, orderId);
  return told.kind === 'cancelled' ? snapshotOf(before, orderId) : null;
}

function snapshotOf(rows: ToldRows, orderId: string): OrderSnapshot | null {
  const row = orderRow(rows, orderId);
  if (row === undefined || totalOf(row) === null) return null;
  const snapshot = buildSnapshot(toldOrderProfile, byTable(rows));
  return { ...snapshot, attributes: { ...snapshot.attributes, ...toldAttributes(row) } };
}

/** Null while nobody has told what the order comes to, and in which currency. */
function totalOf(row: RowImage | undefined): Money | null {
  if (row === undefined) return null;
  if (textOf(row, 'currency') === null || textOf(row, 'total_minor') === null) return null;
  const currency = currencyOf(toldOrderProfile, row);
  return money(ownTotal(toldOrderProfile, row, currency), currency);
}

function attributesOf(rows: ToldRows, row: RowImage): Record<string, string> {
  return { ...orderAttributes(toldOrderProfile, byTable(rows)), ...toldAttributes(row) };
}

/** By whatever names they were told; the profile knows the usual ones alone. */
function toldAttributes(row: RowImage): Record<string, string> {
  const prefix = attributeColumn('');
  const told: Record<string, string> = {};
  for (const column of Object.keys(row))
    if (column.startsWith(prefix)) told[column.slice(prefix.length)] = textOf(row, column) ?? '';
  return told;
}

function byTable(rows: ToldRows): Map<string, RowImage[]> {
  const grouped = Map.groupBy(rows.values(), ({ table }) => table);
  return new Map([...grouped].map(([table, found]) => [table, found.map(({ image }) => image)]));
}
