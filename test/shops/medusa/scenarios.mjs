/** A running shop, orders in it, and the ways in which they are cancelled. */
import pg from 'pg';
import { Administrator, placeOrder, runFaultyJob } from './client.mjs';

/**
 * Everything a test needs of one running shop; `close` ends its database connection.
 * @param {{ url: string, databaseUrl: string, administrator: { email: string, password: string } }} options
 */
export async function openShop({ url, databaseUrl, administrator: login }) {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const administrator = await Administrator.logIn({ url, ...login });
  const storefront = await administrator.storefront();
  const catalogue = await administrator.catalogue();
  let customers = 0;
  return {
    url,
    databaseUrl,
    client,
    administrator,
    storefront,
    catalogue,
    /** Someone who never bought here before. */
    newPerson: () => ({
      firstName: 'Test',
      lastName: `Customer ${(customers += 1)}`,
      email: `customer-${crypto.randomUUID()}@example.test`,
    }),
    close: () => client.end(),
  };
}

/** Places an order of a new guest, its payment authorised; `items` is `{ SKU: quantity }`. */
export async function buy(shop, items) {
  const wanted = Object.entries(items).map(([sku, quantity]) => ({
    variantId: shop.catalogue.get(sku).id,
    quantity,
  }));
  const { url, storefront } = shop;
  const { id } = await placeOrder({ url, storefront, person: shop.newPerson(), items: wanted });
  return shop.administrator.order(id);
}

/** The same, and its money is taken. */
export async function buyPaid(shop, items) {
  const { id } = await buy(shop, items);
  return shop.administrator.capture(id);
}

const idsOf = (orders) => orders.map(({ id }) => id);

/** The ways in which a failure cancels orders; each takes the shop and the orders. */
export const cancelWays = {
  /** The admin API: somebody's name is in the request, and in none of the rows. */
  async api(shop, orders) {
    for (const { id } of orders) await shop.administrator.cancelOrder(id);
  },
  /** A job inside the shop by the same workflow. */
  workflow: (shop, orders) =>
    runFaultyJob({ url: shop.url, orderIds: idsOf(orders), by: 'workflow' }),
  /** A job that knows the order module alone: stock and money stay as they are. */
  module: (shop, orders) => runFaultyJob({ url: shop.url, orderIds: idsOf(orders), by: 'module' }),
  /** One raw statement over all of them. */
  sql: (shop, orders) =>
    shop.client.query(
      `UPDATE "order" SET status = 'canceled', canceled_at = now() WHERE id = ANY ($1)`,
      [idsOf(orders)],
    ),
};
