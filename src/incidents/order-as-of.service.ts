import { Injectable } from '@nestjs/common';
import { OrderHistory, type OrderAsOf } from '../journal/order-history.service.js';
import { PersonalData } from '../journal/personal-data.js';
import { isSealed } from '../orders/row-change.js';
import { present } from '../platform/assert.js';
import { Database } from '../platform/database/database.js';
import { ShopRegistry } from '../shops/shop-registry.js';
import { ShopService, type OrderView } from '../shops/shop.service.js';
import { rfc3339 } from '../shops/timestamp.js';
import { answerAsOf, type OrderAt, type OrderAtQuery } from './order-as-of.js';
import { OrderAsOfStore } from './order-as-of.store.js';
import { OrderFinder } from './order-finder.service.js';
import { shownImage } from './order.service.js';

/** One order as it stands in the shop, or as it stood at any time that the journal knows of. */
@Injectable()
export class OrderAsOfService {
  constructor(
    private readonly database: Database,
    private readonly shops: ShopRegistry,
    private readonly shopService: ShopService,
    private readonly history: OrderHistory,
    private readonly personal: PersonalData,
    private readonly finder: OrderFinder,
    private readonly store: OrderAsOfStore,
  ) {}

  /** @throws Fault `order-missing` for an order that neither the journal nor the shop knows, `order-ambiguous` or `order-unsettled` */
  async show(shopId: string, order: string, query: OrderAtQuery): Promise<OrderView | OrderAt> {
    return query.at === undefined
      ? this.shopService.order(shopId, order, query.by)
      : this.at(shopId, order, { ...query, at: query.at });
  }

  private async at(
    shopId: string,
    order: string,
    query: OrderAtQuery & { at: string },
  ): Promise<OrderAt> {
    const { profile } = this.shops.get(shopId);
    const at = present(rfc3339(query.at), 'the query was checked');
    // before the order itself: what was seen only grows meanwhile
    const watched = await this.store.watched(this.database, shopId);
    const { orderId, found } = await this.find(shopId, order, { ...query, at });
    const answer = answerAsOf({ profile, orderId, at, found, watched });
    const values = answer.rows.flatMap(({ image }) => Object.values(image));
    const keysOf = new Set(values.filter((value) => isSealed(value)).map(({ keyOf }) => keyOf));
    const erased = await this.personal.erasedOf(shopId, [...keysOf]);
    return {
      order: answer.order,
      asOf: {
        ...{ at, standing: answer.standing, detail: answer.detail, gap: found.gap },
        position: found.last?.position ?? null,
        changedAt: found.last?.committedAt ?? null,
        nextChangeAt: found.next?.committedAt ?? null,
      },
      rows: answer.rows.map(({ table, key, image }) => ({
        ...{ table, key: [...key] },
        image: shownImage(image, erased),
      })),
    };
  }

  /** The shop is asked about one that has not changed since it is watched. */
  private async find(
    shopId: string,
    order: string,
    { by, at }: OrderAtQuery & { at: string },
  ): Promise<{ orderId: string; found: OrderAsOf }> {
    const orderId = await this.finder.find(shopId, order, by);
    const known =
      orderId === undefined ? undefined : await this.history.asOf(shopId, orderId, { moment: at });
    if (orderId !== undefined && known !== undefined) return { orderId, found: known };
    const { orderId: inShop } = (await this.shopService.order(shopId, order, by)).order;
    const found = await this.history.asOf(shopId, inShop, { moment: at });
    return { orderId: inShop, found: found ?? nothingSeen };
  }
}

/** An order of the shop that was never journalled: placed a moment ago, or while the shop was not attached. */
const nothingSeen: OrderAsOf = { rows: [], unknown: [], last: null, next: null, gap: null };
