import { type Actor, addHistory } from './history.js';
import { lockOrder, setStatus } from './orders.js';
import { allocatedLines, shipStock } from './stock.js';
import { type Outcome, refused, type Transaction } from './transaction.js';

export interface FulfilRequest {
  orderId: string;
  actor: Actor;
}

type Moved = Outcome<{ number: string }>;

/**
 * A paid order goes to the warehouse's shelves. Like shipping, refused unless the ledger holds for
 * every line exactly what the line wants: an order whose stock was given back cannot be fulfilled
 * whatever its status says.
 */
export async function pickOrder(tx: Transaction, request: FulfilRequest): Promise<Moved> {
  return moveOrder(tx, request, { from: 'paid', to: 'picking', wantsStock: true });
}

/** The goods leave, and money that was only authorised is taken. */
export async function shipOrder(tx: Transaction, request: FulfilRequest): Promise<Moved> {
  const { orderId, actor } = request;
  const order = await lockOrder(tx, orderId);
  if (order === null) return refused('no_such_order');
  if (order.status !== 'picking') return refused('wrong_status');
  if (!(await holdsWhatLinesWant(tx, orderId))) return refused('stock_not_allocated');
  const held = await allocatedLines(tx, orderId);
  await shipStock(tx, { warehouse: order.warehouse, lines: held });
  await tx.query(
    `UPDATE shop.payment SET state = 'captured' WHERE order_id = $1 AND state = 'authorized'`,
    [orderId],
  );
  await setStatus(tx, orderId, 'shipped');
  await addHistory(tx, {
    orderId,
    type: 'SHIPPED',
    fromStatus: 'picking',
    toStatus: 'shipped',
    actor,
  });
  return { done: true, number: order.number };
}

/** The carrier says that the customer has the parcel. */
export async function deliverOrder(tx: Transaction, request: FulfilRequest): Promise<Moved> {
  return moveOrder(tx, request, { from: 'shipped', to: 'delivered', wantsStock: false });
}

async function holdsWhatLinesWant(tx: Transaction, orderId: string): Promise<boolean> {
  const held = await allocatedLines(tx, orderId);
  const wanted = await tx.query<{ id: string; quantity: number }>(
    `SELECT id, quantity FROM shop.order_line WHERE order_id = $1 AND quantity > 0`,
    [orderId],
  );
  const byLine = new Map(held.map((line) => [line.orderLineId, line.quantity]));
  return (
    wanted.rows.length > 0 &&
    wanted.rows.length === held.length &&
    wanted.rows.every((line) => byLine.get(line.id) === line.quantity)
  );
}

async function moveOrder(
  tx: Transaction,
  { orderId, actor }: FulfilRequest,
  step: { from: string; to: string; wantsStock: boolean },
): Promise<Moved> {
  const order = await lockOrder(tx, orderId);
  if (order === null) return refused('no_such_order');
  if (order.status !== step.from) return refused('wrong_status');
  if (step.wantsStock && !(await holdsWhatLinesWant(tx, orderId))) {
    return refused('stock_not_allocated');
  }
  await setStatus(tx, orderId, step.to);
  await addHistory(tx, {
    orderId,
    type: 'STATUS',
    fromStatus: step.from,
    toStatus: step.to,
    actor,
  });
  return { done: true, number: order.number };
}
