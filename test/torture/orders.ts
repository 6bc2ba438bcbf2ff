import type { Pool } from 'pg';
import { receiveStock } from '../../demo/shop/stock.js';
import { inTransaction } from '../../demo/shop/transaction.js';
import type { StruckOrder } from '../../demo/proof/proof-input.js';
import { cancelWrongly, placePaidOrder, warehouse } from '../support/shop-orders.js';

/** A paid order with a line for each quantity, of a customer of its own; what it takes is received before. */
export async function placePaid(pool: Pool, quantities: readonly number[]): Promise<string> {
  const lines = quantities.map((quantity, place) => ({ productId: 3 + place, quantity }));
  return inTransaction(pool, async (tx) => {
    for (const line of lines) await receiveStock(tx, { warehouse, ...line });
    return placePaidOrder(tx, lines);
  });
}

/** The shop's faulty job of this name cancels the order through the shop's own code. */
export async function cancelByJob(pool: Pool, orderId: string, job: string): Promise<StruckOrder> {
  return inTransaction(pool, async (tx) => {
    await cancelWrongly(tx, { orderId, actor: { kind: 'job', name: job } });
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
