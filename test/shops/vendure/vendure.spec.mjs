/**
 * Reinstate, as a process of its own, beside a real Vendure shop: a failure cancels paid orders, and
 * Reinstate notices by itself, restores them through its HTTP API, and the shop can ship them.
 * VENDURE_SERVER_URL may name a PostgreSQL server to use for the shop.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { runFaultyJob } from './client.mjs';
import { compareDumps, dumpDatabase } from '../common/dump.mjs';
import { installRecorder, recorderPosition } from '../common/recorder.mjs';
import {
  assertAsBefore,
  assertLevelsFollowLedger,
  assertOnlyPlanned,
  assertOrdersAsBefore,
  assertUndone,
  differencesOf,
} from './restore-proof.mjs';
import {
  assertDiscreet,
  assertDoneOnce,
  assertHeldBack,
  assertRefusedByHand,
  assertTold,
  isRestored,
  runBesideHand,
  runbookLooks,
} from '../common/restore-promises.mjs';
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
  refusalOf,
  runScript,
  started,
  undone,
} from '../common/restore-steps.mjs';
import { buy, cancelWays, scenarios } from './scenarios.mjs';
import { openScratchShop } from './scratch-shop.mjs';
import { waitFor } from '../common/reinstate-client.mjs';
import { tracesIn, watchShop } from '../common/watched-shop.mjs';
import { vendure } from './grants.mjs';

/** How the failure cancels many orders; a last one always goes as one order through the admin API or by SQL. */
const failures = {
  /** Whole orders with and without their shipping, and line by line with a transaction for each. */
  async api(victims) {
    await cancelWays.api(shop, victims.slice(0, 6));
    await cancelWays.apiKeepingShipping(shop, victims.slice(6, 9));
    await cancelWays.apiLineByLine(shop, victims.slice(9));
  },
  sql: (victims) => cancelWays.sql(shop, victims),
};
const victimCount = 12;
/**
 * Dozens of orders within seconds are a rush to a detector that knows no past of this shop, and a rush
 * explains cancellations. The failure comes when it is over, as one that waits for payments would.
 */
const rushMs = 60_000;

/** Scenarios of which a restore owes this. */
const namesOf = (expected) =>
  Object.keys(scenarios).filter((name) => scenarios[name].expected === expected);

/** Orders by the way in which they will be cancelled; those of `sql` are older than the second attach. */
const bought = {};
let shop;
before(async () => {
  shop = await openScratchShop({ serverUrl: process.env.VENDURE_SERVER_URL });
});
after(() => shop?.close());

