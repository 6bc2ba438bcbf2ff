/**
 * Proves the harness itself, without Reinstate: that Medusa cancels as the README says, in so many transactions, and
 * that the profile is written for what it really does. MEDUSA_SERVER_URL may name a PostgreSQL server to use.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ShopRefusal } from './client.mjs';
import { installRecorder, recordedChanges, recorderPosition } from '../common/recorder.mjs';
import { buy, buyPaid, cancelWays } from './scenarios.mjs';
import { openScratchShop } from './scratch-shop.mjs';

let shop;
before(async () => {
  shop = await openScratchShop({ serverUrl: process.env.MEDUSA_SERVER_URL });
  await installRecorder(shop.client);
});
after(() => shop?.close());

const items = { 'BREAD-RYE': 3, 'OIL-OLIVE': 1, SLEEVE: 1 };

/** What `act` writes: for each transaction, in their order, its tables with what was done to how many rows. */
async function transactionsOf(act) {
  const position = await recorderPosition(shop.client);
  await act();
  const changes = (await recordedChanges({ client: shop.client, after: position })).filter(
    // what the workflow engine keeps of itself
    ({ table }) => table !== 'workflow_execution',
  );
  const transactions = Map.groupBy(changes, ({ transactionId }) => transactionId);
  return [...transactions.values()].map((rows) => {
    const counts = Map.groupBy(rows, ({ table, operation }) => `${operation} ${table}`);
    return [...counts].map(([name, same]) => `${name} ${same.length}`).sort();
  });
}

const stockFreed = ['UPDATE inventory_level 2', 'UPDATE reservation_item 2'];
const newVersion = [
  'INSERT order_credit_line 1',
  'INSERT order_item 3',
  'INSERT order_shipping 1',
  'INSERT order_summary 1',
  'UPDATE order 1',
  'UPDATE order_change 1',
  'UPDATE order_change_action 1',
];
const statusTurned = ['UPDATE order 1'];
const afterMoney = [
  ['INSERT order_change 1'],
  ['INSERT order_change_action 1'],
  newVersion,
  ['UPDATE payment_collection 1'],
  statusTurned,
];
const moneyReturned = [
  ['INSERT refund 1'],
  ['UPDATE payment_collection 1'],
  ['INSERT order_transaction 1', 'UPDATE order_summary 1'],
];

describe('Medusa cancels', () => {
  for (const way of ['api', 'workflow']) {
    it(`an order whose money was not taken in seven transactions, the status last: ${way}`, async () => {
      const order = await buy(shop, items);
      const written = await transactionsOf(() => cancelWays[way](shop, [order]));
      assert.equal(written.length, 7);
      // the payment and the stock go side by side
      const first = written.slice(0, 2).sort();
      assert.deepEqual(first, [stockFreed, ['UPDATE payment 1']]);
      assert.deepEqual(written.slice(2), afterMoney);
    });

    it(`an order whose money was taken in nine, and gives it back: ${way}`, async () => {
      const order = await buyPaid(shop, items);
      const written = await transactionsOf(() => cancelWays[way](shop, [order]));
      assert.equal(written.length, 9);
      const isStock = (transaction) => transaction.join() === stockFreed.join();
      assert.deepEqual(written.filter(isStock), [stockFreed]);
      assert.deepEqual(
        written.filter((transaction) => !isStock(transaction)),
        [...moneyReturned, ...afterMoney],
      );
      const { summary } = await shop.administrator.order(order.id);
      assert.deepEqual([summary.current_order_total, summary.refunded_total], [0, order.total]);
    });
  }

  for (const way of ['module', 'sql']) {
    it(`by its status alone, in one: ${way}`, async () => {
      const order = await buyPaid(shop, items);
      const written = await transactionsOf(() => cancelWays[way](shop, [order]));
      assert.deepEqual(written, [statusTurned]);
      assert.equal((await shop.administrator.order(order.id)).status, 'canceled');
    });
  }

  it('no order that is on its way, nor one twice', async () => {
    const [sent, cancelled] = [await buyPaid(shop, items), await buy(shop, items)];
    await shop.administrator.ship(sent.id);
    await assert.rejects(shop.administrator.cancelOrder(sent.id), ShopRefusal);
    await shop.administrator.cancelOrder(cancelled.id);
    await assert.rejects(shop.administrator.cancelOrder(cancelled.id), ShopRefusal);
  });
});

describe('the shop', () => {
  it('reserves stock for an order, and frees it with its cancellation', async () => {
    const before = (await shop.administrator.stock('HONEY')).reserved;
    const order = await buy(shop, { HONEY: 2 });
    assert.equal((await shop.administrator.stock('HONEY')).reserved, before + 2);
    await cancelWays.workflow(shop, [order]);
    assert.equal((await shop.administrator.stock('HONEY')).reserved, before);
  });

  it('names nobody in any row of an order whose money it never had', async () => {
    const order = await buy(shop, { HONEY: 1 });
    const position = await recorderPosition(shop.client);
    await cancelWays.api(shop, [order]);
    const changes = await recordedChanges({ client: shop.client, after: position });
    const rows = changes.filter(({ table }) => table !== 'workflow_execution');
    const named = rows.filter(({ after: row }) => JSON.stringify(row).includes('user_'));
    assert.deepEqual(named, []);
  });
});
