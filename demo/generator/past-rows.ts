import { CURRENCY, PAYMENT_PROVIDERS } from '../shop/catalogue.js';
import type { Actor } from '../shop/history.js';
import { must } from '../shop/must.js';
import type { OrderRequest } from '../shop/place-order.js';
import { includedTax, type PricedOrder, priceOrder } from '../shop/pricing.js';
import type { LifeEvent } from './life.js';
import type { PastAction, PastOrder } from './past.js';

export type Row = Record<string, unknown>;

/** The rows that one past order leaves in each table, with its own ids already given. */
export interface OrderRows {
  order: Row;
  lines: Row[];
  shippingLine: Row;
  payment: Row | null;
  refund: Row | null;
  movements: Row[];
  history: Row[];
  ledger: Row[];
}

export interface OrderIds {
  orderId: number;
  /** The first of the ids for this order's lines. */
  lineId: number;
  number: string;
}

interface Draft extends OrderRows {
  past: PastOrder;
  priced: PricedOrder;
}

/** Applies what happened to an order, event by event, just as the shop's own code would have. */
export function rowsOf(past: PastOrder, ids: OrderIds): OrderRows {
  const priced = priceOrder(past.decision.request);
  const startedAt = iso(must(past.happened[0], 'the first event of a past order').at);
  const draft: Draft = {
    past,
    priced,
    order: newOrder(past.decision.request, priced, { id: ids.orderId, startedAt }),
    lines: priced.lines.map((line, place) => ({
      id: ids.lineId + place,
      order_id: ids.orderId,
      product_id: line.productId,
      sku: line.product.sku,
      name: line.product.name,
      quantity: line.quantity,
      placed_quantity: line.quantity,
      unit_price_minor: line.unitPriceMinor,
      tax_minor: line.taxMinor,
      total_minor: line.totalMinor,
    })),
    shippingLine: {
      id: ids.orderId,
      order_id: ids.orderId,
      method: past.decision.request.deliveryMethod,
      price_minor: priced.shippingMinor,
      tax_minor: priced.shippingTaxMinor,
      adjustments: [],
    },
    payment: null,
    refund: null,
    movements: [],
    history: [],
    ledger: [],
  };
  for (const event of past.happened) apply(draft, ids, event);
  return draft;
}

function apply(draft: Draft, ids: OrderIds, event: LifeEvent<PastAction>): void {
  const at = iso(event.at);
  APPLY[event.action](draft, at, ids);
  draft.ledger.push({
    action: event.action,
    order_id: ids.orderId,
    order_number: draft.order.number,
    changes: { status: draft.order.status, backfilled: true },
    at,
  });
}

const APPLY: Record<PastAction, (draft: Draft, at: string, ids: OrderIds) => void> = {
  cart: () => undefined,
  place(draft, at, { number }) {
    change(draft, at, { status: 'pending_payment', number, placed_at: at });
    move(draft, at, 'ALLOCATE');
    note(draft, at, 'PLACED', CUSTOMER, ['cart', 'pending_payment']);
  },
  reduce: reduceFirstLine,
  pay(draft, at) {
    const { provider, stateOncePaid } =
      PAYMENT_PROVIDERS[draft.past.decision.request.paymentMethod];
    draft.payment = {
      order_id: draft.order.id,
      provider,
      provider_reference: `${provider}-${String(draft.order.number)}`,
      amount_minor: draft.order.total_minor,
      state: stateOncePaid,
      note: null,
      created_at: at,
    };
    change(draft, at, { status: 'paid' });
    note(draft, at, 'PAID', { kind: 'system', name: 'payments' }, ['pending_payment', 'paid']);
  },
  pick(draft, at) {
    change(draft, at, { status: 'picking' });
    note(draft, at, 'STATUS', WAREHOUSE_STAFF, ['paid', 'picking']);
  },
  ship(draft, at) {
    change(draft, at, { status: 'shipped' });
    move(draft, at, 'SHIP');
    if (draft.payment?.state === 'authorized') draft.payment.state = 'captured';
    note(draft, at, 'SHIPPED', WAREHOUSE_STAFF, ['picking', 'shipped']);
  },
  deliver(draft, at) {
    change(draft, at, { status: 'delivered' });
    note(draft, at, 'STATUS', { kind: 'system', name: 'carrier' }, ['shipped', 'delivered']);
  },
  customer_cancel(draft, at) {
    cancel(draft, at, { actor: CUSTOMER, reason: draft.past.decision.cancelReason });
  },
  staff_cancel(draft, at) {
    const { staffLogin, cancelReason } = draft.past.decision;
    cancel(draft, at, { actor: { kind: 'staff', name: staffLogin }, reason: cancelReason });
  },
  policy_cancel(draft, at) {
    cancel(draft, at, {
      actor: { kind: 'job', name: 'unpaid-orders' },
      reason: 'payment not received',
    });
  },
  refund: giveBackMoney,
};

const CUSTOMER: Actor = { kind: 'customer', name: 'customer' };
const WAREHOUSE_STAFF: Actor = { kind: 'staff', name: 'warehouse' };

