import { beforeStatus, orderAfter } from '../shop/shop-history.js';
import { products } from '../shop/shop-software.js';
import type { Row } from '../shop/stand-in-shop.js';
import { shopId, type ShopWrite, type World } from '../world.js';
import type { Checker } from './checker.js';

interface Item {
  readonly planItemId: string;
  readonly orderId: string;
  readonly state: string;
}

/** Tables of which rows may be added by a restore: they are counted apart. */
const appended = ['shop.stock_movement', 'shop.history'];

/**
 * Invariant 5: "A restored order has every value column as before the span, each delta nets to zero for this order,
 * each append row is there once; or the item is refused whole with a reason: never half." And what Reinstate says of an
 * order is what the shop has: nothing counts as written that is not, nothing that is written waits to be written again.
 */
export class RestoredWhole implements Checker {
  readonly name = '5: restored whole, once, or not at all';
  private seen = 0;

  async afterStep(world: World): Promise<string[]> {
    const fresh = world.writes.slice(this.seen);
    this.seen = world.writes.length;
    const ids = world.writes.map(({ item }) => item.itemId);
    const written = new Set(ids);
    const doubled = world.writes.filter(({ item }, place) => ids.indexOf(item.itemId) !== place);
    const items = await this.items(world);
    return [
      ...doubled.map(({ item }) => `the ${item.action} of order ${item.orderId} was written twice`),
      ...fresh.flatMap((write) => this.whole(world, write)),
      ...this.counters(world),
      ...items.flatMap((item) => this.told(item, written.has(item.planItemId))),
    ];
  }

  async atRest(world: World): Promise<string[]> {
    const written = new Set(world.writes.map(({ item }) => item.itemId));
    return (await this.items(world)).flatMap(({ planItemId, orderId, state }) => {
      if (['attempting', 'unknown', 'applied'].includes(state))
        return [`order ${orderId} is still ${state}, though the shop and its stream tell`];
      if (written.has(planItemId) && state === 'refused')
        return [`order ${orderId} is refused, and was written`];
      return [];
    });
  }

  /** The order's rows before the cancellation (or, for an undo, before the restore) beside those after the write. */
  private whole(world: World, { item, transactionId }: ShopWrite): string[] {
    const { shop } = world;
    const { orderId, action } = item;
    const until = shop.log.findIndex((one) => one.transactionId === transactionId);
    const status = action === 'restore' ? 'cancelled' : 'paid';
    const begun = beforeStatus(shop, orderId, { status, until });
    if (begun === undefined) return [`order ${orderId} was never ${status} before its ${action}`];
    const [before, after] = [
      orderAfter(shop, orderId, begun),
      orderAfter(shop, orderId, until + 1),
    ];
    const names = [...new Set([...before.keys(), ...after.keys()])];
    const rows = names.flatMap((name) => {
      const one = before.get(name) ?? after.get(name);
      if (one === undefined || appended.includes(one.table)) return [];
      const columns = this.valueColumns(world, one.table);
      const [was, is] = [before.get(name)?.after, after.get(name)?.after];
      const column = columns.find((each) => (was ?? {})[each] !== (is ?? {})[each]);
      return column === undefined
        ? []
        : [`order ${orderId} after its ${action}: ${name} ${column}`];
    });
    const [was, is] = [movedOf(before), movedOf(after)];
    const isEven =
      was === is ? [] : [`order ${orderId} after its ${action} holds ${is} of stock, not ${was}`];
    return [...rows, ...isEven];
  }

  /** What is set aside of a product is what the ledger says. */
  private counters(world: World): string[] {
    const { shop } = world;
    const ledger = [...shop.rowsOf('shop.stock_movement').values()];
    return products.flatMap((product) => {
      const sum = sumOf(ledger.filter((row) => row['product'] === product));
      const allocated = Number(shop.row('shop.stock', product)?.['allocated']);
      return sum === allocated
        ? []
        : [`of ${product} ${allocated} are set aside, by the ledger ${sum}`];
    });
  }

  private told({ orderId, state }: Item, isWritten: boolean): string[] {
    if (!isWritten && ['applied', 'verified', 'undone'].includes(state))
      return [`order ${orderId} is ${state}, and was never written`];
    return isWritten && state === 'pending'
      ? [`order ${orderId} was written, and waits to be again`]
      : [];
  }

  private valueColumns(world: World, table: string): string[] {
    const columns = Object.entries(world.shop.profile.tables[table]?.columns ?? {});
    return columns
      .filter(([, role]) => role === 'value' || (typeof role === 'object' && 'value' in role))
      .map(([column]) => column);
  }

  private items(world: World): Promise<Item[]> {
    return world.query<Item>(
      `SELECT plan_item_id AS "planItemId", order_id AS "orderId", state FROM restore_run_item WHERE shop_id = $1`,
      [shopId],
    );
  }
}

function movedOf(rows: ReturnType<typeof orderAfter>): number {
  const ledger = [...rows.values()].filter(({ table }) => table === 'shop.stock_movement');
  return sumOf(ledger.map(({ after }) => after));
}

function sumOf(ledger: readonly Row[]): number {
  const signed = (row: Row) => Number(row['quantity']) * (row['kind'] === 'RELEASE' ? -1 : 1);
  return ledger.reduce((sum, row) => sum + signed(row), 0);
}
