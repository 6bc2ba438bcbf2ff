import type { Pool } from 'pg';
import { cancelOrder } from '../../demo/shop/cancel-order.js';
import { payOrder } from '../../demo/shop/pay-order.js';
import { createCart, placeCart } from '../../demo/shop/place-order.js';
import { receiveStock } from '../../demo/shop/stock.js';
import { inTransaction, type Transaction } from '../../demo/shop/transaction.js';
import type { StruckOrder } from '../../demo/proof/proof-input.js';

const warehouse = 'LEJ';

/** A paid order with a line for each quantity, of a customer of its own. */
export async function placePaid(pool: Pool, quantities: readonly number[]): Promise<string> {
  const lines = quantities.map((quantity, place) => ({ productId: 3 + place, quantity }));
  return inTransaction(pool, async (tx) => {
    for (const { productId, quantity } of lines)
      await receiveStock(tx, { warehouse, productId, quantity });
    const orderId = await createCart(tx, {
      customerId: await newCustomer(tx),
      lines,
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
    for (const outcome of [await placeCart(tx, orderId), await payOrder(tx, orderId)])
      if (!outcome.done) throw new Error(`no order: ${outcome.reason}`);
    return orderId;
  });
}

async function newCustomer(tx: Transaction): Promise<number> {
  const { rows } = await tx.query<{ id: string }>(
    `INSERT INTO shop.customer (name, email, street, postal_code, city, region, country)
     VALUES ('Ada', 'ada@example.com', 'Street 1', '04109', 'Leipzig', 'SN', 'DE') RETURNING id`,
  );
  return Number(rows[0]?.id);
}

/** The shop's faulty job of this name cancels the order through the shop's own code. */
export async function cancelByJob(pool: Pool, orderId: string, job: string): Promise<StruckOrder> {
  return inTransaction(pool, async (tx) => {
    const actor = { kind: 'job', name: job } as const;
    const outcome = await cancelOrder(tx, { orderId, actor, reason: 'payment not received' });
    if (!outcome.done) throw new Error(`order ${orderId} was not cancelled: ${outcome.reason}`);
    const { rows } = await tx.query<{ id: string }>('SELECT pg_current_xact_id()::text AS id');
    return { orderId, transactions: [rows[0]?.id ?? ''] };
  });
}

const ownTables = ['order_line', 'shipping_line', 'payment'] as const;

/** Rows of the orders that a restore or undo sets back, as text, by table; without moments and versions. */
export async function rowsOf(pool: Pool, orderIds: readonly string[]): Promise<string[]> {
  const selects = [
    `SELECT 'orders ' || o.id || ' ' || (to_jsonb(o) - 'updated_at' - 'version')::text AS row
       FROM shop.orders o WHERE o.id = ANY ($1::bigint[])`,
    ...ownTables.map(
      (table) =>
        `SELECT '${table} ' || t.id || ' ' || to_jsonb(t)::text FROM shop.${table} t WHERE t.order_id = ANY ($1::bigint[])`,
    ),
  ];
  const { rows } = await pool.query<{ row: string }>(`${selects.join(' UNION ALL ')} ORDER BY 1`, [
    orderIds,
  ]);
  return rows.map(({ row }) => row);
}
