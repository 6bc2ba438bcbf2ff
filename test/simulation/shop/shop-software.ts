import { present } from '../../../src/platform/assert.js';
import type { Row, StandInShop, ShopTransaction } from './stand-in-shop.js';

/** Who cancels, as the shop's history says it. */
export interface Canceller {
  readonly kind: 'customer' | 'staff' | 'job';
  readonly name: string;
  readonly reason: string;
}

/** The job that cancels orders which are paid. */
export const faultyJob: Canceller = {
  kind: 'job',
  name: 'unpaid-orders',
  reason: 'payment not received in time',
};

export const products = ['tea', 'cups'] as const;
const priceMinor = 500;

/** What the shop's own software does, whatever Reinstate is at; false where it has to wait for a lock. */
export class ShopSoftware {
  private placed = 0;

  constructor(private readonly shop: StandInShop) {}

  /** Goods on the shelf, before the first order. */
  stock(onHand: Readonly<Record<string, number>>): void {
    this.shop.change((tx) => {
      for (const [product, count] of Object.entries(onHand))
        tx.insert('shop.stock', { product, on_hand: String(count), allocated: '0' });
    });
  }

  /** A paid order of one line; undefined where there is not enough on the shelf. */
  place(given: { product: string; quantity: number }): string | undefined {
    const { product, quantity } = given;
    const stock = present(this.shop.row('shop.stock', product), 'the product is known');
    if (Number(stock['on_hand']) - Number(stock['allocated']) < quantity) return undefined;
    const id = String(this.placed + 1);
    const now = this.shop.now();
    const total = String(quantity * priceMinor);
    const isPlaced = this.shop.change((tx) => {
      tx.insert('shop.orders', {
        ...{ id, number: `S-${id}`, customer_id: `c${id}`, status: 'paid', currency: 'EUR' },
        ...{ total_minor: total, ship_name: `Name ${id}`, channel: 'web', notes: null },
        ...{ placed_at: now, cancelled_at: null, updated_at: now, version: '1' },
      });
      const line = { id, order_id: id, product, quantity: String(quantity) };
      tx.insert('shop.order_line', { ...line, price_minor: String(priceMinor) });
      tx.insert('shop.payment', { id, order_id: id, amount_minor: total, state: 'captured' });
      this.move(tx, { lineId: id, product, kind: 'ALLOCATE', quantity });
    });
    if (!isPlaced) return undefined;
    this.placed += 1;
    return id;
  }

  cancel(orderId: string, who: Canceller): boolean {
    const now = this.shop.now();
    return this.shop.change((tx) => {
      const order = this.order(orderId);
      for (const line of this.lines(orderId)) {
        const [lineId, product] = [line['id'] ?? '', line['product'] ?? ''];
        this.move(tx, { lineId, product, kind: 'RELEASE', quantity: Number(line['quantity']) });
        tx.update('shop.order_line', lineId, { quantity: '0' });
      }
      tx.update('shop.orders', orderId, {
        ...{ status: 'cancelled', total_minor: '0', cancelled_at: now, updated_at: now },
        version: counted(order),
      });
      tx.insert('shop.history', {
        ...{ id: this.shop.next('history'), order_id: orderId, kind: 'CANCELLED', at: now },
        ...{ actor_kind: who.kind, actor: who.name, reason: who.reason },
      });
    });
  }

  ship(orderId: string): boolean {
    return this.shop.change((tx) => {
      tx.update('shop.orders', orderId, {
        status: 'shipped',
        version: counted(this.order(orderId)),
      });
    });
  }

  /** Somebody at the shop writes something onto the order. */
  annotate(orderId: string, text: string): boolean {
    return this.shop.change((tx) => {
      tx.update('shop.orders', orderId, { notes: text, version: counted(this.order(orderId)) });
    });
  }

  /** A line of the order's history that tells of no cancellation. */
  remark(orderId: string): boolean {
    return this.shop.change((tx) => {
      tx.insert('shop.history', {
        ...{ id: this.shop.next('history'), order_id: orderId, kind: 'MAILED' },
        ...{ actor_kind: 'job', actor: 'mailer', reason: null, at: this.shop.now() },
      });
    });
  }

  refund(orderId: string): boolean {
    const payment = present(this.shop.row('shop.payment', orderId), 'each order has one payment');
    return this.shop.change((tx) => {
      tx.insert('shop.refund', {
        ...{ id: this.shop.next('refund'), payment_id: orderId },
        amount_minor: payment['amount_minor'] ?? '0',
      });
    });
  }

  ordersIn(...statuses: readonly string[]): string[] {
    return [...this.shop.rowsOf('shop.orders').values()]
      .filter((row) => statuses.includes(row['status'] ?? ''))
      .map((row) => row['id'] ?? '');
  }

  private order(orderId: string): Row {
    return present(this.shop.row('shop.orders', orderId), `there is an order ${orderId}`);
  }

  private lines(orderId: string): Row[] {
    return [...this.shop.rowsOf('shop.order_line').values()].filter(
      (line) => line['order_id'] === orderId,
    );
  }

  private move(
    tx: ShopTransaction,
    movement: { lineId: string; product: string; kind: 'ALLOCATE' | 'RELEASE'; quantity: number },
  ): void {
    const { lineId, product, kind, quantity } = movement;
    tx.insert('shop.stock_movement', {
      ...{ id: this.shop.next('stock_movement'), order_line_id: lineId, product, kind },
      quantity: String(quantity),
    });
    const stock = present(tx.row('shop.stock', product), 'the product is known');
    const by = kind === 'ALLOCATE' ? quantity : -quantity;
    tx.update('shop.stock', product, { allocated: String(Number(stock['allocated']) + by) });
  }
}

function counted(order: Row): string {
  return String(Number(order['version']) + 1);
}
