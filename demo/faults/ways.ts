import { setTimeout as pause } from 'node:timers/promises';
import type { Pool } from 'pg';
import { cancelOrder } from '../shop/cancel-order.js';
import { type Actor, addHistory } from '../shop/history.js';
import { must } from '../shop/must.js';
import { lockOrder } from '../shop/orders.js';
import { allocatedLines, releaseStock } from '../shop/stock.js';
import { inTransaction, type Transaction } from '../shop/transaction.js';
import type { FaultWay } from './fault-report.js';
import { LineByLineBot } from './line-by-line.js';
import { transactionId, type Struck } from './struck.js';

/** Cancels these orders in one way. Orders that were changed meanwhile are left alone. */
export type Strike = (pool: Pool, orderIds: readonly string[]) => Promise<Struck[]>;

const JOB: Actor = { kind: 'job', name: 'unpaid-orders' };
const REASON = 'payment not received';
/** Between the transactions of one order, as calls to other services would take. */
const BETWEEN_STEPS_MS = 60;

export const STRIKES: Record<FaultWay, Strike> = {
  api: strikeOneByOne(cancelThroughShop),
  sql: cancelByOneUpdate,
  steps: strikeOneByOne(cancelStepByStep),
  lines: (pool, orderIds) =>
    new LineByLineBot(pool, { actor: JOB, reason: REASON }).strike(orderIds),
};

function strikeOneByOne(strike: (pool: Pool, orderId: string) => Promise<Struck>): Strike {
  return async (pool, orderIds) => {
    const struck: Struck[] = [];
    for (const orderId of orderIds) struck.push(await strike(pool, orderId));
    return struck;
  };
}

/** The shop's own code, called for an order that it should not be called for. */
async function cancelThroughShop(pool: Pool, orderId: string): Promise<Struck> {
  return inTransaction(pool, async (tx) => {
    const order = await lockOrder(tx, orderId);
    if (order?.status !== 'paid') return { orderId, cancelled: false, transactions: [] };
    const outcome = await cancelOrder(tx, { orderId, actor: JOB, reason: REASON });
    const transactions = outcome.done ? [await transactionId(tx)] : [];
    return { orderId, cancelled: outcome.done, transactions };
  });
}

/** Somebody's script on the database: the status of many orders, and nothing else. */
async function cancelByOneUpdate(pool: Pool, orderIds: readonly string[]): Promise<Struck[]> {
  const updated = await pool.query<{ id: string; transaction_id: string }>(
    `UPDATE shop.orders SET status = 'cancelled'
      WHERE id = ANY ($1::bigint[]) AND status = 'paid'
      RETURNING id, pg_current_xact_id()::text AS transaction_id`,
    [orderIds],
  );
  const transactions = new Map(updated.rows.map((row) => [row.id, row.transaction_id]));
  return orderIds.map((orderId) => {
    const transaction = transactions.get(orderId);
    return {
      orderId,
      cancelled: transaction !== undefined,
      transactions: transaction === undefined ? [] : [transaction],
    };
  });
}

/** One transaction of the job's own workflow. */
type Step = (tx: Transaction, orderId: string) => Promise<void>;

/** Stock, payment note, status, history: four transactions, and lines that keep their quantity. */
async function cancelStepByStep(pool: Pool, orderId: string): Promise<Struck> {
  const struck: Struck = { orderId, cancelled: false, transactions: [] };
  try {
    for (const step of [giveStockBack, notePayment, setCancelled]) {
      const transaction = await inStep(pool, orderId, step);
      if (transaction === null) return struck;
      struck.transactions.push(transaction);
      await pause(BETWEEN_STEPS_MS);
    }
    struck.cancelled = true;
    struck.transactions.push(
      await inTransaction(pool, async (tx) => {
        await writeHistory(tx, orderId);
        return transactionId(tx);
      }),
    );
    return struck;
  } catch (error) {
    return { ...struck, error };
  }
}

async function inStep(pool: Pool, orderId: string, step: Step): Promise<string | null> {
  return inTransaction(pool, async (tx) => {
    const order = await lockOrder(tx, orderId);
    if (order?.status !== 'paid') return null;
    await step(tx, orderId);
    return transactionId(tx);
  });
}

async function giveStockBack(tx: Transaction, orderId: string): Promise<void> {
  const order = must(await lockOrder(tx, orderId), 'the order locked just now');
  const lines = await allocatedLines(tx, orderId);
  await releaseStock(tx, { warehouse: order.warehouse, lines });
}

async function notePayment(tx: Transaction, orderId: string): Promise<void> {
  await tx.query(`UPDATE shop.payment SET note = $2 WHERE order_id = $1`, [
    orderId,
    'unpaid-orders: no payment found',
  ]);
}

async function setCancelled(tx: Transaction, orderId: string): Promise<void> {
  await tx.query(
    `UPDATE shop.orders
        SET status = 'cancelled', cancelled_at = now(), cancel_reason = $2, version = version + 1
      WHERE id = $1`,
    [orderId, REASON],
  );
}

async function writeHistory(tx: Transaction, orderId: string): Promise<void> {
  const to = { orderId, fromStatus: 'paid', toStatus: 'cancelled', actor: JOB };
  await addHistory(tx, { ...to, type: 'CANCELLED', reason: REASON });
  await addHistory(tx, { ...to, type: 'STATUS' });
}
