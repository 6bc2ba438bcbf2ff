import pg from 'pg';
import type { BenchShop, OrderRange } from '../setting/bench-shop.js';

interface Work {
  readonly range: OrderRange;
  readonly concurrency: number;
}

/** Seconds in which a loop with nothing around it restores the orders: the shop's part of the work, and no more. */
export async function bareRestore(shop: BenchShop, { range, concurrency }: Work): Promise<number> {
  const connectionString = shop.credentials.write;
  const pool = new pg.Pool({ connectionString, max: concurrency });
  try {
    // connections are open before the clock starts, as the product's are
    await Promise.all(
      Array.from({ length: concurrency }, () => pool.query('SELECT pg_sleep(0.05)')),
    );
    let next = range.first;
    const worker = async (): Promise<void> => {
      while (next < range.first + range.count) {
        next += 1;
        await restoreOne(pool, next - 1);
      }
    };
    const begun = performance.now();
    await Promise.all(Array.from({ length: concurrency }, worker));
    return (performance.now() - begun) / 1000;
  } finally {
    await pool.end();
  }
}

/** Locks first, then one statement a table, the profile's invariants, and the commit. */
async function restoreOne(pool: pg.Pool, orderId: number): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    for (const sql of [...locks, ...updates]) await client.query(sql, [orderId]);
    const { rows } = await client.query<{ holds: boolean }>(invariants, [orderId]);
    if (rows[0]?.holds !== true) throw new Error(`order ${orderId} does not add up once restored`);
    await client.query('COMMIT');
  } finally {
    client.release();
  }
}

const locks = [
  `SELECT * FROM shop.orders WHERE id = $1 FOR UPDATE`,
  `SELECT * FROM shop.payment WHERE order_id = $1 FOR UPDATE`,
  `SELECT s.* FROM shop.stock s JOIN shop.order_line l USING (product_id)
    WHERE l.order_id = $1 AND s.warehouse = 'LEJ' ORDER BY s.product_id FOR UPDATE OF s`,
];

const updates = [
  `UPDATE shop.order_line
      SET quantity = placed_quantity, tax_minor = 160, total_minor = placed_quantity * unit_price_minor
    WHERE order_id = $1`,
  `UPDATE shop.shipping_line SET adjustments = '[]' WHERE order_id = $1`,
  `UPDATE shop.stock s SET allocated = s.allocated + l.quantity
     FROM shop.order_line l WHERE l.order_id = $1 AND s.product_id = l.product_id AND s.warehouse = 'LEJ'`,
  `INSERT INTO shop.stock_movement (order_line_id, product_id, warehouse, kind, quantity)
   SELECT id, product_id, 'LEJ', 'ALLOCATE', quantity FROM shop.order_line WHERE order_id = $1`,
  `UPDATE shop.orders SET status = 'paid', subtotal_minor = 3000, shipping_minor = 500, tax_minor = 480, total_minor = 3500,
      cancelled_at = NULL, cancel_reason = NULL, version = version + 1 WHERE id = $1`,
  `INSERT INTO shop.order_history (order_id, type, from_status, to_status, actor_kind, actor, reason)
   VALUES ($1, 'STATUS', 'cancelled', 'paid', 'system', 'bench', 'cancelled by mistake')`,
];

/** The four of the profile, in one statement. */
const invariants = `
  SELECT o.subtotal_minor = (SELECT sum(total_minor) FROM shop.order_line WHERE order_id = o.id)
     AND o.total_minor = (SELECT sum(amount_minor) FROM shop.payment WHERE order_id = o.id AND state IN ('authorized', 'captured'))
     AND NOT EXISTS (SELECT FROM shop.order_line l WHERE l.order_id = o.id AND l.quantity <>
           (SELECT sum(CASE kind WHEN 'ALLOCATE' THEN quantity ELSE -quantity END) FROM shop.stock_movement m WHERE m.order_line_id = l.id))
     AND NOT EXISTS (SELECT FROM shop.order_line l JOIN shop.stock s ON s.product_id = l.product_id AND s.warehouse = o.warehouse
           WHERE l.order_id = o.id AND NOT s.allocated BETWEEN 0 AND s.on_hand) AS holds
    FROM shop.orders o WHERE o.id = $1`;
