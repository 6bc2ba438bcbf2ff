/**
 * What may happen around a wrongful cancellation, as steps that a test calls in order:
 *
 *   arrange    an order is placed, and whatever else came before the failure
 *   cancel     the failure (or, in `intended`, a person who means it)
 *   meanwhile  what happens after the cancel and before the restore
 *   (the test restores here)
 *   afterwards what happens after the restore
 *
 * Every step takes the shop (`openShop`), those after `arrange` also the order; every step may be missing
 * but `arrange` and `cancel`. `expected` says what a restore owes: `reopen`, or `refuse` with the `reason`.
 */
import pg from 'pg';
import { scarceSku } from './catalogue.mjs';
import { Administrator, placeOrder, runFaultyJob } from './client.mjs';

/**
 * Everything a scenario needs of one running shop; `close` ends its database connection.
 * @param {{ url: string, databaseUrl: string }} options
 */
export async function openShop({ url, databaseUrl }) {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const administrator = await Administrator.logIn({ url });
  const catalogue = await administrator.catalogue();
  let customers = 0;
  return {
    url,
    databaseUrl,
    client,
    administrator,
    catalogue,
    /** Someone who never bought here before. */
    newPerson: () => ({
      firstName: 'Test',
      lastName: `Customer ${(customers += 1)}`,
      emailAddress: `customer-${crypto.randomUUID()}@example.test`,
    }),
    close: () => client.end(),
  };
}

/** Places a paid order of a new guest; `items` is `{ SKU: quantity }`. */
export async function buy(shop, { items, ...options }) {
  const wanted = Object.entries(items).map(([sku, quantity]) => ({
    variantId: shop.catalogue.get(sku).id,
    quantity,
  }));
  return placeOrder({ url: shop.url, person: shop.newPerson(), items: wanted, ...options });
}

const basket = { 'BREAD-RYE': 3, 'OIL-OLIVE': 1, 'APRON-BLUE': 2 };
const reason = 'Payment not received in time';

/** The ways in which a failure cancels whole orders; each takes the shop and the orders. */
export const cancelWays = {
  /** The admin API with a technical administrator, shipping too. */
  async api(shop, orders) {
    for (const { id } of orders)
      await shop.administrator.cancelOrder({ orderId: id, reason, cancelShipping: true });
  },
  /** The same, but the shipping stays in the totals. */
  async apiKeepingShipping(shop, orders) {
    for (const { id } of orders)
      await shop.administrator.cancelOrder({ orderId: id, reason, cancelShipping: false });
  },
  /** A bot goes line by line, a transaction each; the last one turns the state. */
  async apiLineByLine(shop, orders) {
    for (const order of orders) {
      const { lines } = await shop.administrator.order(order.id);
      for (const { id: orderLineId, quantity } of lines) {
        await shop.administrator.cancelOrder({
          orderId: order.id,
          reason,
          cancelShipping: false,
          lines: [{ orderLineId, quantity }],
        });
      }
    }
  },
  /** A job inside the shop: the same code as the API, but no administrator. */
  async job(shop, orders) {
    const results = await runFaultyJob({
      url: shop.url,
      orderIds: orders.map(({ id }) => id),
      reason,
    });
    const failed = results.find(({ state }) => state !== 'Cancelled');
    if (failed) throw new Error(`order ${failed.orderId} was not cancelled: ${failed.error}`);
  },
  /** One raw statement over all of them. */
  async sql(shop, orders) {
    const ids = orders.map(({ id }) => Number(id));
    await shop.client.query(`UPDATE "order" SET state = 'Cancelled' WHERE id = ANY ($1)`, [ids]);
  },
};

const freshVariant = async (shop, sku) => (await shop.administrator.catalogue()).get(sku);
const byJob = (shop, order) => cancelWays.job(shop, [order]);

