import type { Pool } from 'pg';
import type { Warehouse } from '../shop/catalogue.js';
import { cancelOrder } from '../shop/cancel-order.js';
import { deliverOrder, pickOrder, shipOrder } from '../shop/fulfil-order.js';
import type { Actor } from '../shop/history.js';
import { payOrder, refundOrder } from '../shop/pay-order.js';
import { createCart, type OrderRequest, placeCart, type PlacedOrder } from '../shop/place-order.js';
import { reduceLine } from '../shop/reduce-line.js';
import { receiveStock } from '../shop/stock.js';
import { inTransaction, type Outcome, type Transaction } from '../shop/transaction.js';
import { type LedgerAction, writeLedger } from './ledger.js';

/**
 * Everything that the shop's people do, each action one transaction of the shop together with its
 * row in the generator's ledger. A refusal writes neither.
 */
export const CUSTOMER: Actor = { kind: 'customer', name: 'customer' };
const WAREHOUSE_STAFF: Actor = { kind: 'staff', name: 'warehouse' };
const CARRIER: Actor = { kind: 'system', name: 'carrier' };
const REFUNDS: Actor = { kind: 'system', name: 'refunds' };
const UNPAID_ORDERS_JOB: Actor = { kind: 'job', name: 'unpaid-orders' };

type Done = Outcome<{ number: string }>;

export async function fillCart(pool: Pool, request: OrderRequest): Promise<string> {
  return inTransaction(pool, async (tx) => {
    const orderId = await createCart(tx, request);
    const changes = { status: 'cart' };
    await writeLedger(tx, { action: 'cart', orderId, orderNumber: null, changes });
    return orderId;
  });
}

/** Places the order in one transaction, or the cart that was filled before. */
export async function place(
  pool: Pool,
  order: OrderRequest | string,
): Promise<Outcome<PlacedOrder>> {
  return inTransaction(pool, async (tx) => {
    const orderId = typeof order === 'string' ? order : await createCart(tx, order);
    const outcome = await placeCart(tx, orderId);
    const left = !outcome.done && typeof order !== 'string';
    if (outcome.done || left) {
      await writeLedger(tx, {
        action: outcome.done ? 'place' : 'cart',
        orderId,
        orderNumber: outcome.done ? outcome.number : null,
        changes: { status: outcome.done ? 'pending_payment' : 'cart' },
      });
    }
    return outcome;
  });
}

export async function pay(pool: Pool, orderId: string): Promise<Done> {
  return recorded(pool, { action: 'pay', orderId, status: 'paid' }, (tx) => payOrder(tx, orderId));
}

export async function reduce(pool: Pool, orderId: string): Promise<Done> {
  return recorded(pool, { action: 'reduce', orderId, status: 'pending_payment' }, (tx) =>
    reduceLine(tx, orderId),
  );
}

export interface IntendedCancel {
  orderId: string;
  reason: string;
  /** A login of the shop's staff; without it the customer cancels. */
  staffLogin?: string;
}

export async function cancelOnPurpose(pool: Pool, intended: IntendedCancel): Promise<Done> {
  const { orderId, reason, staffLogin } = intended;
  const actor: Actor = staffLogin === undefined ? CUSTOMER : { kind: 'staff', name: staffLogin };
  const action = staffLogin === undefined ? 'customer_cancel' : 'staff_cancel';
  return recorded(pool, { action, orderId, status: 'cancelled' }, (tx) =>
    cancelOrder(tx, { orderId, actor, reason }),
  );
}

/** The shop's job as it should be: only orders for which no money came. */
export async function cancelUnpaid(pool: Pool, orderId: string): Promise<Done> {
  return recorded(pool, { action: 'policy_cancel', orderId, status: 'cancelled' }, (tx) =>
    cancelOrder(tx, { orderId, actor: UNPAID_ORDERS_JOB, reason: 'payment not received' }),
  );
}

export async function refund(pool: Pool, orderId: string, reason: string): Promise<Done> {
  return recorded(pool, { action: 'refund', orderId, status: 'cancelled' }, (tx) =>
    refundOrder(tx, { orderId, reason, actor: REFUNDS }),
  );
}

export async function pick(pool: Pool, orderId: string): Promise<Done> {
  return recorded(pool, { action: 'pick', orderId, status: 'picking' }, (tx) =>
    pickOrder(tx, { orderId, actor: WAREHOUSE_STAFF }),
  );
}

export async function ship(pool: Pool, orderId: string): Promise<Done> {
  return recorded(pool, { action: 'ship', orderId, status: 'shipped' }, (tx) =>
    shipOrder(tx, { orderId, actor: WAREHOUSE_STAFF }),
  );
}

export async function deliver(pool: Pool, orderId: string): Promise<Done> {
  return recorded(pool, { action: 'deliver', orderId, status: 'delivered' }, (tx) =>
    deliverOrder(tx, { orderId, actor: CARRIER }),
  );
}

export async function restock(
  pool: Pool,
  receipt: { warehouse: Warehouse; productId: number; quantity: number },
): Promise<void> {
  await inTransaction(pool, async (tx) => {
    await receiveStock(tx, receipt);
    const changes = { ...receipt };
    await writeLedger(tx, { action: 'restock', orderId: null, orderNumber: null, changes });
  });
}

interface Recorded {
  action: LedgerAction;
  orderId: string;
  /** The order's status once this is done. */
  status: string;
}

async function recorded(
  pool: Pool,
  { action, orderId, status }: Recorded,
  act: (tx: Transaction) => Promise<Done>,
): Promise<Done> {
  return inTransaction(pool, async (tx) => {
    const outcome = await act(tx);
    if (outcome.done) {
      const changes = { status };
      await writeLedger(tx, { action, orderId, orderNumber: outcome.number, changes });
    }
    return outcome;
  });
}
