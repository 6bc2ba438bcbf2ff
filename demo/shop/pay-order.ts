import { PAYMENT_PROVIDERS, type PaymentMethod } from './catalogue.js';
import { type Actor, addHistory } from './history.js';
import { must } from './must.js';
import { lockOrder, setStatus } from './orders.js';
import { type Outcome, refused, type Transaction } from './transaction.js';

const SYSTEM: Actor = { kind: 'system', name: 'payments' };

/** The provider says that the money is there (or safe): the order is paid. */
export async function payOrder(
  tx: Transaction,
  orderId: string,
): Promise<Outcome<{ number: string }>> {
  const order = await lockOrder(tx, orderId);
  if (order === null) return refused('no_such_order');
  if (order.status !== 'pending_payment') return refused('wrong_status');
  const method = await tx.query<{ payment_method: PaymentMethod }>(
    `SELECT payment_method FROM shop.orders WHERE id = $1`,
    [orderId],
  );
  const { provider, stateOncePaid } =
    PAYMENT_PROVIDERS[must(method.rows[0], 'the order').payment_method];
  await tx.query(
    `INSERT INTO shop.payment (order_id, provider, provider_reference, amount_minor, state)
     VALUES ($1, $2, $3, $4, $5)`,
    [orderId, provider, `${provider}-${order.number}`, order.totalMinor, stateOncePaid],
  );
  await setStatus(tx, orderId, 'paid');
  await addHistory(tx, {
    orderId,
    type: 'PAID',
    fromStatus: 'pending_payment',
    toStatus: 'paid',
    actor: SYSTEM,
  });
  return { done: true, number: order.number };
}

export interface RefundRequest {
  orderId: string;
  reason: string;
  actor: Actor;
}

/** Gives back all money held for the order, or frees it where it was only authorised. */
export async function refundOrder(
  tx: Transaction,
  request: RefundRequest,
): Promise<Outcome<{ number: string; amountMinor: number }>> {
  const order = await lockOrder(tx, request.orderId);
  if (order === null) return refused('no_such_order');
  const held = await tx.query<{ id: string; amount_minor: string; state: string; left: string }>(
    `SELECT p.id, p.amount_minor, p.state,
            p.amount_minor - coalesce((SELECT sum(r.amount_minor) FROM shop.refund r
                                        WHERE r.payment_id = p.id), 0) AS left
       FROM shop.payment p
      WHERE p.order_id = $1 AND p.state IN ('authorized', 'captured') ORDER BY p.id FOR UPDATE`,
    [request.orderId],
  );
  if (held.rows.length === 0) return refused('no_money_held');
  let amountMinor = 0;
  for (const payment of held.rows) {
    const captured = payment.state === 'captured';
    await tx.query(`UPDATE shop.payment SET state = $2 WHERE id = $1`, [
      payment.id,
      captured ? 'refunded' : 'voided',
    ]);
    if (captured && Number(payment.left) > 0) {
      await tx.query(
        `INSERT INTO shop.refund (payment_id, amount_minor, reason) VALUES ($1, $2, $3)`,
        [payment.id, payment.left, request.reason],
      );
    }
    amountMinor += Number(payment.left);
  }
  await addHistory(tx, {
    orderId: request.orderId,
    type: 'REFUNDED',
    actor: request.actor,
    reason: request.reason,
  });
  return { done: true, number: order.number, amountMinor };
}
