/**
 * Reinstate, as a process of its own, beside a real Medusa shop: a failure cancels orders in several transactions
 * each, and Reinstate notices by itself, restores them through its HTTP API, and the shop can go on with them.
 * MEDUSA_SERVER_URL may name a PostgreSQL server to use for the shop.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { dumpDatabase } from '../common/dump.mjs';
import { installRecorder, recorderPosition } from '../common/recorder.mjs';
import {
  approved,
  casesOf,
  declared,
  failuresOf,
  finished,
  harmStopped,
  judged,
  noticed,
  proposed,
  reasonsOf,
  started,
} from '../common/restore-steps.mjs';
import { tracesIn, watchShop } from '../common/watched-shop.mjs';
import { medusa } from './grants.mjs';
import { assertAsBefore, assertOnlyPlanned, assertUntouched } from './restore-proof.mjs';
import { buy, buyPaid, cancelWays } from './scenarios.mjs';
import { openScratchShop } from './scratch-shop.mjs';

/**
 * Dozens of orders within seconds are a rush to a detector that knows no past of this shop, and a rush explains
 * cancellations. The failure comes when it is over.
 */
const rushMs = 60_000;
const basket = (number) => ({ 'BREAD-RYE': 1 + (number % 3), 'OIL-OLIVE': 1, SLEEVE: 1 });

/** `early` was bought before Reinstate came. */
let shop, watched, early;
before(async () => {
  shop = await openScratchShop({ serverUrl: process.env.MEDUSA_SERVER_URL });
  early = await buyMany(2);
  watched = await watchShop(shop, medusa);
  await installRecorder(shop.client);
  await watched.admin.post(`/shops/${medusa.shopId}/arm`);
});
after(async () => {
  await watched?.close();
  await shop?.close();
});

async function buyMany(count, purchase = buy) {
  const orders = [];
  for (let number = 0; number < count; number += 1)
    orders.push(await purchase(shop, basket(number)));
  return orders;
}

const ordersInShop = (orders) => Promise.all(orders.map(({ id }) => shop.administrator.order(id)));

/** By id: Medusa gives the lines of an order as its database comes by them. */
const byId = (one, other) => {
  const [id, otherId] = [String(one?.id ?? ''), String(other?.id ?? '')];
  if (id === otherId) return 0;
  return id < otherId ? -1 : 1;
};

/** An order as staff sees it, without the moments of its last changes. */
const comparable = (order) =>
  JSON.parse(
    JSON.stringify(order, (name, value) => {
      if (name === 'updated_at') return undefined;
      return Array.isArray(value) ? value.toSorted(byId) : value;
    }),
  );

