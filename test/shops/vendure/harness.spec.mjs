/**
 * Proves the harness itself, without Reinstate: that the scenarios leave the facts behind that they
 * promise, and that a restore by hand brings an order back whole. VENDURE_SERVER_URL may name a PostgreSQL
 * server to use.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Customer, placeOrder } from './client.mjs';
import { compareDumps, dumpDatabase } from '../common/dump.mjs';
import {
  ChangedSince,
  proveRestore,
  restoreOrder,
  StockGone,
  unexpectedDifferences,
} from './manual-restore.mjs';
import { installRecorder, recordedChanges, recorderPosition } from '../common/recorder.mjs';
import { buy, cancelWays, openShop, scenarios } from './scenarios.mjs';
import { openScratchShop } from './scratch-shop.mjs';

const serverUrl = process.env.VENDURE_SERVER_URL;

let shop;
before(async () => {
  shop = await openScratchShop({ serverUrl });
});
after(() => shop?.close());

/** Plays a scenario up to the restore and resolves with the order and the dumps around its cancel. */
async function playUntilRestore({ arrange, cancel, meanwhile }) {
  const order = await arrange(shop);
  const beforeCancel = await dumpDatabase(shop);
  await cancel(shop, order);
  const afterCancel = await dumpDatabase(shop);
  await meanwhile?.(shop, order);
  return { order, images: { before: beforeCancel, after: afterCancel, orderId: order.id } };
}

const restoreIn = (images) => restoreOrder({ client: shop.client, ...images });

async function refusesWhole(images, fault) {
  const untouched = await dumpDatabase(shop);
  await assert.rejects(restoreIn(images), fault);
  assert.deepEqual(compareDumps({ before: untouched, after: await dumpDatabase(shop) }), []);
}

describe('a restore by hand', () => {
  for (const way of Object.keys(cancelWays)) {
    it(`brings back an order cancelled by ${way}, and Vendure ships and delivers it`, async () => {
      const proof = await proveRestore({ shop, way });
      assert.ok(proof.harmed > 0, 'the cancel changed nothing');
      assert.deepEqual(proof.unexpected, []);
      assert.deepEqual(proof.strange, []);
      assert.ok(proof.sameThroughApi);
      assert.deepEqual(proof.lastEntry, { from: 'Cancelled', to: 'PaymentSettled' });
      assert.deepEqual(proof.states, ['Shipped', 'Delivered']);
    });
  }

  for (const name of ['couponUsed', 'priceChanged', 'partialCancelBefore']) {
    it(`gives back what the customer had: ${name}`, async () => {
      const { order, images } = await playUntilRestore(scenarios[name]);
      await restoreIn(images);
      const { lines, totalWithTax, couponCodes, state } = await shop.administrator.order(order.id);
      assert.deepEqual(
        { lines, totalWithTax, couponCodes, state },
        {
          lines: order.lines,
          totalWithTax: order.totalWithTax,
          couponCodes: order.couponCodes,
          state: 'PaymentSettled',
        },
      );
      assert.equal((await shop.administrator.ship(order.id)).state, 'Shipped');
    });
  }

  it('refuses whole when the stock was sold meanwhile', async () => {
    const { images } = await playUntilRestore(scenarios.stockSold);
    await refusesWhole(images, StockGone);
  });

  it('refuses whole when the order was changed since', async () => {
    const { images } = await playUntilRestore(scenarios.changedSince);
    await refusesWhole(images, ChangedSince);
  });

  it('is done once when two try at the same time', async () => {
    const { order, images } = await playUntilRestore(scenarios.priceChanged);
    const second = await openShop(shop);
    try {
      const both = [restoreIn(images), restoreOrder({ client: second.client, ...images })];
      const outcomes = await Promise.allSettled(both);
      assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    } finally {
      await second.close();
    }
    const differences = compareDumps({
      before: images.before,
      after: await dumpDatabase({ ...shop, tables: ['stock_level', 'order'] }),
    });
    assert.deepEqual(
      unexpectedDifferences(
        differences.filter(({ table }) => ['order', 'stock_level'].includes(table)),
      ),
      [],
    );
    assert.equal((await shop.administrator.order(order.id)).state, 'PaymentSettled');
  });

  it('leaves an order that can be cancelled again and then gives its stock back', async () => {
    const { order, images } = await playUntilRestore(scenarios.cancelledAgain);
    await restoreIn(images);
    await scenarios.cancelledAgain.afterwards(shop, order);
    assert.equal((await shop.administrator.order(order.id)).state, 'Cancelled');
    const { stock_level: levels } = await dumpDatabase({ ...shop, tables: ['stock_level'] });
    const allocated = (dump) =>
      Object.values(dump).map(({ id, stockAllocated }) => [id, stockAllocated]);
    assert.deepEqual(allocated(levels), allocated(images.after.stock_level));
  });
});

