import { present } from '../platform/assert.js';
import type {
  OrderLine,
  OrderPayment,
  OrderShipping,
  OrderSnapshot,
} from '../orders/order-snapshot.js';
import type { RowImage } from '../orders/row-change.js';
import { orderAttributes } from './order-attributes.js';
import { orderTotal } from './order-total.js';
import { holdsMoney, paymentState } from './payment-state.js';
import { presentRows } from './present-rows.js';
import type { Profile } from './profile.js';
import { clearText, inKeyOrder, RowReader, rowReaders, type RowsByTable } from './row-reader.js';

/**
 * An order in canonical form, from the rows that make it up (row images of the journal, or rows read
 * from the shop). Personal values never get into it, sealed or in the clear. Lines, shipping lines and
 * payments come in the order of their keys. `rows` must hold the order's own row.
 */
export function buildSnapshot(profile: Profile, rows: RowsByTable): OrderSnapshot {
  const { order } = profile;
  const row = present(rows.get(order.table)?.[0], 'a snapshot is made of at least the order row');
  const reader = new RowReader(profile, order.table, row);
  const currency = currencyOf(profile, row);
  return {
    orderId: reader.key(),
    number: reader.text(order.number),
    status: reader.text(order.status.column) ?? '',
    state: orderState(profile, row),
    customerId: reader.text(order.customer),
    currency,
    totalMinor: orderTotal(profile, rows, currency),
    placedAt: reader.moment(order.placed_at),
    cancelledAt: order.cancelled_at === undefined ? null : reader.moment(order.cancelled_at),
    lines: linesOf(profile, rows, currency),
    ...(profile.shipping_lines === undefined
      ? {}
      : { shipping: shippingOf(profile, profile.shipping_lines, { rows, currency }) }),
    payments: paymentsOf(profile, rows, currency),
    attributes: orderAttributes(profile, rows),
  };
}

/** What the order's status means, by the profile; `draft` until it counts as placed. */
export function orderState(profile: Profile, orderRow: RowImage): OrderSnapshot['state'] {
  if (!isPlaced(profile, orderRow)) return 'draft';
  const { status } = profile.order;
  const value = clearText(orderRow[status.column]) ?? '';
  if (status.cancelled.includes(value)) return 'cancelled';
  if (status.open.includes(value)) return 'open';
  return status.shipped.includes(value) ? 'shipped' : 'other';
}

/** Whether the row is an order and no longer a cart. */
export function isPlaced(profile: Profile, orderRow: RowImage): boolean {
  const rule = profile.order.placed_when;
  const value = clearText(orderRow[rule.column]);
  if (value === null) return false;
  return 'not_null' in rule || !rule.not_in.includes(value);
}

/** The order's currency, ISO 4217 as the shop writes it. */
export function currencyOf(profile: Profile, orderRow: RowImage): string {
  const { currency } = profile.order;
  const text = 'value' in currency ? currency.value : clearText(orderRow[currency.column]);
  return (text ?? 'XXX').toUpperCase();
}

function linesOf(profile: Profile, rows: RowsByTable, currency: string): OrderLine[] {
  const { lines } = profile;
  const present = presentRows(profile, lines.table, rows);
  return rowReaders(profile, lines.table, present).map((line) => {
    const details = detailsOf(profile, line, rows);
    const unitPrice = lines.unit_price;
    return {
      lineId: line.key(),
      product: details?.text(lines.product) ?? '',
      name: lines.name === undefined ? null : (details?.text(lines.name) ?? null),
      quantity: Number(line.text(lines.quantity) ?? 0),
      unitPriceMinor:
        unitPrice === undefined
          ? null
          : (details?.amount(unitPrice.column, { unit: unitPrice.unit, currency }) ?? null),
      totalMinor:
        lines.total === undefined
          ? null
          : line.amount(lines.total.column, { unit: lines.total.unit, currency }),
    };
  });
}

/** The row that tells what a line is: the line itself, or the one that it names. */
function detailsOf(profile: Profile, line: RowReader, rows: RowsByTable): RowReader | undefined {
  const { details } = profile.lines;
  if (details === undefined) return line;
  const key = line.text(details.column);
  return rowReaders(profile, details.table, rows.get(details.table) ?? []).find(
    (row) => row.key() === key,
  );
}

function shippingOf(
  profile: Profile,
  mapping: NonNullable<Profile['shipping_lines']>,
  { rows, currency }: { rows: RowsByTable; currency: string },
): OrderShipping[] {
  const { table, method, price } = mapping;
  return rowReaders(profile, table, presentRows(profile, table, rows)).map((line) => ({
    lineId: line.key(),
    method: method === undefined ? null : line.text(method),
    priceMinor:
      price === undefined ? null : line.amount(price.column, { unit: price.unit, currency }),
  }));
}

function paymentsOf(profile: Profile, rows: RowsByTable, currency: string): OrderPayment[] {
  const { payments } = profile;
  if (payments === undefined) return [];
  const { table } = payments;
  return inKeyOrder(profile, table, presentRows(profile, table, rows)).map((row) => {
    const payment = new RowReader(profile, table, row);
    const state = paymentState(payments, row);
    const paymentId = payment.key();
    const amount =
      payment.amount(payments.amount.column, { unit: payments.amount.unit, currency }) ?? 0;
    const refundedMinor = refundedOf(profile, rows, { paymentId, currency });
    const held = holdsMoney(payments, row) ? amount : 0;
    // a refund proves that the money had been there, also where the payment's state now says otherwise
    return { paymentId, state, heldMinor: Math.max(held, refundedMinor), refundedMinor };
  });
}

function refundedOf(
  profile: Profile,
  rows: RowsByTable,
  { paymentId, currency }: { paymentId: string; currency: string },
): number {
  const { refunds } = profile;
  if (refunds === undefined) return 0;
  return rowReaders(profile, refunds.table, presentRows(profile, refunds.table, rows))
    .filter((refund) => refund.text(refunds.payment) === paymentId)
    .filter((refund) => {
      const state = refunds.state === undefined ? null : refund.text(refunds.state);
      return state === null || !refunds.failed.includes(state);
    })
    .reduce(
      (sum, refund) =>
        sum + (refund.amount(refunds.amount.column, { unit: refunds.amount.unit, currency }) ?? 0),
      0,
    );
}