describe('a failure of a job of the shop', () => {
  const seen = {};
  let byWorkflow, byModule, victims, repaid, wished, incident, plan, position;

  before(async () => {
    wished = await buy(shop, basket(0));
    seen.since = new Date().toISOString();
    await cancelWays.api(shop, [wished]);
    byWorkflow = [...early, ...(await buyMany(6))];
    byModule = await buyMany(3, buyPaid);
    repaid = await buyMany(2, buyPaid);
    victims = [...byWorkflow, ...byModule];
    await sleep(rushMs);
  });

  it('fits the profile, with credentials that may do no more than is needed', () => {
    const { ok, faults } = watched.check;
    assert.ok(ok);
    // its unique index leaves out places that were closed
    const known = 'tables["public.inventory_level"].columns.reserved_quantity.delta.match';
    assert.deepEqual(
      faults.filter(({ where }) => where !== known),
      [],
    );
  });

  it('is nothing like what staff does: that opens no incident, and nobody calls it wrongful', async () => {
    assert.deepEqual(await watched.robin.all('/incidents'), []);
    const declaration = { since: seen.since, reason: 'Asked by staff', orders: [wished] };
    const asked = await declared(watched, declaration);
    await judged(watched, { incident: asked, orders: [wished], verdict: 'unsure' });
    const bulk = await proposed(watched, { incident: asked }).catch(({ code }) => code);
    assert.equal(bulk, 'nothing-to-restore');
    await watched.robin.post(`/incidents/${asked.id}/resolve`, { reason: 'One wish' });
  });

  it('is noticed by itself, with a case for each order', async () => {
    seen.before = await dumpDatabase(shop);
    seen.ordersBefore = await ordersInShop(victims);
    await cancelWays.workflow(shop, byWorkflow);
    await cancelWays.module(shop, byModule);
    incident = await noticed(watched, victims);
  });

  it('is called wrongful, order by order', async () => {
    const cases = await judged(watched, { incident, orders: victims, verdict: 'wrongful' });
    assert.equal(cases.size, victims.length);
    const totals = new Map(seen.ordersBefore.map(({ id, total }) => [id, Math.round(total * 100)]));
    for (const { id } of victims) assert.equal(cases.get(id).totalMinor, totals.get(id));
  });

  it('is restored by an approved plan that holds the victims and nobody else', async () => {
    await harmStopped(watched, incident);
    seen.harmed = await dumpDatabase(shop);
    position = await recorderPosition(shop.client);
    plan = await proposed(watched, { incident });
    assert.deepEqual([...plan.items.keys()].sort(), victims.map(({ id }) => id).sort());
    assert.deepEqual([plan.reopen, plan.person], [victims.length, 0], reasonsOf(plan));
    await approved(watched, plan);
    const run = await finished(watched, await started(watched, plan));
    assert.equal(run.state, 'finished', failuresOf(run));
    assert.equal(run.counts.verified, victims.length, failuresOf(run));
  });

  it('left the whole database as before it', async () => {
    const restored = await dumpDatabase(shop);
    assertAsBefore({ before: seen.before, harmed: seen.harmed, restored, orders: victims });
    const writeUrl = watched.credentials.write;
    await assertOnlyPlanned({ shop, position, writeUrl, items: plan.items.values() });
    assert.deepEqual(
      (await ordersInShop(victims)).map(comparable),
      seen.ordersBefore.map(comparable),
    );
    assert.equal((await shop.administrator.order(wished.id)).status, 'canceled');
  });

  it('leaves orders that the shop captures, ships and cancels by itself', async () => {
    await shop.administrator.capture(byWorkflow[0].id);
    for (const { id } of [byWorkflow[0], byModule[0]]) {
      assert.equal((await shop.administrator.ship(id)).fulfillment_status, 'shipped');
    }
    assert.equal((await shop.administrator.cancelOrder(byWorkflow[1].id)).status, 'canceled');
    const paidAgain = await shop.administrator.cancelOrder(byModule[1].id);
    assert.equal(paidAgain.status, 'canceled');
  });

  it('ends with a person where money went back, and writes nothing', async () => {
    const since = new Date().toISOString();
    await cancelWays.workflow(shop, repaid);
    const harm = { since, reason: 'Paid orders', orders: repaid };
    const second = await declared(watched, harm);
    await harmStopped(watched, second);
    const dump = await dumpDatabase(shop);
    for (const { id } of repaid) {
      const one = (await casesOf(watched, second)).get(id);
      assert.notEqual(one.verdict, 'wrongful');
      const { items } = await proposed(watched, { incident: second, cases: [one] });
      const { disposition, reason, changes } = items.get(id);
      assert.deepEqual([disposition, changes], ['person', []]);
      assert.equal(reason, 'money-returned');
      assert.equal((await shop.administrator.order(id)).status, 'canceled');
    }
    assertUntouched({ before: dump, after: await dumpDatabase(shop), orders: repaid });
  });

  it('leaves nothing behind when it is detached', async () => {
    await watched.close();
    assert.deepEqual(await tracesIn(shop), { slots: 0, publications: 0, identities: 0 });
  });
});
