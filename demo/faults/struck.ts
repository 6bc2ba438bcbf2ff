import { must } from '../shop/must.js';
import type { Transaction } from '../shop/transaction.js';

/** What became of one order: the transactions that wrote for it, and whether it is cancelled now. */
export interface Struck {
  orderId: string;
  cancelled: boolean;
  transactions: string[];
  /** What broke half way: what was written before it still stands in `transactions`. */
  error?: unknown;
}

export async function transactionId(tx: Transaction): Promise<string> {
  const result = await tx.query<{ id: string }>(`SELECT pg_current_xact_id()::text AS id`);
  return must(result.rows[0], 'the transaction id').id;
}
