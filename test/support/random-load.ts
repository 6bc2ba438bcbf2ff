import pg from 'pg';
import { placeOrder } from './test-shop.js';

/** Numbers from a seed (mulberry32): the same seed gives the same load. */
export class Random {
  constructor(private state: number) {}

  below(limit: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }
}

/** Text that is too big for its row, and so is not sent again when other columns change. */
export function largeText(random: Random): string {
  return Array.from({ length: 400 }, () => random.below(0x7fffffff).toString(36)).join(' ');
}

/**
 * Changes the tiny shop at random over one connection until `count` transactions are done or `signal` is
 * aborted: placing, paying, cancelling, carts, deletes, moves, changed keys, savepoints, roll-backs,
 * several orders at once, the same row twice.
 */
export async function randomLoad(
  url: string,
  given: { seed: number; count: number; firstId: number; signal?: AbortSignal },
): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const random = new Random(given.seed);
  const ids: number[] = [];
  let next = given.firstId;
  const newId = (): number => {
    next += 1;
    ids.push(next);
    return next;
  };
  try {
    for (let done = 0; done < given.count && given.signal?.aborted !== true; done += 1) {
      await client.query('BEGIN');
      const steps = 1 + random.below(4);
      for (let step = 0; step < steps; step += 1) {
        await client.query('SAVEPOINT step');
        // two writers may get in each other's way: then this step is left out
        await client
          .query(statement(random, ids, newId))
          .catch(() => client.query('ROLLBACK TO step'));
      }
      await client.query(random.below(10) === 0 ? 'ROLLBACK' : 'COMMIT');
    }
  } finally {
    await client.end();
  }
}

function statement(random: Random, ids: readonly number[], newId: () => number): string {
  const id = ids.length === 0 ? 0 : random.pick(ids);
  const other = ids.length === 0 ? 0 : random.pick(ids);
  const line = random.below(1_000_000_000) + 1_000_000;
  const quantity = 1 + random.below(5);
  const product = random.pick(['tea', 'milk']);
  const note = `'${largeText(random)}'`;
  const status = random.pick(['paid', 'pending', 'shipped', 'cancelled']);
  return random.pick<() => string>([
    () => placeOrder({ id: newId(), quantity, product }),
    () => placeOrder({ id: newId(), quantity, product }),
    () => `INSERT INTO shop.orders (id, number, status, total_minor, notes)
           VALUES (${newId()}, 'cart', 'pending', 0, ${note})`,
    () =>
      `UPDATE shop.orders SET placed_at = now(), number = 'S-${id}' WHERE id = ${id} AND placed_at IS NULL`,
    () => `UPDATE shop.orders SET status = '${status}', version = version + 1 WHERE id = ${id}`,
    () => `UPDATE shop.orders SET notes = ${note} WHERE id = ${id}`,
    () => `UPDATE shop.orders SET total_minor = total_minor + 1 WHERE id IN (${id}, ${other})`,
    () => `UPDATE shop.orders SET status = status WHERE id = ${id}`,
    () => `UPDATE shop.orders SET total_minor = total_minor + 1 WHERE id = ${id};
           UPDATE shop.orders SET total_minor = total_minor * 2, updated_at = clock_timestamp() WHERE id = ${id}`,
    () =>
      `UPDATE shop.orders SET customer_id = 'member-${id}', ship_name = 'Ann ${quantity}' WHERE id = ${id}`,
    () => `INSERT INTO shop.order_line VALUES (${line}, ${id}, '${product}', ${quantity}, 250)`,
    () => `INSERT INTO shop.order_line VALUES (${line}, ${id}, '${product}', ${quantity}, 250);
           DELETE FROM shop.order_line WHERE id = ${line}`,
    () => `UPDATE shop.order_line SET quantity = ${quantity} WHERE order_id = ${id}`,
    () => `UPDATE shop.order_line SET order_id = ${other} WHERE order_id = ${id} AND quantity > 3`,
    () => `UPDATE shop.order_line SET id = ${line} WHERE id = (SELECT min(id) FROM shop.order_line WHERE order_id = ${id}
             AND NOT EXISTS (SELECT FROM shop.stock_movement WHERE order_line_id = order_line.id))`,
    () => `DELETE FROM shop.order_line WHERE order_id = ${id} AND quantity = 1`,
    () => `UPDATE shop.payment SET state = 'authorized' WHERE order_id = ${id}`,
    () =>
      `INSERT INTO shop.refund SELECT ${line}, id, 100 FROM shop.payment WHERE order_id = ${id}`,
    () => `UPDATE shop.refund SET amount_minor = amount_minor + 1
           WHERE payment_id IN (SELECT id FROM shop.payment WHERE order_id = ${id})`,
    () => `UPDATE shop.stock SET on_hand = on_hand + ${quantity} WHERE product = '${product}'`,
    () => `INSERT INTO shop.history (order_id, kind, actor) VALUES (${id}, 'NOTE', 'someone')`,
    () => `DELETE FROM shop.orders WHERE id = ${id} AND ${quantity} = 5`,
  ])();
}