export const scenarios = {
  couponUsed: {
    expected: 'reopen',
    async arrange(shop) {
      const couponCode = `SAVE-${crypto.randomUUID().slice(0, 8).toUpperCase()}`;
      await shop.administrator.createCoupon({ code: couponCode, percent: 15 });
      return buy(shop, { items: basket, couponCode });
    },
    cancel: byJob,
  },
  priceChanged: {
    expected: 'reopen',
    arrange: (shop) => buy(shop, { items: basket }),
    cancel: byJob,
    async meanwhile(shop) {
      const { id: variantId, price } = await freshVariant(shop, 'BREAD-RYE');
      await shop.administrator.changePrice({ variantId, price: price + 111 });
    },
  },
  /** Five pieces: four ordered and wrongly cancelled, three sold to someone else. */
  stockSold: {
    expected: 'refuse',
    reason: 'stock gone',
    async arrange(shop) {
      const { id: variantId, stockAllocated } = await freshVariant(shop, scarceSku);
      await shop.administrator.changeStock({ variantId, stockOnHand: stockAllocated + 5 });
      return buy(shop, { items: { [scarceSku]: 4, 'BREAD-RYE': 1 } });
    },
    cancel: byJob,
    meanwhile: (shop) => buy(shop, { items: { [scarceSku]: 3 } }),
  },
  /** Five pieces of which two are kept back, as on display: three ordered, and two of these sold to someone else. */
  keptBack: {
    expected: 'refuse',
    reason: 'stock gone',
    async arrange(shop) {
      const { id: variantId, stockAllocated } = await freshVariant(shop, 'TEA-GREEN');
      await shop.administrator.changeStock({ variantId, stockOnHand: stockAllocated + 5 });
      await shop.administrator.changeThreshold({ variantId, outOfStockThreshold: 2 });
      return buy(shop, { items: { 'TEA-GREEN': 3 } });
    },
    cancel: byJob,
    meanwhile: (shop) => buy(shop, { items: { 'TEA-GREEN': 2 } }),
  },
  /** One piece is there and ten more may be promised: four ordered, which is fine until they are to be shipped. */
  onBackorder: {
    expected: 'reopen',
    async arrange(shop) {
      const { id: variantId, stockAllocated } = await freshVariant(shop, 'COFFEE-GROUND');
      await shop.administrator.changeStock({ variantId, stockOnHand: stockAllocated + 1 });
      await shop.administrator.changeThreshold({ variantId, outOfStockThreshold: -10 });
      return buy(shop, { items: { 'COFFEE-GROUND': 4 } });
    },
    cancel: byJob,
    async afterwards(shop) {
      const { id: variantId, stockAllocated } = await freshVariant(shop, 'COFFEE-GROUND');
      await shop.administrator.changeStock({ variantId, stockOnHand: stockAllocated });
    },
  },
  /** One of three loaves went by the customer's wish and must not come back. */
  partialCancelBefore: {
    expected: 'reopen',
    async arrange(shop) {
      const order = await buy(shop, { items: basket });
      const lines = [{ orderLineId: order.lines[0].id, quantity: 1 }];
      await shop.administrator.cancelOrder({
        orderId: order.id,
        reason: 'Customer asked for one less',
        cancelShipping: false,
        lines,
      });
      return shop.administrator.order(order.id);
    },
    cancel: byJob,
  },
  refunded: {
    expected: 'refuse',
    reason: 'money returned',
    arrange: (shop) => buy(shop, { items: basket }),
    cancel: byJob,
    meanwhile: (shop, { id, totalWithTax }) =>
      shop.administrator.refund({
        orderId: id,
        amount: totalWithTax,
        reason: 'Order was cancelled',
      }),
  },
  /** Shipped first, then cancelled: the goods have left. */
  shipped: {
    expected: 'refuse',
    reason: 'shipped',
    async arrange(shop) {
      const { id } = await buy(shop, { items: basket });
      return shop.administrator.ship(id);
    },
    cancel: byJob,
  },
  /** Another system edits the cancelled order: it is not the one that was harmed any more. */
  changedSince: {
    expected: 'refuse',
    reason: 'changed since',
    arrange: (shop) => buy(shop, { items: basket }),
    cancel: byJob,
    meanwhile: (shop, { id }) =>
      shop.client.query(
        `UPDATE "order" SET "shippingAddress" = replace("shippingAddress", 'Berlin', 'Hamburg') WHERE id = $1`,
        [id],
      ),
  },
  /**
   * Pieces from two warehouses: Vendure then allocates too many and writes release rows that do not add
   * up to what it does to the levels. Ledger and counter disagree, so a person decides.
   */
  twoWarehouses: {
    expected: 'refuse',
    async arrange(shop) {
      const { id: variantId, stockAllocated } = await freshVariant(shop, 'PAN-IRON');
      const stockLocationId = await shop.administrator.openStockLocation(
        `Warehouse ${crypto.randomUUID()}`,
      );
      await shop.administrator.changeStock({ variantId, stockOnHand: stockAllocated + 2 });
      await shop.administrator.changeStock({ variantId, stockOnHand: 5, stockLocationId });
      return buy(shop, { items: { 'PAN-IRON': 4 } });
    },
    cancel: byJob,
  },
  cancelledAgain: {
    expected: 'reopen',
    arrange: (shop) => buy(shop, { items: basket }),
    cancel: byJob,
    afterwards: (shop, { id }) =>
      shop.administrator.cancelOrder({
        orderId: id,
        reason: 'Customer asked on the phone',
        cancelShipping: true,
      }),
  },
  /** Staff cancels and gives the money back: nobody may undo that. */
  intended: {
    expected: 'refuse',
    reason: 'intended',
    arrange: (shop) => buy(shop, { items: basket }),
    async cancel(shop, { id, totalWithTax }) {
      await shop.administrator.cancelOrder({
        orderId: id,
        reason: 'Customer asked by e-mail',
        cancelShipping: true,
      });
      await shop.administrator.refund({
        orderId: id,
        amount: totalWithTax,
        reason: 'Customer asked by e-mail',
      });
    },
  },
};
