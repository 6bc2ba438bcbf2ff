import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Database } from '../platform/database/database.js';
import { meantOrder, type NamedOrders, type OrderNamedBy } from '../shops/order-name.js';
import { ShopRegistry } from '../shops/shop-registry.js';
import { OrderNameStore } from './order-name.store.js';

/** A shop that is away keeps nobody waiting who asks about what we know ourselves. */
const shopPatienceMs = 1_000;

/** Finds the order that somebody means, by what is written down here: also while the shop is away. */
@Injectable()
export class OrderFinder {
  constructor(
    private readonly database: Database,
    private readonly shops: ShopRegistry,
    private readonly store: OrderNameStore,
  ) {}

  /**
   * The id of the order of this number, or of this id; undefined for one that we know nothing of. An id is
   * taken at its word where it is said to be one.
   * @throws Fault `order-ambiguous` where one order's number is another one's id
   */
  async find(
    shopId: string,
    name: string,
    by: OrderNamedBy | undefined,
  ): Promise<string | undefined> {
    this.shops.get(shopId);
    if (by === 'id') return name;
    const named = await this.store.named(this.database, shopId, name);
    if (by === 'number') return named.byNumber;
    return meantOrder(name, { ...named, byNumber: await this.byNumber(shopId, name, named) });
  }

  /** An order that has not changed since the shop is watched is known here by its id alone: the shop is asked. */
  private async byNumber(
    shopId: string,
    name: string,
    { byNumber, byId }: NamedOrders,
  ): Promise<string | undefined> {
    if (byNumber !== undefined || byId === undefined) return byNumber;
    const { adapter } = this.shops.get(shopId);
    const asked = adapter.findByNumber(name).catch(() => undefined);
    return Promise.race([asked, sleep(shopPatienceMs, undefined, { ref: false })]);
  }
}
