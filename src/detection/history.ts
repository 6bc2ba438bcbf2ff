import type { RowImage } from '../orders/row-change.js';
import { isSealed } from '../orders/row-change.js';
import { cancellationActor, type CancellationActor } from '../shops/cancellation-actor.js';
import type { Profile } from '../shops/profile.js';
import { fitsFilter, type RowFilter } from '../shops/row-filter.js';
import { attributeColumns, orderAttributes } from '../shops/order-attributes.js';
import { ownTotal, totalColumns } from '../shops/order-total.js';
import type { RowsByTable } from '../shops/row-reader.js';
import { currencyOf, orderState } from '../shops/snapshot.js';
import { rfc3339 } from '../shops/timestamp.js';
import { accountOf, actorAttributes, shortened } from './detection-events.js';
import type { DetectionEvent } from './detector.js';

/** An order of the shop's past: its row, its attributes, and what the shop's history says about it (oldest first). */
export interface PastOrder {
  readonly orderId: string;
  readonly row: RowImage;
  readonly attributes: Readonly<Record<string, string>>;
  readonly historyRows: readonly RowImage[];
}

/** Stands for facts that are older than the journal. */
const beforeTheJournal = 0;

/**
 * What the rows of past orders tell: when they were placed and, where they stand cancelled, when that
 * was and who did it. Only what happened before `until`, oldest first.
 */
export function pastEvents(
  profile: Profile,
  orders: readonly PastOrder[],
  until: Date,
): DetectionEvent[] {
  const known = withActorsIfMostlyKnown(profile, orders);
  return known
    .flatMap(({ order, actor }) => eventsOfOrder(profile, order, actor))
    .filter(({ at }) => at < until)
    .sort((left, right) => left.at.getTime() - right.at.getTime());
}

interface KnownOrder {
  readonly order: PastOrder;
  /** null where the shop's past does not tell: then nothing is learnt about who cancels */
  readonly actor: CancellationActor | null;
}

/**
 * Some shops clear their history. If most past cancellations had lost their actor, a known actor of
 * today would look like something never seen; so then none are learnt.
 */
function withActorsIfMostlyKnown(profile: Profile, orders: readonly PastOrder[]): KnownOrder[] {
  const read = orders.map((order) => ({
    order,
    actor: actorOf(profile, order),
    isCancelled: orderState(profile, order.row) === 'cancelled',
  }));
  const cancelled = read.filter(({ isCancelled }) => isCancelled);
  const known = cancelled.filter(({ actor }) => actor.actorKind !== 'unknown');
  const trusts = known.length * 2 > cancelled.length;
  return read.map(({ order, actor }) => ({ order, actor: trusts ? actor : null }));
}

const nobody: CancellationActor = { actorKind: 'unknown', actor: null, reason: null };

function actorOf({ history }: Profile, order: PastOrder): CancellationActor {
  const told = history === undefined ? undefined : tellingRow(order, history);
  return history === undefined || told === undefined ? nobody : cancellationActor(history, told);
}

/** The newest row of the shop's history that tells of a cancellation. */
function tellingRow(
  order: PastOrder,
  history: NonNullable<Profile['history']>,
): RowImage | undefined {
  return order.historyRows.findLast((row) => fitsFilter(row, history.where));
}

function eventsOfOrder(
  profile: Profile,
  past: PastOrder,
  actor: CancellationActor | null,
): DetectionEvent[] {
  const { order, history } = profile;
  const { row, orderId } = past;
  const state = orderState(profile, row);
  if (state === 'draft') return [];
  const currency = currencyOf(profile, row);
  const { attributes } = past;
  const base = {
    position: beforeTheJournal,
    orderId,
    account: accountOf(textOf(row, order.customer), orderId),
    paid: false,
    amountMinor: ownTotal(profile, row, currency),
    currency,
  };
  const events: DetectionEvent[] = [];
  const placedAt = momentOf(row, order.placed_at);
  if (placedAt !== null) events.push({ ...base, kind: 'placed', at: placedAt, attributes });
  if (state !== 'cancelled') return events;
  const told = history === undefined ? undefined : tellingRow(past, history);
  const cancelledAt =
    momentOf(row, order.cancelled_at) ?? (told === undefined ? null : momentOf(told, history?.at));
  if (cancelledAt === null) return events;
  const who = actor === null ? {} : actorAttributes(actor);
  events.push({
    ...base,
    kind: 'cancelled',
    at: cancelledAt,
    attributes: { ...attributes, ...who },
  });
  return events;
}

/** What an order has in common with others, by its own row and the rows beside it that tell more. */
export function attributesOfPast(
  profile: Profile,
  row: RowImage,
  beside: RowsByTable,
): Record<string, string> {
  return shortened(orderAttributes(profile, new Map([...beside, [profile.order.table, [row]]])));
}

/** Which rows of a table tell attributes: those that fit any of these; null where all of them may. */
export function attributeFilters({ order, payments }: Profile, table: string): RowFilter[] | null {
  const sources = Object.values(order.attributes)
    .filter((source) => typeof source === 'object')
    .filter((source) => source.table === table);
  const filters = sources.map(({ where }) => where).filter((where) => where !== undefined);
  return filters.length < sources.length || payments?.table === table ? null : filters;
}

/** The columns of the order's row that `pastEvents` looks at. */
export function columnsOfPast(profile: Profile): string[] {
  const { order } = profile;
  const currency = 'column' in order.currency ? [order.currency.column] : [];
  return [
    ...new Set([
      order.customer,
      order.status.column,
      order.placed_when.column,
      order.placed_at,
      ...(order.cancelled_at === undefined ? [] : [order.cancelled_at]),
      ...totalColumns(profile).map(({ column }) => column),
      ...attributeColumns(profile),
      ...currency,
    ]),
  ];
}

function momentOf(row: RowImage, column: string | undefined): Date | null {
  const text = column === undefined ? null : textOf(row, column);
  const moment = text === null ? null : rfc3339(text);
  return moment === null ? null : new Date(moment);
}

function textOf(row: RowImage, column: string): string | null {
  const value = row[column] ?? null;
  return isSealed(value) ? null : value;
}
