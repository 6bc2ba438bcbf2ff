/**
 * Reinstate, as a process of its own, beside a real Vendure shop: a failure cancels paid orders, and
 * Reinstate notices by itself, restores them through its HTTP API, and the shop can ship them.
 * VENDURE_SERVER_URL may name a PostgreSQL server to use for the shop.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { dumpDatabase } from './dump.mjs';
import { installRecorder, recorderPosition } from './recorder.mjs';
import { assertAsBefore, assertOnlyPlanned } from './restore-proof.mjs';
import {
  approved,
  casesOf,
  finished,
  harmStopped,
  judged,
  noticed,
  proposed,
  refusalOf,
  started,
  timelineTypes,
} from './restore-steps.mjs';
import { buy, cancelWays, scenarios } from './scenarios.mjs';
import { openScratchShop } from './scratch-shop.mjs';
import { shopId, watchShop } from './watched-shop.mjs';

const ways = ['api', 'sql'];
const victimCount = 12;
/**
 * Dozens of orders within seconds are a rush to a detector that knows no past of this shop, and a rush
 * explains cancellations. The failure comes when it is over, as one that waits for payments would.
 */
const rushMs = 60_000;

/** What the timeline of such an incident has to tell. */
const told = [
  'incident-opened',
  'case-added',
  'plan-proposed',
  'restore-refused',
  'plan-approved',
  'run-started',
  'order-restored',
  'order-verified',
  'run-finished',
];

/** Orders by the way in which they will be cancelled; those of `sql` are older than the second attach. */
const bought = {};
let shop;
before(async () => {
  shop = await openScratchShop({ serverUrl: process.env.VENDURE_SERVER_URL });
});
after(() => shop?.close());

async function buyAll() {
  for (const way of ways) {
    bought[way] = {
      victims: await buyMany(victimCount + 1),
      wished: await scenarios.intended.arrange(shop),
    };
  }
  await sleep(rushMs);
}

async function buyMany(count) {
  const orders = [];
  for (let number = 0; number < count; number += 1) {
    const items = { 'BREAD-RYE': 1 + (number % 3), 'APRON-RED': 1, SLEEVE: 1 };
    orders.push(await buy(shop, { items }));
  }
  return orders;
}

/** Why a plan leaves orders to a person, for the message of a failed test. */
const reasonsOf = ({ items }) =>
  JSON.stringify([...items.values()].map(({ reason, detail }) => [reason, detail]));

const ordersInShop = (orders) => Promise.all(orders.map(({ id }) => shop.administrator.order(id)));

for (const way of ways) {
  describe(`a failure that cancels by ${way}`, () => {
    let watched, victims, wished, incident, plan, position;
    const seen = {};

    before(async () => {
      watched = await watchShop(shop);
      if (way === 'api') await installRecorder(shop.client);
      await watched.admin.post(`/shops/${shopId}/arm`);
      if (!bought[way]) await buyAll();
      ({ victims, wished } = bought[way]);
    });
    after(() => watched?.close());

    it('fits the profile, with credentials that may do no more than is needed', () => {
      const { ok, faults } = watched.check;
      assert.ok(ok);
      // the second time, the recorder's triggers are there, and are told
      assert.deepEqual(
        faults.filter(({ message }) => !message.includes('trigger recorder')),
        [],
      );
    });

    it('is noticed by itself, with a case for each order', async () => {
      await scenarios.intended.cancel(shop, wished);
      seen.before = await dumpDatabase(shop);
      seen.ordersBefore = await ordersInShop(victims);
      const early = victims.slice(0, victimCount);
      await cancelWays[way](shop, early);
      incident = await noticed(watched, early);
    });

    it('is not restored while it bleeds, nor by one person alone', async () => {
      const cases = await casesOf(watched, incident);
      const early = await proposed(watched, { incident, cases: [...cases.values()] });
      const vote = { decision: 'approved', planHash: early.hash };
      const own = watched.robin.post(`/restore-plans/${early.id}/approvals`, vote);
      assert.equal(await refusalOf(own), 'own-plan');
      await approved(watched, early);
      await cancelWays[way](shop, victims.slice(victimCount));
      assert.equal(await refusalOf(started(watched, early)), 'still-bleeding');
      assert.equal((await shop.administrator.order(victims[0].id)).state, 'Cancelled');
    });

    it('is told apart from what staff wished', async () => {
      const cases = await judged(watched, { incident, orders: victims, verdict: 'wrongful' });
      for (const { id } of victims) assert.ok(cases.get(id).reasons.length > 1);
      if (cases.has(wished.id)) {
        await judged(watched, { incident, orders: [wished], verdict: 'intended' });
      }
    });

    it('is restored by an approved plan that holds the victims and nobody else', async () => {
      await harmStopped(watched, incident);
      seen.harmed = await dumpDatabase(shop);
      position = await recorderPosition(shop.client);
      plan = await proposed(watched, { incident });
      assert.deepEqual([...plan.items.keys()].sort(), victims.map(({ id }) => id).sort());
      assert.deepEqual([plan.reopen, plan.person], [victims.length, 0], reasonsOf(plan));
      assert.equal(await refusalOf(started(watched, plan)), 'plan-not-approved');
      await approved(watched, plan);
      const run = await finished(watched, await started(watched, plan));
      assert.equal(run.state, 'finished');
      assert.equal(run.counts.verified, victims.length, JSON.stringify(run));
    });

    it('left the whole database as before it', async () => {
      const restored = await dumpDatabase(shop);
      assertAsBefore({ before: seen.before, harmed: seen.harmed, restored, orders: victims });
      const writeUrl = watched.credentials.write;
      await assertOnlyPlanned({ shop, position, writeUrl, items: plan.items.values() });
      assert.deepEqual(await ordersInShop(victims), seen.ordersBefore);
      assert.equal((await shop.administrator.order(wished.id)).state, 'Cancelled');
    });

    it('leaves orders that the shop ships and delivers', async () => {
      const orders = way === 'api' ? victims.slice(0, 2) : victims.slice(-2);
      for (const { id } of orders) {
        assert.equal((await shop.administrator.ship(id)).state, 'Shipped');
        assert.equal((await shop.administrator.deliver(id)).state, 'Delivered');
      }
    });

    it('is told from the first finding to the last order', async () => {
      const cases = await casesOf(watched, incident);
      for (const { id } of victims) assert.equal(cases.get(id).state, 'restored');
      const types = new Set(await timelineTypes(watched, incident));
      for (const type of told) assert.ok(types.has(type), `${type} is not on the timeline`);
    });
  });
}
