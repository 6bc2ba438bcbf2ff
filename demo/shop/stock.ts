import type { Warehouse } from './catalogue.js';
import type { Transaction } from './transaction.js';

/** How much of one product an order holds, or wants to hold, in its warehouse. */
export interface StockQuantity {
  productId: string;
  quantity: number;
}

export interface Available extends StockQuantity {
  onHand: number;
}

/**
 * Locks the products' stock rows of a warehouse, always in product order so that no two shop
 * transactions wait for each other, and answers what can still be sold.
 */
export async function lockStock(
  tx: Transaction,
  warehouse: string,
  productIds: readonly (string | number)[],
): Promise<Available[]> {
  const result = await tx.query<{ product_id: string; on_hand: number; available: number }>(
    `SELECT product_id, on_hand, on_hand - allocated AS available
       FROM shop.stock WHERE warehouse = $1 AND product_id = ANY ($2::bigint[])
      ORDER BY product_id FOR UPDATE`,
    [warehouse, productIds],
  );
  return result.rows.map((row) => ({
    productId: row.product_id,
    quantity: row.available,
    onHand: row.on_hand,
  }));
}

/** Takes stock for every line of an order that has just been placed: counter and ledger. */
export async function allocateOrder(tx: Transaction, orderId: string): Promise<void> {
  await tx.query(
    `UPDATE shop.stock s SET allocated = s.allocated + held.quantity
       FROM (SELECT l.product_id, o.warehouse, sum(l.quantity)::int AS quantity
               FROM shop.order_line l JOIN shop.orders o ON o.id = l.order_id
              WHERE l.order_id = $1 GROUP BY l.product_id, o.warehouse) held
      WHERE s.product_id = held.product_id AND s.warehouse = held.warehouse`,
    [orderId],
  );
  await tx.query(
    `INSERT INTO shop.stock_movement (order_line_id, product_id, warehouse, kind, quantity)
     SELECT l.id, l.product_id, o.warehouse, 'ALLOCATE', l.quantity
       FROM shop.order_line l JOIN shop.orders o ON o.id = l.order_id
      WHERE l.order_id = $1 AND l.quantity > 0 ORDER BY l.id`,
    [orderId],
  );
}

export interface AllocatedLine extends StockQuantity {
  orderLineId: string;
}

/** What the ledger says each line of an order still holds: allocated and neither released nor shipped. */
export async function allocatedLines(tx: Transaction, orderId: string): Promise<AllocatedLine[]> {
  const result = await tx.query<{ id: string; product_id: string; held: number }>(
    `SELECT l.id, l.product_id,
            sum(CASE m.kind WHEN 'ALLOCATE' THEN m.quantity ELSE -m.quantity END)::int AS held
       FROM shop.order_line l JOIN shop.stock_movement m ON m.order_line_id = l.id
      WHERE l.order_id = $1 GROUP BY l.id, l.product_id
     HAVING sum(CASE m.kind WHEN 'ALLOCATE' THEN m.quantity ELSE -m.quantity END) > 0
      ORDER BY l.product_id, l.id`,
    [orderId],
  );
  return result.rows.map((row) => ({
    orderLineId: row.id,
    productId: row.product_id,
    quantity: row.held,
  }));
}

export interface StockTaking {
  warehouse: string;
  lines: readonly AllocatedLine[];
}

/** Gives back what the lines hold; the goods stay in the warehouse. */
export async function releaseStock(tx: Transaction, taking: StockTaking): Promise<void> {
  await moveStock(tx, taking, 'RELEASE');
}

/** The goods of the lines leave the warehouse. */
export async function shipStock(tx: Transaction, taking: StockTaking): Promise<void> {
  await moveStock(tx, taking, 'SHIP');
}

async function moveStock(
  tx: Transaction,
  taking: StockTaking,
  kind: 'RELEASE' | 'SHIP',
): Promise<void> {
  if (taking.lines.length === 0) return;
  const products = taking.lines.map((line) => line.productId);
  const quantities = taking.lines.map((line) => line.quantity);
  await lockStock(tx, taking.warehouse, products);
  await tx.query(
    `UPDATE shop.stock s
        SET allocated = s.allocated - moved.quantity,
            on_hand = s.on_hand - CASE WHEN $4 = 'SHIP' THEN moved.quantity ELSE 0 END
       FROM (SELECT product_id, sum(quantity)::int AS quantity
               FROM unnest($1::bigint[], $2::int[]) AS line (product_id, quantity)
              GROUP BY product_id) moved
      WHERE s.product_id = moved.product_id AND s.warehouse = $3`,
    [products, quantities, taking.warehouse, kind],
  );
  await tx.query(
    `INSERT INTO shop.stock_movement (order_line_id, product_id, warehouse, kind, quantity)
     SELECT line.id, line.product_id, $4, $5, line.quantity
       FROM unnest($1::bigint[], $2::bigint[], $3::int[]) AS line (id, product_id, quantity)`,
    [taking.lines.map((line) => line.orderLineId), products, quantities, taking.warehouse, kind],
  );
}

export interface Receipt {
  warehouse: Warehouse;
  productId: number;
  quantity: number;
}

/** Goods arrive from a supplier. */
export async function receiveStock(tx: Transaction, receipt: Receipt): Promise<void> {
  const values = [receipt.productId, receipt.warehouse, receipt.quantity];
  await tx.query(
    `UPDATE shop.stock SET on_hand = on_hand + $3 WHERE product_id = $1 AND warehouse = $2`,
    values,
  );
  await tx.query(
    `INSERT INTO shop.stock_movement (product_id, warehouse, kind, quantity)
     VALUES ($1, $2, 'RECEIPT', $3)`,
    values,
  );
}
