import type pg from 'pg';
import { createCart, placeCart } from '../../demo/shop/place-order.js';
import { payOrder } from '../../demo/shop/pay-order.js';
import { inTransaction } from '../../demo/shop/transaction.js';

/** A customer of its own places and pays an order of one line, by the shop's own code; gives its id. */
export async function placeOneOrder(pool: pg.Pool): Promise<string> {
  return inTransaction(pool, async (tx) => {
    const { rows } = await tx.query<{ id: string }>(
      `INSERT INTO shop.customer (name, email, street, postal_code, city, region, country)
       VALUES ('Ada', 'ada@example.com', 'Street 1', '04109', 'Leipzig', 'SN', 'DE') RETURNING id`,
    );
    const orderId = await createCart(tx, {
      customerId: Number(rows[0]?.id),
      lines: [{ productId: 2, quantity: 1 }],
      couponCode: null,
      deliveryMethod: 'standard',
      promisedDate: null,
      slotStartsAt: null,
      slotEndsAt: null,
      paymentMethod: 'card',
      channel: 'web',
      appVersion: '1.0',
      warehouse: 'LEJ',
      shipTo: { name: 'Ada', street: 'Street 1', postalCode: '04109', city: 'Leipzig' },
      contact: { email: 'ada@example.com', phone: null },
      region: 'SN',
      country: 'DE',
    });
    const [placed, paid] = [await placeCart(tx, orderId), await payOrder(tx, orderId)];
    if (!placed.done || !paid.done) throw new Error('the order was not placed and paid');
    return orderId;
  });
}
