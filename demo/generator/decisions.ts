import type { Channel, DeliveryMethod, PaymentMethod } from '../shop/catalogue.js';
import { PRODUCTS } from '../shop/catalogue.js';
import type { OrderRequest } from '../shop/place-order.js';
import { COUPON_CODES, type WantedLine } from '../shop/pricing.js';
import { type Customer, OFFICE_BUYER_ID } from './people.js';
import { type Random, randomFrom } from './random.js';

/** What becomes of an order if nothing goes wrong in the shop. */
export type Intention =
  'keep' | 'reduce' | 'customer_cancel' | 'staff_cancel' | 'never_pay' | 'leave_cart';

export interface Decision {
  request: OrderRequest;
  intention: Intention;
  /** The order is a cart for a while before it is placed. */
  startsAsCart: boolean;
  cancelReason: string;
  staffLogin: string;
  /** Places between 0 and 1 in the usual waiting times: to payment, to a cancellation. */
  payPatience: number;
  cancelPatience: number;
}

export interface DecisionContext {
  seed: string;
  customers: readonly Customer[];
  /** Counts the shop's orders since its first day: one index is always decided the same. */
  index: number;
  /** When the order is placed: promised dates are counted from it. */
  at: Date;
}

/** About 3 % of orders are cancelled by those who may: 2.2 % by customers, 0.8 % by staff. */
const INTENTIONS: Readonly<Record<Intention, number>> = {
  keep: 0.936,
  reduce: 0.01,
  customer_cancel: 0.022,
  staff_cancel: 0.008,
  never_pay: 0.004,
  leave_cart: 0.02,
};

export const CUSTOMER_REASONS = [
  'ordered by mistake',
  'found it cheaper elsewhere',
  'delivery takes too long',
  'changed my mind',
  'wrong size chosen',
];
export const STAFF_REASONS = [
  'address cannot be delivered',
  'customer asked by telephone',
  'suspected fraud',
  'article damaged in the warehouse',
];
const STAFF_LOGINS = ['m.peters', 'j.okafor', 's.lehmann'];

const PAYMENT_METHODS: Readonly<Record<PaymentMethod, number>> = {
  card: 0.42,
  paypal: 0.33,
  invoice: 0.17,
  bank_transfer: 0.08,
};
const CHANNELS: Readonly<Record<Channel, number>> = { web: 0.55, ios: 0.25, android: 0.2 };
const APP_VERSIONS: Record<Channel, readonly string[]> = {
  web: ['2026.07.2'],
  ios: ['8.4.1', '8.4.1', '8.4.0', '8.2.3'],
  android: ['8.4.1', '8.4.1', '8.3.0', '7.9.5'],
};
const DELIVERY: Readonly<Record<DeliveryMethod, number>> = {
  standard: 0.78,
  express: 0.14,
  pickup: 0.08,
};
const DELIVERY_DAYS: Record<DeliveryMethod, number> = { standard: 3, express: 1, pickup: 2 };

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Decides everything about one order from the seed and its index alone. */
export function decideOrder(context: DecisionContext): Decision {
  const random = randomFrom(context.seed, `order-${context.index}`);
  const intention = random.weighted(INTENTIONS);
  const request = requestOf(pickCustomer(random, context.customers), random, context.at);
  return {
    request: intention === 'reduce' ? withSeveralPieces(request) : request,
    intention,
    startsAsCart: random.chance(0.2),
    cancelReason: random.pick(intention === 'staff_cancel' ? STAFF_REASONS : CUSTOMER_REASONS),
    staffLogin: random.pick(STAFF_LOGINS),
    payPatience: random.next(),
    cancelPatience: random.next(),
  };
}

/** An order of the office buyer: always kept until the buyer says otherwise. */
export function decideOfficeOrder(context: DecisionContext): Decision {
  const random = randomFrom(context.seed, `office-${context.index}`);
  const buyer = context.customers.find((customer) => customer.id === OFFICE_BUYER_ID);
  if (buyer === undefined) throw new Error('the office buyer is not among the customers');
  return {
    request: { ...requestOf(buyer, random, context.at), paymentMethod: 'card' },
    intention: 'keep',
    startsAsCart: false,
    cancelReason: 'office move postponed',
    staffLogin: random.pick(STAFF_LOGINS),
    payPatience: random.next(),
    cancelPatience: random.next(),
  };
}

function requestOf(customer: Customer, random: Random, at: Date): OrderRequest {
  const channel = random.weighted(CHANNELS);
  const deliveryMethod = random.weighted(DELIVERY);
  const promised = new Date(at.getTime() + DELIVERY_DAYS[deliveryMethod] * DAY_MS);
  const hasSlot = deliveryMethod === 'express' || random.chance(0.3);
  const slotHour = random.pick([8, 12, 16, 18]);
  const slot = hasSlot ? slotOn(promised, slotHour) : { slotStartsAt: null, slotEndsAt: null };
  return {
    customerId: customer.id,
    lines: pickLines(random),
    couponCode: random.chance(0.1) ? random.pick(COUPON_CODES) : null,
    deliveryMethod,
    promisedDate: promised.toISOString().slice(0, 10),
    ...slot,
    paymentMethod: random.weighted(PAYMENT_METHODS),
    channel,
    appVersion: random.pick(APP_VERSIONS[channel]),
    warehouse: customer.warehouse,
    shipTo: {
      name: customer.name,
      street: customer.street,
      postalCode: customer.postalCode,
      city: customer.city,
    },
    contact: { email: customer.email, phone: customer.phone },
    region: customer.region,
    country: customer.country,
  };
}

/** Some people order often: the square of a uniform number favours the first of the list. */
function pickCustomer(random: Random, customers: readonly Customer[]): Customer {
  const people = customers.length - 1;
  const customer = customers[1 + Math.floor(random.next() ** 1.3 * people)];
  if (customer === undefined) throw new Error('the shop has no customers');
  return customer;
}

function pickLines(random: Random): WantedLine[] {
  const count = Number(random.weighted({ '1': 0.42, '2': 0.3, '3': 0.18, '4': 0.1 }));
  const products = new Set<number>();
  while (products.size < count) {
    products.add(1 + Math.floor(random.next() ** 1.5 * PRODUCTS.length));
  }
  return [...products].map((productId) => ({
    productId,
    quantity: Number(random.weighted({ '1': 0.74, '2': 0.18, '3': 0.08 })),
  }));
}

function withSeveralPieces(request: OrderRequest): OrderRequest {
  const lines = request.lines.map((line, place) =>
    place === 0 ? { ...line, quantity: Math.max(2, line.quantity) } : line,
  );
  return { ...request, lines };
}

function slotOn(day: Date, hour: number): { slotStartsAt: string; slotEndsAt: string } {
  const starts = Date.UTC(day.getUTCFullYear(), day.getUTCMonth(), day.getUTCDate(), hour);
  return {
    slotStartsAt: new Date(starts).toISOString(),
    slotEndsAt: new Date(starts + 2 * HOUR_MS).toISOString(),
  };
}
