import type { Transaction } from '../shop/transaction.js';

/** What the generator does on purpose. */
export type LedgerAction =
  | 'cart'
  | 'place'
  | 'pay'
  | 'reduce'
  | 'pick'
  | 'ship'
  | 'deliver'
  | 'customer_cancel'
  | 'staff_cancel'
  | 'policy_cancel'
  | 'refund'
  | 'restock';

export interface LedgerEntry {
  action: LedgerAction;
  orderId: string | null;
  orderNumber: string | null;
  /** What this changed, in the shop's words, e.g. {"status": "shipped"}. */
  changes: Record<string, unknown>;
}

/** Writes down, inside the action's own transaction, that the generator meant it. */
export async function writeLedger(tx: Transaction, entry: LedgerEntry): Promise<void> {
  await tx.query(
    `INSERT INTO audit.generator_ledger (action, order_id, order_number, changes)
     VALUES ($1, $2, $3, $4)`,
    [entry.action, entry.orderId, entry.orderNumber, JSON.stringify(entry.changes)],
  );
}
