import type { OrderSnapshot } from '../../orders/order-snapshot.js';
import type { RowImage } from '../../orders/row-change.js';
import type { Reader } from '../../platform/database/database.js';
import { Fault } from '../../platform/errors.js';
import { judgeCapability } from '../capability.js';
import type {
  Capability,
  CheckReport,
  RestoreOutcome,
  ShopAdapter,
  ShopPosition,
} from '../shop-adapter.js';
import { buildSnapshot } from '../snapshot.js';
import { toldOrderProfile as profile, toldTables } from './told-order-profile.js';
import type { ToldOrdersStore, ToldRow } from './told-orders.store.js';

const noWriter = 'this shop is known by HTTP alone, so nothing can be written to it';

type RowsByTable = ReadonlyMap<string, readonly RowImage[]>;

/**
 * A shop that only tells of its orders by HTTP. How an order stands is what events last told; nothing is
 * ever written to the shop, so each order that could be reopened is left to a person.
 */
export class ToldShopAdapter implements ShopAdapter {
  constructor(
    private readonly shopId: string,
    private readonly reader: Reader,
    private readonly store: ToldOrdersStore,
  ) {}

  check(): Promise<CheckReport> {
    return Promise.resolve({
      ok: true,
      serverVersion: 'none',
      faults: [{ severity: 'warning', where: 'postgres', message: noWriter }],
    });
  }

  async readRows(orderId: string): Promise<RowsByTable | undefined> {
    const rows = await this.store.rowsOf(this.reader, this.shopId, [orderId]);
    return rowsByTable(rows);
  }

  async read(orderId: string): Promise<OrderSnapshot | undefined> {
    const rows = await this.readRows(orderId);
    return rows === undefined ? undefined : buildSnapshot(profile, rows);
  }

  findByNumber(orderNumber: string): Promise<string | undefined> {
    return this.store.byNumber(this.reader, this.shopId, orderNumber);
  }

  async listCancelled(period: {
    since: Date;
    until: Date;
    limit: number;
  }): Promise<OrderSnapshot[]> {
    const orderIds = await this.store.cancelled(this.reader, this.shopId, period);
    const rows = await this.store.rowsOf(this.reader, this.shopId, orderIds);
    const byOrder = Map.groupBy(rows, ({ orderId }) => orderId);
    return orderIds.flatMap((orderId) => {
      const found = rowsByTable(byOrder.get(orderId) ?? []);
      return found === undefined ? [] : [buildSnapshot(profile, found)];
    });
  }

  async capabilities(orderId: string): Promise<Capability> {
    const judged = judgeCapability(profile, await this.readRows(orderId));
    return judged.way === 'person'
      ? judged
      : { way: 'person', reason: 'no-adapter', detail: `${noWriter}; reopen it in the shop` };
  }

  currentPosition(): Promise<ShopPosition> {
    return this.store.position(this.reader, this.shopId);
  }

  readCounters(rows: readonly unknown[]): Promise<null[]> {
    return Promise.resolve(rows.map(() => null));
  }

  restore(): Promise<RestoreOutcome> {
    return Promise.resolve({ outcome: 'refused', reason: 'no-adapter', detail: noWriter });
  }

  outcomeOf(): Promise<'unknown'> {
    return Promise.resolve('unknown');
  }

  verify(): Promise<readonly string[]> {
    return Promise.resolve([noWriter]);
  }

  renderSql(): Promise<string> {
    return Promise.reject(new Fault('conflict', 'no-adapter', noWriter));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Undefined where the order itself was not told of. */
function rowsByTable(rows: readonly ToldRow[]): RowsByTable | undefined {
  const byTable = new Map<string, RowImage[]>();
  for (const { table, image } of rows) byTable.set(table, [...(byTable.get(table) ?? []), image]);
  return byTable.has(toldTables.order) ? byTable : undefined;
}
