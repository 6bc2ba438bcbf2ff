import { rowName } from '../../../orders/fold.js';
import type { RowChange, RowImage, RowKey } from '../../../orders/row-change.js';

export interface OrderRow {
  readonly table: string;
  readonly key: RowKey;
  readonly image: RowImage;
}

/**
 * All rows of the orders that need a snapshot, carried forward from transaction to transaction of a batch.
 */
export class OrderRows {
  private readonly orders = new Map<string, Map<string, OrderRow>>();

  /** Starts with an order's rows as they were before the batch. */
  load(orderId: string, rows: readonly OrderRow[]): void {
    this.orders.set(orderId, new Map(rows.map((row) => [rowName(row.table, row.key), row])));
  }

  /** True where the order's rows were loaded. */
  has(orderId: string): boolean {
    return this.orders.has(orderId);
  }

  list(orderId: string): OrderRow[] {
    return [...(this.orders.get(orderId)?.values() ?? [])];
  }

  byTable(orderId: string): Map<string, RowImage[]> {
    const tables = Map.groupBy(this.list(orderId), (row) => row.table);
    return new Map([...tables].map(([table, rows]) => [table, rows.map((row) => row.image)]));
  }

  /** Takes over one row's change; `belongs` says whether the row is this order's from now on. */
  apply(orderId: string, { change, belongs }: { change: RowChange; belongs: boolean }): void {
    const rows = this.orders.get(orderId);
    const name = rowName(change.table, change.key);
    if (change.after === null || !belongs) rows?.delete(name);
    else rows?.set(name, { table: change.table, key: change.key, image: change.after });
  }
}
