import { type Actor, addHistory } from './history.js';
import { lockOrder } from './orders.js';
import { allocatedLines, releaseStock } from './stock.js';
import { type Outcome, refused, type Transaction } from './transaction.js';

export interface CancelLineRequest {
  orderId: string;
  lineId: string;
  actor: Actor;
  reason: string;
}

const CANCELLABLE: readonly string[] = ['pending_payment', 'paid', 'picking'];

/** The lines of an order that still hold something, in the order in which they were added. */
export async function openLines(tx: Transaction, orderId: string): Promise<string[]> {
  const found = await tx.query<{ id: string }>(
    `SELECT id FROM shop.order_line WHERE order_id = $1 AND quantity > 0 ORDER BY id`,
    [orderId],
  );
  return found.rows.map(({ id }) => id);
}

/**
 * The shop's own way to take one line out of an order, in one transaction: its stock given back, its
 * quantity and amounts zeroed, the order's amounts lowered by them, history written. The order stays
 * open, also without any line left; shipping and discount stay as promised.
 */
export async function cancelLine(
  tx: Transaction,
  { orderId, lineId, actor, reason }: CancelLineRequest,
): Promise<Outcome<{ number: string }>> {
  const order = await lockOrder(tx, orderId);
  if (order === null) return refused('no_such_order');
  if (!CANCELLABLE.includes(order.status)) return refused('wrong_status');
  if (!(await openLines(tx, orderId)).includes(lineId)) return refused('nothing_to_reduce');
  const held = await allocatedLines(tx, orderId);
  const lines = held.filter(({ orderLineId }) => orderLineId === lineId);
  await releaseStock(tx, { warehouse: order.warehouse, lines });
  await zeroLine(tx, lineId);
  await addHistory(tx, { orderId, type: 'LINE_CANCELLED', actor, reason });
  return { done: true, number: order.number };
}

async function zeroLine(tx: Transaction, lineId: string): Promise<void> {
  await tx.query(
    `UPDATE shop.orders o
        SET subtotal_minor = o.subtotal_minor - l.total_minor, tax_minor = o.tax_minor - l.tax_minor,
            total_minor =
              greatest(0, o.subtotal_minor - l.total_minor + o.shipping_minor - o.discount_minor),
            version = o.version + 1
       FROM shop.order_line l WHERE l.id = $1 AND o.id = l.order_id`,
    [lineId],
  );
  await tx.query(
    `UPDATE shop.order_line SET quantity = 0, tax_minor = 0, total_minor = 0 WHERE id = $1`,
    [lineId],
  );
}
