import type { LedgerAction, LoggedWrite, Row, Snapshot } from '../../demo/proof/snapshot.js';

export const WRITE_ROLE = 'reinstate_write';
export const VICTIM = '17';
export const INTENDED = '18';
export const BYSTANDER = '19';

export interface Write {
  /** r... is Reinstate's transaction, any other the shop's application's. */
  transaction: string;
  table: string;
  key: string;
  /** Columns to set; null deletes the row. */
  set: Row | null;
}

/** A shop with one stock row and three orders, that logs every write as the sample shop does. */
export class SmallShop {
  readonly tables = new Map<string, Map<string, Row>>(
    ['customer', 'stock', 'orders', 'order_line', 'payment', 'stock_movement', 'order_history'].map(
      (table) => [`shop.${table}`, new Map<string, Row>()],
    ),
  );
  readonly writes: LoggedWrite[] = [];
  readonly ledger: LedgerAction[] = [];
  readonly structure = ['trigger orders_write_log, enabled O'];
  #clock = 0;

  write({ transaction, table, key, set }: Write): void {
    const rows = this.tables.get(`shop.${table}`)!;
    const before = rows.get(key) ?? null;
    this.#clock += 1;
    const touched = table === 'orders' ? { updated_at: `t${100 + this.#clock}` } : {};
    const after = set === null ? null : { ...before, ...set, ...touched };
    if (after === null) rows.delete(key);
    else rows.set(key, after);
    const operation = before === null ? 'INSERT' : after === null ? 'DELETE' : 'UPDATE';
    const role = transaction.startsWith('r') ? WRITE_ROLE : 'shop_app';
    const id = this.writes.length + 1;
    this.writes.push({
      id,
      role,
      transaction,
      table: `shop.${table}`,
      key,
      operation,
      before,
      after,
    });
  }

  act(transaction: string, action: string, orderId: string, status: string): void {
    this.ledger.push({ id: this.ledger.length + 1, transaction, action, orderId, status });
  }

  snapshot(): Snapshot {
    const tables = [...this.tables].map(([name, rows]) => {
      const keyColumns = name === 'shop.stock' ? ['product_id', 'warehouse'] : ['id'];
      return [name, { keyColumns, rows: new Map(rows) }] as const;
    });
    return {
      takenAt: 'now',
      tables: new Map(tables),
      structure: [...this.structure],
      writes: [...this.writes],
      ledger: [...this.ledger],
    };
  }
}

export function openShop(): SmallShop {
  const shop = new SmallShop();
  const start = (table: string, key: string, set: Row): void =>
    shop.write({ transaction: 's', table, key, set });
  start('customer', '5', { id: '5', name: 'Clara' });
  start('stock', '1/LEJ', { product_id: '1', warehouse: 'LEJ', on_hand: '10', allocated: '5' });
  start('stock_movement', '1', movement('1', null, 'RECEIPT', '10'));
  for (const [place, orderId, quantity] of [
    [0, VICTIM, '2'],
    [1, INTENDED, '1'],
    [2, BYSTANDER, '2'],
  ] as const) {
    const lineId = `${orderId}1`;
    start('orders', orderId, {
      ...{ id: orderId, status: 'paid', warehouse: 'LEJ', total_minor: '900' },
      ...{ cancel_reason: null, version: '2' },
    });
    start('order_line', lineId, { id: lineId, order_id: orderId, product_id: '1', quantity });
    start('payment', orderId, { id: orderId, order_id: orderId, state: 'captured' });
    start('stock_movement', `${place + 2}`, movement(`${place + 2}`, lineId, 'ALLOCATE', quantity));
  }
  return shop;
}

export function movement(id: string, line: string | null, kind: string, quantity: string): Row {
  return { id, order_line_id: line, product_id: '1', warehouse: 'LEJ', kind, quantity };
}

export function history(id: string, orderId: string, type: string): Row {
  return { id, order_id: orderId, type, created_at: `at ${id}` };
}
