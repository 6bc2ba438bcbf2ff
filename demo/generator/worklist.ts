import type { Pool } from 'pg';
import { UNPAID_AFTER_MS } from './life.js';
import { OFFICE_BUYER_ID } from './people.js';

/** What the warehouse, the carrier and the shop's jobs find to do next, oldest first. */
export type Worklist = 'to_pick' | 'to_ship' | 'to_deliver';

const CONDITIONS: Record<Worklist, string> = {
  to_pick: `status = 'paid'`,
  to_ship: `status = 'picking'`,
  to_deliver: `status = 'shipped'`,
};

export async function nextOrder(pool: Pool, worklist: Worklist): Promise<string | undefined> {
  const result = await pool.query<{ id: string }>(
    `SELECT id FROM shop.orders WHERE ${CONDITIONS[worklist]} AND customer_id <> $1
      ORDER BY placed_at LIMIT 1`,
    [OFFICE_BUYER_ID],
  );
  return result.rows[0]?.id;
}

export async function unpaidOrders(pool: Pool, now: Date): Promise<string[]> {
  const result = await pool.query<{ id: string }>(
    `SELECT id FROM shop.orders o
      WHERE status = 'pending_payment' AND placed_at <= $1
        AND NOT EXISTS (SELECT FROM shop.payment p WHERE p.order_id = o.id)
      ORDER BY placed_at LIMIT 20`,
    [new Date(now.getTime() - UNPAID_AFTER_MS)],
  );
  return result.rows.map((row) => row.id);
}

export async function officeBuyersOpenOrders(pool: Pool, count: number): Promise<string[]> {
  const result = await pool.query<{ id: string }>(
    `SELECT id FROM shop.orders
      WHERE customer_id = $1 AND status = 'paid' ORDER BY placed_at LIMIT $2`,
    [OFFICE_BUYER_ID, count],
  );
  return result.rows.map((row) => row.id);
}
