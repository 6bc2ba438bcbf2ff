import { type Actor, addHistory } from './history.js';
import { lockOrder } from './orders.js';
import { allocatedLines, releaseStock } from './stock.js';
import { type Outcome, refused, type Transaction } from './transaction.js';

export interface CancelRequest {
  orderId: string;
  actor: Actor;
  reason: string;
}

export interface CancelledOrder {
  number: string;
  fromStatus: string;
  totalMinor: number;
}

const CANCELLABLE: readonly string[] = ['pending_payment', 'paid', 'picking'];

/**
 * The shop's own way to cancel, in one transaction: stock given back, quantities and amounts of
 * the order zeroed, history written. Payments stay untouched: a refund is a separate decision.
 */
export async function cancelOrder(
  tx: Transaction,
  request: CancelRequest,
): Promise<Outcome<CancelledOrder>> {
  const { orderId, actor, reason } = request;
  const order = await lockOrder(tx, orderId);
  if (order === null) return refused('no_such_order');
  if (!CANCELLABLE.includes(order.status)) return refused('wrong_status');
  // What the ledger says is held, not the quantity: some of it may have been released before.
  const lines = await allocatedLines(tx, orderId);
  await releaseStock(tx, { warehouse: order.warehouse, lines });
  await zeroAmounts(tx, orderId, reason);
  const to = { fromStatus: order.status, toStatus: 'cancelled', actor };
  await addHistory(tx, { orderId, type: 'CANCELLED', ...to, reason });
  await addHistory(tx, { orderId, type: 'STATUS', ...to });
  return {
    done: true,
    number: order.number,
    fromStatus: order.status,
    totalMinor: order.totalMinor,
  };
}

async function zeroAmounts(tx: Transaction, orderId: string, reason: string): Promise<void> {
  await tx.query(
    `UPDATE shop.order_line SET quantity = 0, tax_minor = 0, total_minor = 0 WHERE order_id = $1`,
    [orderId],
  );
  await tx.query(
    `UPDATE shop.shipping_line
        SET adjustments = adjustments ||
              jsonb_build_object('type', 'CANCEL_ORDER', 'amountMinor', -price_minor)
      WHERE order_id = $1`,
    [orderId],
  );
  await tx.query(
    `UPDATE shop.orders
        SET status = 'cancelled', subtotal_minor = 0, shipping_minor = 0, tax_minor = 0,
            total_minor = 0, cancelled_at = now(), cancel_reason = $2, version = version + 1
      WHERE id = $1`,
    [orderId, reason],
  );
}
