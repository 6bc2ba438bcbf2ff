import type { Transaction } from './transaction.js';

export interface LockedOrder {
  id: string;
  number: string;
  status: string;
  warehouse: string;
  totalMinor: number;
}

/** Locks the order's row; every shop action begins with this, before payments and stock. */
export async function lockOrder(tx: Transaction, orderId: string): Promise<LockedOrder | null> {
  const result = await tx.query<{
    id: string;
    number: string | null;
    status: string;
    warehouse: string;
    total_minor: string;
  }>(
    `SELECT id, number, status, warehouse, total_minor FROM shop.orders WHERE id = $1 FOR UPDATE`,
    [orderId],
  );
  const row = result.rows[0];
  if (row === undefined) return null;
  return {
    id: row.id,
    number: row.number ?? '',
    status: row.status,
    warehouse: row.warehouse,
    totalMinor: Number(row.total_minor),
  };
}

export async function setStatus(tx: Transaction, orderId: string, status: string): Promise<void> {
  await tx.query(`UPDATE shop.orders SET status = $2, version = version + 1 WHERE id = $1`, [
    orderId,
    status,
  ]);
}
