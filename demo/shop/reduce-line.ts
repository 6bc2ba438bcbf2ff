import { addHistory } from './history.js';
import { lockOrder } from './orders.js';
import { includedTax } from './pricing.js';
import { releaseStock } from './stock.js';
import { type Outcome, refused, type Transaction } from './transaction.js';

interface LineToReduce {
  id: string;
  product_id: string;
  sku: string;
  quantity: number;
  unit_price_minor: string;
  tax_minor: string;
  tax_rate_basis_points: number;
}

/**
 * A customer wants one piece less of something: the line's quantity falls below what was placed.
 * Refused once paid, so that money and total never part; shipping and discount stay as promised.
 */
export async function reduceLine(
  tx: Transaction,
  orderId: string,
): Promise<Outcome<{ number: string; sku: string }>> {
  const order = await lockOrder(tx, orderId);
  if (order === null) return refused('no_such_order');
  if (order.status !== 'pending_payment') return refused('wrong_status');
  const found = await tx.query<LineToReduce>(
    `SELECT l.id, l.product_id, l.sku, l.quantity, l.unit_price_minor, l.tax_minor,
            p.tax_rate_basis_points
       FROM shop.order_line l JOIN shop.product p ON p.id = l.product_id
      WHERE l.order_id = $1 AND l.quantity > 1 ORDER BY l.id LIMIT 1 FOR UPDATE OF l`,
    [orderId],
  );
  const line = found.rows[0];
  if (line === undefined) return refused('nothing_to_reduce');
  await releaseStock(tx, {
    warehouse: order.warehouse,
    lines: [{ orderLineId: line.id, productId: line.product_id, quantity: 1 }],
  });
  await lowerAmounts(tx, orderId, line);
  await addHistory(tx, {
    orderId,
    type: 'NOTE',
    actor: { kind: 'customer', name: 'customer' },
    reason: `one less of ${line.sku}`,
  });
  return { done: true, number: order.number, sku: line.sku };
}

async function lowerAmounts(tx: Transaction, orderId: string, line: LineToReduce): Promise<void> {
  const unitPriceMinor = Number(line.unit_price_minor);
  const totalMinor = unitPriceMinor * (line.quantity - 1);
  const taxMinor = includedTax(totalMinor, line.tax_rate_basis_points);
  await tx.query(
    `UPDATE shop.order_line SET quantity = quantity - 1, total_minor = $2, tax_minor = $3
      WHERE id = $1`,
    [line.id, totalMinor, taxMinor],
  );
  await tx.query(
    `UPDATE shop.orders
        SET subtotal_minor = subtotal_minor - $2, tax_minor = tax_minor - $3,
            total_minor = greatest(0, subtotal_minor - $2 + shipping_minor - discount_minor),
            version = version + 1
      WHERE id = $1`,
    [orderId, unitPriceMinor, Number(line.tax_minor) - taxMinor],
  );
}
