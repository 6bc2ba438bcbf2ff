import type { Row, Snapshot } from './snapshot.js';
import type { LoggedWrite } from './snapshot.js';

/** Tables whose rows carry the order's id themselves. */
const WITH_ORDER_ID = new Set([
  'shop.order_line',
  'shop.shipping_line',
  'shop.payment',
  'shop.order_history',
]);

/** Finds the order that a row belongs to, if it belongs to one. */
export class OrderIndex {
  readonly #orderOfLine = new Map<string, string>();
  readonly #orderOfPayment = new Map<string, string>();

  constructor(snapshots: readonly Snapshot[], writes: readonly LoggedWrite[]) {
    for (const snapshot of snapshots) {
      for (const [key, row] of rowsOf(snapshot, 'shop.order_line'))
        this.#learn('shop.order_line', key, row);
      for (const [key, row] of rowsOf(snapshot, 'shop.payment'))
        this.#learn('shop.payment', key, row);
    }
    // Rows that came and went between the snapshots.
    for (const { table, key, before, after } of writes) {
      for (const row of [before, after]) if (row !== null) this.#learn(table, key, row);
    }
  }

  orderOf(table: string, row: Row): string | null {
    if (table === 'shop.orders') return row['id'] ?? null;
    if (WITH_ORDER_ID.has(table)) return row['order_id'] ?? null;
    if (table === 'shop.stock_movement')
      return this.#orderOfLine.get(row['order_line_id'] ?? '') ?? null;
    if (table === 'shop.refund') return this.#orderOfPayment.get(row['payment_id'] ?? '') ?? null;
    return null;
  }

  #learn(table: string, key: string, row: Row): void {
    const orderId = row['order_id'];
    if (orderId === undefined || orderId === null) return;
    if (table === 'shop.order_line') this.#orderOfLine.set(key, orderId);
    if (table === 'shop.payment') this.#orderOfPayment.set(key, orderId);
  }
}

/** The rows of a table; none where the snapshot has no such table. */
export function rowsOf(snapshot: Snapshot, table: string): ReadonlyMap<string, Row> {
  return snapshot.tables.get(table)?.rows ?? new Map<string, Row>();
}
