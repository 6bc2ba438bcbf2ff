/**
 * A running shop, orders in it, the ways in which they are cancelled, and what may happen around that, as steps
 * that a test calls in order:
 *
 *   arrange    an order is placed, and whatever else came before the failure
 *   cancel     the failure
 *   meanwhile  what happens before a restore is planned
 *   late       what happens once it is approved
 *   (the test restores here)
 *   afterwards what happens after the restore
 *
 * Every step takes the shop (`openShop`), those after `arrange` also the order. `expected` says what a restore owes:
 * `reopen`, or `refuse` with the `reason`; where there is a `late`, it is planned and then refused.
 */
import pg from 'pg';
import { Administrator, placeOrder, refundPastOrder, runFaultyJob } from './client.mjs';

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

const basket = { 'BREAD-RYE': 3, 'OIL-OLIVE': 1, SLEEVE: 2 };
const byWorkflow = (shop, order) => cancelWays.workflow(shop, [order]);
const byModule = (shop, order) => cancelWays.module(shop, [order]);
const bySql = (shop, order) => cancelWays.sql(shop, [order]);
const refundAll = ({ url }, order) => refundPastOrder({ url, order });

/** Leaves so many pieces that nobody has ordered. */
async function leaveFree(shop, { sku, pieces }) {
  const { reserved } = await shop.administrator.stock(sku);
  await shop.administrator.changeStock({ sku, stocked: reserved + pieces });
}

/** Another system writes into the cancelled order: it is not the one that was harmed any more. */
const noteInOrder = (shop, { id }) =>
  shop.client.query(`UPDATE "order" SET metadata = '{"note": "call first"}' WHERE id = $1`, [id]);

export const scenarios = {
  /** Its money was taken, and stays so: raw SQL turns the status and nothing else. */
  bySql: { expected: 'reopen', arrange: (shop) => buyPaid(shop, basket), cancel: bySql },
  priceChanged: {
    expected: 'reopen',
    arrange: (shop) => buy(shop, basket),
    cancel: byWorkflow,
    meanwhile: (shop) => shop.administrator.changePrice({ sku: 'BREAD-RYE', price: 4.44 }),
  },
  /** One of three loaves went by the customer's wish and must not come back. */
  fewerBefore: {
    expected: 'reopen',
    async arrange(shop) {
      const { id: orderId } = await buy(shop, { 'BREAD-RYE': 3 });
      return shop.administrator.changeQuantity({ orderId, quantity: 2 });
    },
    cancel: byWorkflow,
  },
  /** One piece is there and more may be promised: four ordered, which is fine until they are to be shipped. */
  onBackorder: {
    expected: 'reopen',
    async arrange(shop) {
      await leaveFree(shop, { sku: 'COFFEE-GROUND', pieces: 1 });
      return buy(shop, { 'COFFEE-GROUND': 4 });
    },
    cancel: byWorkflow,
    afterwards: (shop) => leaveFree(shop, { sku: 'COFFEE-GROUND', pieces: 10 }),
  },
  cancelledAgain: {
    expected: 'reopen',
    arrange: (shop) => buy(shop, basket),
    cancel: byWorkflow,
    afterwards: (shop, { id }) => shop.administrator.cancelOrder(id),
  },
  /** Five pieces: four ordered and wrongly cancelled, three sold to someone else. */
  stockSold: {
    expected: 'refuse',
    reason: 'stock-gone',
    async arrange(shop) {
      await leaveFree(shop, { sku: 'BOOK-SIGNED', pieces: 5 });
      return buy(shop, { 'BOOK-SIGNED': 4, 'OIL-OLIVE': 1 });
    },
    cancel: byWorkflow,
    meanwhile: (shop) => buy(shop, { 'BOOK-SIGNED': 3 }),
  },
  /** Its money was taken, and the cancellation itself gives it back: then somebody's name is kept. */
  repaid: {
    expected: 'refuse',
    reason: 'money-returned',
    arrange: (shop) => buyPaid(shop, basket),
    cancel: (shop, order) => cancelWays.api(shop, [order]),
  },
  /** Somebody gives the money back once the order is cancelled. */
  refunded: {
    expected: 'refuse',
    reason: 'money-returned',
    arrange: (shop) => buyPaid(shop, basket),
    cancel: byModule,
    meanwhile: refundAll,
  },
  /** Medusa itself cancels no order that is on its way; a script does. */
  shipped: {
    expected: 'refuse',
    reason: 'shipped',
    async arrange(shop) {
      const { id } = await buyPaid(shop, basket);
      return shop.administrator.ship(id);
    },
    cancel: bySql,
  },
  changedSince: {
    expected: 'refuse',
    reason: 'changed-since',
    arrange: (shop) => buy(shop, basket),
    cancel: byWorkflow,
    meanwhile: noteInOrder,
  },
  soldLate: {
    expected: 'refuse',
    reason: 'stock-gone',
    arrange: (shop) => buy(shop, { HONEY: 3 }),
    cancel: byWorkflow,
    async late(shop) {
      await leaveFree(shop, { sku: 'HONEY', pieces: 4 });
      await buy(shop, { HONEY: 3 });
    },
  },
  changedLate: {
    expected: 'refuse',
    reason: 'changed-since',
    arrange: (shop) => buy(shop, basket),
    cancel: byWorkflow,
    late: noteInOrder,
  },
  /** A run tells only that something came after the plan. */
  refundedLate: {
    expected: 'refuse',
    reason: 'changed-since',
    arrange: (shop) => buyPaid(shop, basket),
    cancel: byModule,
    late: refundAll,
  },
};