function reduceFirstLine(draft: Draft, at: string): void {
  const place = draft.priced.lines.findIndex((line) => line.quantity > 1);
  const priced = must(draft.priced.lines[place], 'a line of several pieces');
  const line = must(draft.lines[place], 'its row');
  const totalMinor = priced.unitPriceMinor * (priced.quantity - 1);
  const taxMinor = includedTax(totalMinor, priced.product.taxRateBasisPoints);
  Object.assign(line, {
    quantity: priced.quantity - 1,
    total_minor: totalMinor,
    tax_minor: taxMinor,
  });
  const subtotal = draft.priced.subtotalMinor - priced.unitPriceMinor;
  change(draft, at, {
    subtotal_minor: subtotal,
    tax_minor: draft.priced.taxMinor - priced.taxMinor + taxMinor,
    total_minor: Math.max(0, subtotal + draft.priced.shippingMinor - draft.priced.discountMinor),
  });
  draft.movements.push({ ...movement(draft, line, at), kind: 'RELEASE', quantity: 1 });
  const reason = `one less of ${priced.product.sku}`;
  note(draft, at, 'NOTE', CUSTOMER, [null, null], reason);
}

function cancel(draft: Draft, at: string, by: { actor: Actor; reason: string }): void {
  const from = String(draft.order.status);
  move(draft, at, 'RELEASE');
  for (const line of draft.lines) {
    Object.assign(line, { quantity: 0, tax_minor: 0, total_minor: 0 });
  }
  const shipping = draft.shippingLine;
  shipping.adjustments = [{ type: 'CANCEL_ORDER', amountMinor: -Number(shipping.price_minor) }];
  change(draft, at, {
    status: 'cancelled',
    subtotal_minor: 0,
    shipping_minor: 0,
    tax_minor: 0,
    total_minor: 0,
    cancelled_at: at,
    cancel_reason: by.reason,
  });
  note(draft, at, 'CANCELLED', by.actor, [from, 'cancelled'], by.reason);
  note(draft, at, 'STATUS', by.actor, [from, 'cancelled']);
}

function giveBackMoney(draft: Draft, at: string): void {
  const payment = must(draft.payment, 'the payment to give back');
  const captured = payment.state === 'captured';
  payment.state = captured ? 'refunded' : 'voided';
  const reason = draft.past.decision.cancelReason;
  const amount = Number(payment.amount_minor);
  if (captured && amount > 0) draft.refund = { amount_minor: amount, reason, created_at: at };
  const actor: Actor = { kind: 'system', name: 'refunds' };
  note(draft, at, 'REFUNDED', actor, [null, null], reason);
}

function change(draft: Draft, at: string, values: Row): void {
  Object.assign(draft.order, values, {
    updated_at: at,
    version: Number(draft.order.version) + 1,
  });
}

function move(draft: Draft, at: string, kind: 'ALLOCATE' | 'RELEASE' | 'SHIP'): void {
  for (const line of draft.lines) {
    draft.movements.push({ ...movement(draft, line, at), kind, quantity: line.quantity });
  }
}

function movement(draft: Draft, line: Row, at: string): Row {
  return {
    order_line_id: line.id,
    product_id: line.product_id,
    warehouse: draft.order.warehouse,
    created_at: at,
  };
}

function note(
  draft: Draft,
  at: string,
  type: string,
  actor: Actor,
  [from, to]: [string | null, string | null],
  reason: string | null = null,
): void {
  draft.history.push({
    order_id: draft.order.id,
    type,
    from_status: from,
    to_status: to,
    actor_kind: actor.kind,
    actor: actor.name,
    reason,
    created_at: at,
  });
}

function newOrder(
  request: OrderRequest,
  priced: PricedOrder,
  { id, startedAt }: { id: number; startedAt: string },
): Row {
  return {
    id,
    number: null,
    customer_id: request.customerId,
    status: 'cart',
    currency: CURRENCY,
    subtotal_minor: priced.subtotalMinor,
    shipping_minor: priced.shippingMinor,
    tax_minor: priced.taxMinor,
    discount_minor: priced.discountMinor,
    total_minor: priced.totalMinor,
    coupon_code: request.couponCode,
    delivery_method: request.deliveryMethod,
    promised_date: request.promisedDate,
    slot_starts_at: request.slotStartsAt,
    slot_ends_at: request.slotEndsAt,
    ship_name: request.shipTo.name,
    ship_street: request.shipTo.street,
    ship_postal_code: request.shipTo.postalCode,
    ship_city: request.shipTo.city,
    contact_email: request.contact.email,
    contact_phone: request.contact.phone,
    region: request.region,
    country: request.country,
    channel: request.channel,
    app_version: request.appVersion,
    payment_method: request.paymentMethod,
    warehouse: request.warehouse,
    placed_at: null,
    cancelled_at: null,
    cancel_reason: null,
    created_at: startedAt,
    updated_at: startedAt,
    version: 1,
  };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
