import type { OrderEventKind } from '../../../orders/order-event.js';
import type { RowChange, RowImage } from '../../../orders/row-change.js';
import type { Profile } from '../../../shops/profile.js';
import { holdsMoney } from '../../../shops/payment-state.js';
import { isPlaced } from '../../../shops/snapshot.js';
import { plainText, type DraftImage } from './draft-image.js';

/** An order's own row, and all row changes of the order, in one transaction. */
export interface OrderChange {
  readonly before: RowImage | null;
  readonly after: RowImage | null;
  /** the order was not there before; else a missing `before` only means that it was not known */
  readonly isNew: boolean;
  readonly rowChanges: readonly RowChange[];
}

/** What happened to an order in one transaction; `changed` where nothing more can be said. */
export function kindsOf(profile: Profile, change: OrderChange): OrderEventKind[] {
  const kinds = [...orderKinds(profile, change), ...moneyKinds(profile, change.rowChanges)];
  const isWhole = kinds.some((kind) =>
    ['placed', 'cancelled', 'restored', 'deleted'].includes(kind),
  );
  if (!isWhole && change.rowChanges.some((row) => isLineCancelled(profile, row))) {
    kinds.push('line-cancelled');
  }
  return kinds.length === 0 ? ['changed'] : kinds;
}

/** Becoming an order: carts are none. */
export function isPlacing(
  profile: Profile,
  { before, after, isNew }: Pick<OrderChange, 'before' | 'after' | 'isNew'>,
): boolean {
  const wasPlaced = before === null ? !isNew : isPlaced(profile, before);
  return !wasPlaced && after !== null && isPlaced(profile, after);
}

/** True where the status goes from a not-cancelled to a cancelled one. */
export function isCancelling(
  profile: Profile,
  { before, after }: Pick<OrderChange, 'before' | 'after'>,
): boolean {
  const { cancelled } = profile.order.status;
  return before !== null && !has(profile, before, cancelled) && has(profile, after, cancelled);
}

function orderKinds(profile: Profile, change: OrderChange): OrderEventKind[] {
  const { before, after } = change;
  const { cancelled, shipped } = profile.order.status;
  if (after === null) return before === null ? [] : ['deleted'];
  const kinds: OrderEventKind[] = [];
  if (isPlacing(profile, change)) kinds.push('placed');
  if (isCancelling(profile, change)) kinds.push('cancelled');
  if (has(profile, before, cancelled) && !has(profile, after, cancelled)) kinds.push('restored');
  if (!has(profile, before, shipped) && has(profile, after, shipped)) kinds.push('shipped');
  return kinds;
}

function has(profile: Profile, row: RowImage | null, statuses: readonly string[]): boolean {
  const status = plainText(row?.[profile.order.status.column]);
  return status !== undefined && statuses.includes(status);
}

function moneyKinds(profile: Profile, changes: readonly RowChange[]): OrderEventKind[] {
  const kinds: OrderEventKind[] = [];
  if (
    changes.some((change) => !holds(profile, change, 'before') && holds(profile, change, 'after'))
  )
    kinds.push('paid');
  if (changes.some((change) => isReturned(profile, change))) kinds.push('refunded');
  return kinds;
}

/** A refund that was not there before, or a payment by which the shop holds nothing any more. */
function isReturned(profile: Profile, change: RowChange): boolean {
  const isRefund = !refunds(profile, change, 'before') && refunds(profile, change, 'after');
  const isReleased =
    change.after !== null && holds(profile, change, 'before') && !holds(profile, change, 'after');
  return isRefund || isReleased;
}

/** Whether the row is a payment by which the shop holds money. */
function holds(profile: Profile, change: RowChange, side: 'before' | 'after'): boolean {
  const { payments } = profile;
  if (payments === undefined || change.table !== payments.table) return false;
  const row = change[side];
  return row !== null && holdsMoney(payments, row);
}

/** Whether the row is a refund that did not fail. */
function refunds(profile: Profile, change: RowChange, side: 'before' | 'after'): boolean {
  const { refunds: mapping } = profile;
  const row = change[side];
  if (mapping === undefined || change.table !== mapping.table || row === null) return false;
  const state = mapping.state === undefined ? undefined : plainText(row[mapping.state]);
  return state === undefined || !mapping.failed.includes(state);
}

/** A line that is gone, or holds fewer than before. */
export function isLineCancelled(
  { lines }: Profile,
  change: { table: string; before: DraftImage | null; after: DraftImage | null },
): boolean {
  if (change.table !== lines.table || change.before === null) return false;
  const quantity = (row: DraftImage): number => Number(plainText(row[lines.quantity]) ?? 0);
  return change.after === null || quantity(change.after) < quantity(change.before);
}
