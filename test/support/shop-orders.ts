import type pg from 'pg';
import { cancelOrder } from '../../demo/shop/cancel-order.js';
import { PRODUCTS } from '../../demo/shop/catalogue.js';
import type { Actor } from '../../demo/shop/history.js';
import { payOrder } from '../../demo/shop/pay-order.js';
import { createCart, placeCart } from '../../demo/shop/place-order.js';
import type { Transaction } from '../../demo/shop/transaction.js';

export const warehouse = 'LEJ';

export interface WantedLine {
  readonly productId: number;
  readonly quantity: number;
}

/** Products of the sample shop, with enough stock of each. */
export async function seedShop(client: pg.Client): Promise<void> {
  for (const { id, sku, name, priceMinor, taxRateBasisPoints } of PRODUCTS.slice(0, 6)) {
    await client.query(
      `INSERT INTO shop.product (id, sku, name, price_minor, tax_rate_basis_points) VALUES ($1, $2, $3, $4, $5)`,
      [id, sku, name, priceMinor, taxRateBasisPoints],
    );
    await client.query(`INSERT INTO shop.stock VALUES ($1, $2, 1000, 0)`, [id, warehouse]);
  }
}

/** An order of a customer of its own, through the shop's own code; nobody has paid it. */
export async function placeOrder(tx: Transaction, lines: readonly WantedLine[]): Promise<string> {
  const customer = await tx.query<{ id: string }>(
    `INSERT INTO shop.customer (name, email, street, postal_code, city, region, country)
     VALUES ('Ada', 'ada@example.com', 'Street 1', '04109', 'Leipzig', 'SN', 'DE') RETURNING id`,
  );
  const orderId = await createCart(tx, {
    customerId: Number(customer.rows[0]?.id),
    lines: [...lines],
    couponCode: null,
    deliveryMethod: 'standard',
    promisedDate: null,
    slotStartsAt: null,
    slotEndsAt: null,
    paymentMethod: 'card',
    channel: 'web',
    appVersion: '1.0',
    warehouse,
    shipTo: { name: 'Ada', street: 'Street 1', postalCode: '04109', city: 'Leipzig' },
    contact: { email: 'ada@example.com', phone: null },
    region: 'SN',
    country: 'DE',
  });
  const placed = await placeCart(tx, orderId);
  if (!placed.done) throw new Error(`the order was not placed: ${placed.reason}`);
  return orderId;
}

/** The same, paid. */
export async function placePaidOrder(
  tx: Transaction,
  lines: readonly WantedLine[],
): Promise<string> {
  const orderId = await placeOrder(tx, lines);
  const paid = await payOrder(tx, orderId);
  if (!paid.done) throw new Error(`the order was not paid: ${paid.reason}`);
  return orderId;
}

/** Cancelled through the shop's own code. */
export async function cancelWrongly(
  tx: Transaction,
  { orderId, actor }: { orderId: string; actor: Actor },
): Promise<void> {
  const outcome = await cancelOrder(tx, { orderId, actor, reason: 'payment not received' });
  if (!outcome.done) throw new Error(`order ${orderId} was not cancelled: ${outcome.reason}`);
}
