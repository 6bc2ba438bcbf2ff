import {
  type Channel,
  CURRENCY,
  type DeliveryMethod,
  type PaymentMethod,
  type Warehouse,
} from './catalogue.js';
import { addHistory } from './history.js';
import { must } from './must.js';
import { lockOrder } from './orders.js';
import { type PricedOrder, priceOrder, type WantedLine } from './pricing.js';
import { allocateOrder, lockStock } from './stock.js';
import { type Outcome, refused, type Transaction } from './transaction.js';

/** Everything a customer says when ordering. */
export interface OrderRequest {
  customerId: number;
  lines: readonly WantedLine[];
  couponCode: string | null;
  deliveryMethod: DeliveryMethod;
  promisedDate: string | null;
  slotStartsAt: string | null;
  slotEndsAt: string | null;
  paymentMethod: PaymentMethod;
  channel: Channel;
  appVersion: string;
  warehouse: Warehouse;
  shipTo: { name: string; street: string; postalCode: string; city: string };
  contact: { email: string; phone: string | null };
  region: string;
  country: string;
}

export interface PlacedOrder {
  orderId: string;
  number: string;
  totalMinor: number;
  /** What is left to sell of the order's products, to know when to buy more. */
  left: { productId: string; quantity: number }[];
}

/** Fills a cart and leaves it: no number, no stock taken. */
export async function createCart(tx: Transaction, request: OrderRequest): Promise<string> {
  const priced = priceOrder(request);
  const result = await tx.query<{ id: string }>(
    `INSERT INTO shop.orders
       (customer_id, status, currency, subtotal_minor, shipping_minor, tax_minor, discount_minor,
        total_minor, coupon_code, delivery_method, promised_date, slot_starts_at, slot_ends_at,
        ship_name, ship_street, ship_postal_code, ship_city, contact_email, contact_phone,
        region, country, channel, app_version, payment_method, warehouse)
     VALUES ($1, 'cart', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
             $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)
     RETURNING id`,
    orderValues(request, priced),
  );
  const orderId = must(result.rows[0], 'the new order').id;
  await insertLines(tx, orderId, priced);
  await tx.query(
    `INSERT INTO shop.shipping_line (order_id, method, price_minor, tax_minor)
     VALUES ($1, $2, $3, $4)`,
    [orderId, request.deliveryMethod, priced.shippingMinor, priced.shippingTaxMinor],
  );
  return orderId;
}

/** Turns a cart into an order that waits for its payment, and takes its stock. */
export async function placeCart(tx: Transaction, orderId: string): Promise<Outcome<PlacedOrder>> {
  const cart = await lockOrder(tx, orderId);
  if (cart === null) return refused('no_such_order');
  if (cart.status !== 'cart') return refused('wrong_status');
  const wanted = await tx.query<{ product_id: string; quantity: number }>(
    `SELECT product_id, sum(quantity)::int AS quantity FROM shop.order_line
      WHERE order_id = $1 GROUP BY product_id`,
    [orderId],
  );
  const products = wanted.rows.map((line) => line.product_id);
  const available = new Map(
    (await lockStock(tx, cart.warehouse, products)).map((row) => [row.productId, row.quantity]),
  );
  const left = wanted.rows.map((line) => ({
    productId: line.product_id,
    quantity: (available.get(line.product_id) ?? 0) - line.quantity,
  }));
  if (left.some((line) => line.quantity < 0)) return refused('out_of_stock');
  const placed = await tx.query<{ number: string }>(
    `UPDATE shop.orders
        SET status = 'pending_payment', number = 'S-' || nextval('shop.order_number'),
            placed_at = now(), version = version + 1
      WHERE id = $1 RETURNING number`,
    [orderId],
  );
  await allocateOrder(tx, orderId);
  await addHistory(tx, {
    orderId,
    type: 'PLACED',
    fromStatus: 'cart',
    toStatus: 'pending_payment',
    actor: { kind: 'customer', name: 'customer' },
  });
  const number = must(placed.rows[0], 'the placed order').number;
  return { done: true, orderId, number, totalMinor: cart.totalMinor, left };
}

async function insertLines(tx: Transaction, orderId: string, priced: PricedOrder): Promise<void> {
  const lines = priced.lines;
  await tx.query(
    `INSERT INTO shop.order_line (order_id, product_id, sku, name, quantity, placed_quantity,
                                  unit_price_minor, tax_minor, total_minor)
     SELECT $1, product_id, sku, name, quantity, quantity, unit_price_minor, tax_minor, total_minor
       FROM unnest($2::bigint[], $3::text[], $4::text[], $5::int[], $6::bigint[], $7::bigint[],
                   $8::bigint[])
         AS line (product_id, sku, name, quantity, unit_price_minor, tax_minor, total_minor)`,
    [
      orderId,
      lines.map((line) => line.productId),
      lines.map((line) => line.product.sku),
      lines.map((line) => line.product.name),
      lines.map((line) => line.quantity),
      lines.map((line) => line.unitPriceMinor),
      lines.map((line) => line.taxMinor),
      lines.map((line) => line.totalMinor),
    ],
  );
}

function orderValues(request: OrderRequest, priced: PricedOrder): unknown[] {
  return [
    request.customerId,
    CURRENCY,
    priced.subtotalMinor,
    priced.shippingMinor,
    priced.taxMinor,
    priced.discountMinor,
    priced.totalMinor,
    request.couponCode,
    request.deliveryMethod,
    request.promisedDate,
    request.slotStartsAt,
    request.slotEndsAt,
    request.shipTo.name,
    request.shipTo.street,
    request.shipTo.postalCode,
    request.shipTo.city,
    request.contact.email,
    request.contact.phone,
    request.region,
    request.country,
    request.channel,
    request.appVersion,
    request.paymentMethod,
    request.warehouse,
  ];
}