describe('scenarios that a restore must refuse', () => {
  it('refunded: all of the money went back, after the cancel', async () => {
    const { order } = await playUntilRestore(scenarios.refunded);
    const [payment] = (await shop.administrator.order(order.id)).payments;
    assert.equal(payment.amount, order.totalWithTax);
    assert.deepEqual(
      payment.refunds.map(({ state, total }) => [state, total]),
      [['Settled', order.totalWithTax]],
    );
  });

  it('shipped: the goods left before the cancel, which puts them on the shelf again', async () => {
    const { order, images } = await playUntilRestore(scenarios.shipped);
    assert.equal(images.before.order[order.id].state, 'Shipped');
    const added = compareDumps(images).filter(
      ({ table, kind }) => table === 'stock_movement' && kind === 'inserted',
    );
    assert.deepEqual(new Set(added.map(({ after: row }) => row.type)), new Set(['CANCELLATION']));
  });

  it('intended: a named administrator, a reason of their own, money returned', async () => {
    const { order } = await playUntilRestore(scenarios.intended);
    const entries = await shop.administrator.history(order.id);
    const { data, administrator } = entries.find(({ type }) => type === 'ORDER_CANCELLATION');
    assert.equal(data.reason, 'Customer asked by e-mail');
    assert.equal(administrator.emailAddress, 'superadmin');
  });

  it('twoWarehouses: the ledger and the levels do not agree', async () => {
    const { images } = await playUntilRestore(scenarios.twoWarehouses);
    const differences = compareDumps(images);
    const released = differences.filter(
      ({ table, kind }) => table === 'stock_movement' && kind === 'inserted',
    );
    const levels = differences.filter(
      ({ table, column }) => table === 'stock_level' && column === 'stockAllocated',
    );
    const sum = (values) => values.reduce((total, value) => total + Number(value), 0);
    assert.equal(sum(released.map(({ after: row }) => row.quantity)), 8);
    assert.equal(sum(levels.map(({ before: old, after: now }) => old - now)), 4);
  });
});

describe('the tools', () => {
  it('shows a registered customer their order through the shop API', async () => {
    const person = { ...shop.newPerson(), password: 'a password' };
    const items = [{ variantId: shop.catalogue.get('HONEY').id, quantity: 2 }];
    const { code, state } = await placeOrder({ url: shop.url, person, items });
    assert.equal(state, 'PaymentSettled');
    const customer = new Customer(shop);
    await customer.logIn(person);
    const seen = await customer.order(code);
    assert.equal(seen.customer.emailAddress, person.emailAddress);
    assert.equal(seen.lines[0].quantity, 2);
  });

  it('attributes a cancel to the colleague who did it, and a job to nobody', async () => {
    const person = { ...shop.newPerson(), password: 'a password' };
    await shop.administrator.hire(person);
    const colleague = await shop.administrator.colleague(person);
    const [byColleague, byJob] = [
      await buy(shop, { items: { HONEY: 1 } }),
      await buy(shop, { items: { HONEY: 1 } }),
    ];
    await colleague.cancelOrder({ orderId: byColleague.id, reason: 'Fraud', cancelShipping: true });
    await cancelWays.job(shop, [byJob]);
    const actor = async ({ id }) =>
      (await shop.administrator.history(id)).at(-1).administrator?.emailAddress;
    assert.equal(await actor(byColleague), person.emailAddress);
    assert.equal(await actor(byJob), undefined);
  });

  it('records who wrote which row, and the comparer names each difference', async () => {
    const order = await buy(shop, { items: { HONEY: 1 } });
    await installRecorder(shop.client);
    const [position, beforeCancel] = [
      await recorderPosition(shop.client),
      await dumpDatabase(shop),
    ];
    await cancelWays.sql(shop, [order]);
    const changes = await recordedChanges({ client: shop.client, after: position });
    assert.equal(changes.length, 1);
    assert.deepEqual(
      [changes[0].table, changes[0].operation, changes[0].after.state],
      ['order', 'UPDATE', 'Cancelled'],
    );
    assert.deepEqual(compareDumps({ before: beforeCancel, after: await dumpDatabase(shop) }), [
      {
        table: 'order',
        key: order.id,
        kind: 'changed',
        column: 'state',
        before: 'PaymentSettled',
        after: 'Cancelled',
      },
    ]);
  });
});
