import { present } from '../platform/assert.js';
import type { OrderLine, OrderPayment, OrderSnapshot } from '../orders/order-snapshot.js';
import { isSealed, type RowImage } from '../orders/row-change.js';
import { minorUnits } from './amount.js';
import type { Profile } from './profile.js';
import { rfc3339 } from './timestamp.js';

type RowsByTable = ReadonlyMap<string, readonly RowImage[]>;

/**
 * An order in canonical form, from the rows that make it up (row images of the journal, or rows read
 * from the shop). Personal values never get into it, sealed or in the clear. Lines and payments come
 * in the order of their keys. `rows` must hold the order's own row.
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
    totalMinor: order.total.reduce(
      (sum, { column, unit }) => sum + (reader.amount(column, { unit, currency }) ?? 0),
      0,
    ),
    placedAt: reader.moment(order.placed_at),
    cancelledAt: order.cancelled_at === undefined ? null : reader.moment(order.cancelled_at),
    lines: linesOf(profile, rows, currency),
    payments: paymentsOf(profile, rows, currency),
    attributes: attributesOf(profile, rows, reader),
  };
}

/** What the order's status means, by the profile; `draft` until it counts as placed. */
export function orderState(profile: Profile, orderRow: RowImage): OrderSnapshot['state'] {
  if (!isPlaced(profile, orderRow)) return 'draft';
  const { status } = profile.order;
  const value = clear(orderRow[status.column]) ?? '';
  if (status.cancelled.includes(value)) return 'cancelled';
  if (status.open.includes(value)) return 'open';
  return status.shipped.includes(value) ? 'shipped' : 'other';
}

/** Whether the row is an order and no longer a cart. */
export function isPlaced(profile: Profile, orderRow: RowImage): boolean {
  const rule = profile.order.placed_when;
  const value = clear(orderRow[rule.column]);
  if (value === null) return false;
  return 'not_null' in rule || !rule.not_in.includes(value);
}

/** The order's currency, ISO 4217 as the shop writes it. */
export function currencyOf(profile: Profile, orderRow: RowImage): string {
  const { currency } = profile.order;
  const text = 'value' in currency ? currency.value : clear(orderRow[currency.column]);
  return (text ?? 'XXX').toUpperCase();
}

function linesOf(profile: Profile, rows: RowsByTable, currency: string): OrderLine[] {
  const { lines } = profile;
  return readers(profile, lines.table, rows).map((line) => ({
    lineId: line.key(),
    product: line.text(lines.product) ?? '',
    name: lines.name === undefined ? null : line.text(lines.name),
    quantity: Number(line.text(lines.quantity) ?? 0),
    unitPriceMinor:
      lines.unit_price === undefined
        ? null
        : line.amount(lines.unit_price.column, { unit: lines.unit_price.unit, currency }),
    totalMinor:
      lines.total === undefined
        ? null
        : line.amount(lines.total.column, { unit: lines.total.unit, currency }),
  }));
}

function paymentsOf(profile: Profile, rows: RowsByTable, currency: string): OrderPayment[] {
  const { payments } = profile;
  if (payments === undefined) return [];
  return readers(profile, payments.table, rows).map((payment) => {
    const state = payment.text(payments.state);
    const paymentId = payment.key();
    const amount =
      payment.amount(payments.amount.column, { unit: payments.amount.unit, currency }) ?? 0;
    const refundedMinor = refundedOf(profile, rows, { paymentId, currency });
    const held = state !== null && payments.held.includes(state) ? amount : 0;
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
  return readers(profile, refunds.table, rows)
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

function attributesOf(
  profile: Profile,
  rows: RowsByTable,
  order: RowReader,
): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const [name, column] of Object.entries(profile.order.attributes)) {
    const value = order.text(column);
    if (value !== null) attributes[name] = value;
  }
  const method = attributes['payment_method'] ?? paymentMethod(profile, rows);
  return method === null ? attributes : { ...attributes, payment_method: method };
}

/** The method of the newest payment, for shops that keep it nowhere on the order. */
function paymentMethod(profile: Profile, rows: RowsByTable): string | null {
  const { payments } = profile;
  if (payments?.method === undefined) return null;
  return readers(profile, payments.table, rows).at(-1)?.text(payments.method) ?? null;
}

function readers(profile: Profile, table: string, rows: RowsByTable): RowReader[] {
  return (rows.get(table) ?? [])
    .map((row) => new RowReader(profile, table, row))
    .sort((left, right) => left.key().localeCompare(right.key(), 'en', { numeric: true }));
}

/** Reads one row's columns; personal ones read as null. */
class RowReader {
  private readonly mapping: Profile['tables'][string];

  constructor(
    profile: Profile,
    table: string,
    private readonly row: RowImage,
  ) {
    this.mapping = present(profile.tables[table], `the profile maps ${table}`);
  }

  key(): string {
    return this.mapping.key.map((column) => clear(this.row[column]) ?? '').join('/');
  }

  text(column: string): string | null {
    return isPersonal(this.mapping.columns[column]) ? null : clear(this.row[column]);
  }

  amount(column: string, unit: { unit: 'minor' | 'major'; currency: string }): number | null {
    const text = this.text(column);
    return text === null ? null : minorUnits(text, unit);
  }

  moment(column: string): string | null {
    const text = this.text(column);
    return text === null ? null : rfc3339(text);
  }
}

/** Whether the column holds personal data, by its role. */
export function isPersonal(
  role: Profile['tables'][string]['columns'][string] | undefined,
): boolean {
  return typeof role === 'object' && 'value' in role;
}

function clear(value: RowImage[string] | undefined): string | null {
  return value === undefined || isSealed(value) ? null : value;
}
