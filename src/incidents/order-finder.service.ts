import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Database } from '../platform/database/database.js';
import {
  meantOrder,
  unsettledOrder,
  type NamedOrders,
  type OrderNamedBy,
} from '../shops/order-name.js';
import type { Profile } from '../shops/profile.js';
import { ShopRegistry, type Shop } from '../shops/shop-registry.js';
import { OrderNameStore } from './order-name.store.js';

/** A shop that is away keeps nobody waiting: who says what the order is named by is answered without it. */
const shopPatienceMs = 1_000;

/** Finds the order that somebody means, by what is written down here. */
@Injectable()
export class OrderFinder {
  constructor(
    private readonly database: Database,
    private readonly shops: ShopRegistry,
    private readonly store: OrderNameStore,
  ) {}

  /**
   * The id of the order of this number, or of this id; undefined for one that we know nothing of. Where it
   * is said by what it is named, the shop is not needed: an id is taken at its word, and a number is looked
   * up in what is written down here.
   * @throws Fault `order-ambiguous` where one order's number is another one's id, `order-unsettled` where
   * only the shop could tell whether it is, and does not answer
   */
  async find(
    shopId: string,
    name: string,
    by: OrderNamedBy | undefined,
  ): Promise<string | undefined> {
    const shop = this.shops.get(shopId);
    if (by === 'id') return name;
    const named = await this.store.named(this.database, shopId, name);
    if (by === 'number') return named.byNumber;
    return meantOrder(name, { ...named, byNumber: await this.byNumber(shop, name, named) });
  }

  /** An order that has not changed since the shop is watched is known here by its id alone: the shop is asked. */
  private async byNumber(
    { adapter, profile }: Shop,
    name: string,
    { byNumber, byId }: NamedOrders,
  ): Promise<string | undefined> {
    if (byNumber !== undefined || byId === undefined || isNumberedById(profile)) return byNumber;
    const asked = adapter.findByNumber(name).then(
      (found) => ({ found }),
      () => undefined,
    );
    const answer = await Promise.race([asked, sleep(shopPatienceMs, undefined, { ref: false })]);
    if (answer === undefined) throw unsettledOrder(name);
    return answer.found;
  }
}

/** Then no order's number is the id of another one. */
function isNumberedById({ order, tables }: Profile): boolean {
  const key = tables[order.table]?.key ?? [];
  return key.length === 1 && key[0] === order.number;
}