async function buyAll() {
  for (const way of Object.keys(failures)) {
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

const ordersInShop = (orders) => Promise.all(orders.map(({ id }) => shop.administrator.order(id)));

for (const way of Object.keys(failures)) {
  describe(`a failure that cancels by ${way}`, () => {
    let watched, victims, wished, incident, plan, position;
    const seen = {};

    before(async () => {
      watched = await watchShop(shop, vendure);
      if (way === 'api') await installRecorder(shop.client);
      await watched.admin.post(`/shops/${vendure.shopId}/arm`);
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
      seen.since = new Date().toISOString();
      await scenarios.intended.cancel(shop, wished);
      seen.before = await dumpDatabase(shop);
      seen.ordersBefore = await ordersInShop(victims);
      const early = victims.slice(0, victimCount);
      await failures[way](early);
      incident = await noticed(watched, early);
    });

    it('is not restored while it bleeds, nor by one person alone', async () => {
      const more = () => cancelWays[way](shop, victims.slice(victimCount));
      await assertHeldBack(watched, { incident, more });
      assert.equal((await shop.administrator.order(victims[0].id)).state, 'Cancelled');
    });

    it('is looked at by the runbook’s queries', async () => {
      const { who, money } = await runbookLooks(watched, incident);
      assert.deepEqual(money, { state: 'done', rows: [{ returned: '0' }] });
      // the administrator of the API; raw SQL leaves no row
      const found = who.rows?.map(({ administratorId }) => administratorId);
      assert.deepEqual([who.state, found], way === 'api' ? ['done', ['1']] : ['failed', []]);
    });

    it('is told apart from what staff wished', async () => {
      const cases = await judged(watched, { incident, orders: victims, verdict: 'wrongful' });
      for (const { id } of victims) assert.ok(cases.get(id).reasons.length > 1);
      // whether or not the failure's incident reaches as far as this one, it is judged
      const filter = { reason: 'Customer asked by e-mail' };
      const declaration = { since: seen.since, reason: 'by staff', filter, orders: [wished] };
      const wishes = await declared(watched, declaration);
      await judged(watched, { incident: wishes, orders: [wished], verdict: 'intended' });
      assert.notEqual(cases.get(wished.id)?.verdict, 'wrongful');
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
      assert.equal(run.state, 'finished', failuresOf(run));
      assert.equal(run.counts.verified, victims.length, failuresOf(run));
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
      for (const { id } of [victims[0], victims[7], victims[10]]) {
        assert.equal((await shop.administrator.ship(id)).state, 'Shipped');
        assert.equal((await shop.administrator.deliver(id)).state, 'Delivered');
      }
    });

    it('is told from the first finding to the last order', () =>
      assertTold(watched, { incident, orders: victims }));

    it('kept customers and credentials out of its log', async () => {
      const customers = victims.map(({ customer }) => customer.emailAddress);
      await assertDiscreet(watched, { personal: [...customers, '1 Test Street'] });
    });

    it('leaves nothing behind when it is detached', async () => {
      await watched.close();
      assert.deepEqual(await tracesIn(shop), { slots: 0, publications: 0, identities: 0 });
    });
  });
}

describe('single orders', () => {
  let watched;
  before(async () => {
    watched = await watchShop(shop, vendure);
    await watched.admin.post(`/shops/${vendure.shopId}/arm`);
  });
  after(() => watched?.close());

  describe('what else happened to an order', () => {
    const reopened = namesOf('reopen');
    const refused = namesOf('refuse');
    const orders = {};
    const seen = {};
    let incident, plan, run;

    before(async () => {
      for (const name of [...reopened, ...refused])
        orders[name] = await scenarios[name].arrange(shop);
      orders.soldLate = await buy(shop, { items: { HONEY: 3 } });
      orders.changedLate = await buy(shop, { items: { HONEY: 1 } });
      for (const [name, { id }] of Object.entries(orders))
        seen[name] = await shop.administrator.order(id);
      seen.before = await dumpDatabase(shop);
      const since = new Date().toISOString();
      for (const name of [...reopened, ...refused])
        await scenarios[name].cancel(shop, orders[name]);
      await cancelWays.job(shop, [orders.soldLate, orders.changedLate]);
      for (const name of [...reopened, ...refused])
        await scenarios[name].meanwhile?.(shop, orders[name]);
      const declaration = { since, reason: 'Single orders', orders: Object.values(orders) };
      incident = await declared(watched, declaration);
      await harmStopped(watched, incident);
    });

    for (const name of refused) {
      it(`is left to a person: ${name}`, async () => {
        const { id } = orders[name];
        const one = (await casesOf(watched, incident)).get(id);
        const { items } = await proposed(watched, { incident, cases: [one] });
        const { disposition, reason, changes } = items.get(id);
        assert.deepEqual([disposition, changes], ['person', []]);
        const expected = scenarios[name].reason?.replaceAll(' ', '-') ?? 'evidence-missing';
        assert.equal(reason, expected);
      });
    }

    it('is planned in bulk where nothing speaks against it', async () => {
      plan = await proposed(watched, { incident });
      const planned = [...plan.items.values()].filter(
        ({ disposition }) => disposition === 'reopen',
      );
      const wanted = [...reopened, 'soldLate', 'changedLate'].map((name) => orders[name].id);
      assert.deepEqual(
        planned.map(({ orderId }) => orderId).sort(),
        wanted.sort(),
        reasonsOf(plan),
      );
      assert.ok(!plan.items.has(orders.intended.id));
    });

    it('is refused whole where it changed after the approval', async () => {
      await approved(watched, plan);
      const { id: variantId, stockAllocated } = (await shop.administrator.catalogue()).get('HONEY');
      await shop.administrator.changeStock({ variantId, stockOnHand: stockAllocated + 4 });
      await buy(shop, { items: { HONEY: 3 } });
      await scenarios.changedSince.meanwhile(shop, orders.changedLate);
      seen.dump = await dumpDatabase(shop);
      run = await finished(watched, await started(watched, plan));
      seen.restored = await dumpDatabase(shop);
      const outcome = (name) => {
        const { state, reason } = run.items.get(orders[name].id);
        return [state, reason];
      };
      assert.deepEqual(outcome('soldLate'), ['refused', 'stock-gone'], failuresOf(run));
      assert.deepEqual(outcome('changedLate'), ['refused', 'changed-since'], failuresOf(run));
      for (const name of reopened) assert.equal(outcome(name)[0], 'verified', failuresOf(run));
    });

    it('changed nothing of the orders that were refused', async () => {
      const dumps = { before: seen.dump, after: seen.restored };
      const restored = new Set(reopened.map((name) => orders[name].id));
      const touched = compareDumps(dumps).filter(({ table }) => table === 'order');
      assert.deepEqual(new Set(touched.map(({ key }) => key)), restored);
      const left = [...refused, 'soldLate', 'changedLate'].map((name) => orders[name]);
      assert.deepEqual(differencesOf({ ...dumps, orders: left }), []);
      assertLevelsFollowLedger(dumps);
      for (const name of [...refused, 'soldLate', 'changedLate']) {
        assert.equal((await shop.administrator.order(orders[name].id)).state, 'Cancelled');
      }
    });

    it('is cancelled as it was once the restore is taken back', async () => {
      const undo = await undone(watched, run);
      assert.equal(undo.counts.verified, reopened.length, failuresOf(undo));
      assertUndone({ harmed: seen.dump, undone: await dumpDatabase(shop) });
      for (const name of reopened)
        assert.equal((await shop.administrator.order(orders[name].id)).state, 'Cancelled');
    });

    it('is restored anew after that', async () => {
      const cases = await casesOf(watched, incident);
      const again = reopened.map((name) => cases.get(orders[name].id));
      const anew = await proposed(watched, { incident, cases: again });
      await approved(watched, anew);
      const second = await finished(watched, await started(watched, anew));
      assert.equal(second.counts.verified, reopened.length, failuresOf(second));
      seen.restored = await dumpDatabase(shop);
    });

    for (const name of reopened) {
      it(`is as it was: ${name}`, async () => {
        const { before, dump: harmed, restored } = seen;
        assertOrdersAsBefore({ before, harmed, restored, orders: [orders[name]] });
        assert.deepEqual(await shop.administrator.order(orders[name].id), seen[name]);
        if (name === 'cancelledAgain') return;
        await scenarios[name].afterwards?.(shop, orders[name]);
        assert.equal((await shop.administrator.ship(orders[name].id)).state, 'Shipped');
      });
    }

    it('stays cancelled where staff cancels it again after the restore', async () => {
      const { id } = orders.cancelledAgain;
      await scenarios.cancelledAgain.afterwards(shop, orders.cancelledAgain);
      const again = { incident, orders: [orders.cancelledAgain], verdict: 'intended' };
      const one = (await judged(watched, again)).get(id);
      assert.equal(one.state, 'open');
      const { items } = await proposed(watched, { incident, cases: [one] });
      assert.deepEqual([items.get(id).disposition, items.get(id).reason], ['person', 'intended']);
      assert.equal((await shop.administrator.order(id)).state, 'Cancelled');
      const { lines } = await shop.administrator.order(id);
      assert.ok(lines.every(({ quantity }) => quantity === 0));
    });
  });

  describe('an order', () => {
    it('has in common with others what stands on any of its rows, before and when it is cancelled', async () => {
      const { id } = await buy(shop, { items: { 'BREAD-RYE': 1 } });
      const { rows } = await shop.client.query(
        `SELECT o.type AS order_type, o."currencyCode" AS currency, p.method AS payment_method,
                c."channelId"::text AS channel, s."shippingMethodId"::text AS shipping_method,
                (SELECT DISTINCT m."stockLocationId"::text FROM stock_movement m
                   JOIN order_line l ON l.id = m."orderLineId" WHERE l."orderId" = o.id) AS stock_location
           FROM "order" o JOIN payment p ON p."orderId" = o.id JOIN shipping_line s ON s."orderId" = o.id
           JOIN order_channels_channel c ON c."orderId" = o.id WHERE o.id = $1`,
        [id],
      );
      const { order } = await watched.admin.get(`/shops/${vendure.shopId}/orders/${id}`);
      assert.deepEqual({ ...order.attributes }, { ...rows[0] });
      assert.deepEqual(
        order.shipping.map(({ method }) => method),
        [rows[0].shipping_method],
      );
      await runFaultyJob({ url: shop.url, orderIds: [id], reason: 'The season is over' });
      const cancelled = await waitFor('the cancellation is journalled', async () => {
        const { items } = await watched.admin.get(
          `/shops/${vendure.shopId}/orders/${id}/journal?by=id`,
        );
        return items.find(({ kinds }) => kinds.includes('cancelled'));
      });
      assert.deepEqual({ ...cancelled.attributes }, { ...rows[0] });
      assert.deepEqual([cancelled.actorKind, cancelled.actor], ['api', null]);
    });

    it('is not called wrongfully cancelled for a row of the history alone that names nobody', async () => {
      const order = await buy(shop, { items: { 'BREAD-RYE': 1 } });
      const since = new Date().toISOString();
      const reason = 'by a plugin of the storefront';
      await runFaultyJob({ url: shop.url, orderIds: [order.id], reason });
      const declaration = { since, reason, filter: { reason }, orders: [order] };
      const incident = await declared(watched, declaration);
      await harmStopped(watched, incident);
      const { reasons } = (
        await judged(watched, { incident, orders: [order], verdict: 'unsure' })
      ).get(order.id);
      assert.deepEqual(
        new Set(reasons.map(({ sign }) => sign)),
        new Set(['money-held', 'automatic-actor']),
      );
      assert.equal(await refusalOf(proposed(watched, { incident })), 'nothing-to-restore');
    });
  });

  describe('two restores of one order at once', () => {
    /**
     * One order, cancelled by a job for a reason that is not true (a row of Vendure's history that names nobody
     * would not be enough), and as many declared incidents with an approved plan for it.
     */
    async function harm({ what, incidents }) {
      const reason = `Payment not received (${what})`;
      const order = await buy(shop, { items: { 'BREAD-RYE': 2, 'APRON-RED': 1 } });
      const since = new Date().toISOString();
      const dumps = { before: await dumpDatabase(shop) };
      await runFaultyJob({ url: shop.url, orderIds: [order.id], reason });
      dumps.harmed = await dumpDatabase(shop);
      const plans = [];
      for (let number = 0; number < incidents; number += 1) {
        const declaration = { since, reason, filter: { reason }, orders: [order] };
        const incident = await declared(watched, declaration);
        await harmStopped(watched, incident);
        const plan = await proposed(watched, { incident });
        await approved(watched, plan);
        plans.push(plan);
      }
      return { order, dumps, plans };
    }

    it('is done once by two runs', async () => {
      const { order, dumps, plans } = await harm({ what: 'twice by two runs', incidents: 2 });
      await assertDoneOnce(watched, { plans, orders: [order] });
      assertAsBefore({ ...dumps, restored: await dumpDatabase(shop), orders: [order] });
    });

    it('is done once by a run and by the same plan’s SQL in a DBA’s hand', async () => {
      const harmed = await harm({ what: 'twice by hand', incidents: 1 });
      const { order, dumps } = harmed;
      const [plan] = harmed.plans;
      const script = await runBesideHand(watched, { plan, order });
      assertAsBefore({ ...dumps, restored: await dumpDatabase(shop), orders: [order] });
      await assertRefusedByHand(watched, script);
    });

    it('is recognised when only a DBA’s hand did it', async () => {
      const harmed = await harm({ what: 'by hand alone', incidents: 1 });
      const { order, dumps } = harmed;
      const [plan] = harmed.plans;
      const script = await watched.robin.get(`/restore-plans/${plan.id}.sql`);
      assert.equal(await runScript(shop, script), undefined);
      await isRestored(watched, { plan, order });
      assertAsBefore({ ...dumps, restored: await dumpDatabase(shop), orders: [order] });
      assert.equal((await watched.robin.get(`/restore-plans/${plan.id}`)).state, 'run');
    });
  });
});
