/**
 * Reinstate, as a process of its own, beside a real Medusa shop: a failure cancels orders in several transactions
 * each, and Reinstate notices by itself, restores them through its HTTP API, and the shop can go on with them.
 * MEDUSA_SERVER_URL may name a PostgreSQL server to use for the shop.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { dumpDatabase } from '../common/dump.mjs';
import { installRecorder, recorderPosition } from '../common/recorder.mjs';
import {
  assertDiscreet,
  assertDoneOnce,
  assertHeldBack,
  assertRefusedByHand,
  assertTold,
  runBesideHand,
  runbookLooks,
} from '../common/restore-promises.mjs';
import {
  approved,
  casesOf,
  decided,
  declared,
  failuresOf,
  finished,
  harmStopped,
  judged,
  noticed,
  proposed,
  reasonsOf,
  refusalOf,
  started,
  timelineTypes,
  undone,
} from '../common/restore-steps.mjs';
import { tracesIn, watchShop } from '../common/watched-shop.mjs';
import { medusa } from './grants.mjs';
import {
  assertAsBefore,
  assertOnlyPlanned,
  assertReservedIsTold,
  differencesOf,
  differencesOfOrders,
} from './restore-proof.mjs';
import { buy, buyPaid, cancelWays, scenarios } from './scenarios.mjs';
import { openScratchShop } from './scratch-shop.mjs';

/**
 * Dozens of orders within seconds are a rush to a detector that knows no past of this shop, and a rush explains
 * cancellations. The failure comes when it is over.
 */
const rushMs = 60_000;
const basket = (number) => ({ 'BREAD-RYE': 1 + (number % 3), 'OIL-OLIVE': 1, SLEEVE: 1 });

/**
 * `early` was bought before Reinstate came. The others wait for what becomes of single orders: by the names of their
 * scenarios, those that stand in two plans, and the one that a DBA restores too.
 */
let shop, watched, early;
const single = { byName: {} };
before(async () => {
  shop = await openScratchShop({ serverUrl: process.env.MEDUSA_SERVER_URL });
  early = await buyMany(2);
  watched = await watchShop(shop, medusa);
  await installRecorder(shop.client);
  await watched.admin.post(`/shops/${medusa.shopId}/arm`);
  for (const [name, { arrange }] of Object.entries(scenarios))
    single.byName[name] = await arrange(shop);
  single.twice = await buyMany(2);
  [single.byHand] = await buyMany(1);
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
  let byWorkflow, byModule, bySql, victims, wished, incident, plan, position;

  before(async () => {
    wished = await buy(shop, basket(0));
    seen.since = new Date().toISOString();
    await cancelWays.api(shop, [wished]);
    byWorkflow = [...early, ...(await buyMany(6))];
    byModule = await buyMany(3, buyPaid);
    bySql = await buyMany(2, buyPaid);
    victims = [...byWorkflow, ...byModule, ...bySql];
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
    incident = await noticed(watched, [...byWorkflow, ...byModule]);
  });

  it('is not restored while it bleeds, nor by one person alone', async () => {
    await assertHeldBack(watched, { incident, more: () => cancelWays.sql(shop, bySql) });
    assert.equal((await shop.administrator.order(byWorkflow[0].id)).status, 'canceled');
  });

  it('is called wrongful, order by order', async () => {
    const cases = await judged(watched, { incident, orders: victims, verdict: 'wrongful' });
    assert.equal(cases.size, victims.length);
    const totals = new Map(seen.ordersBefore.map(({ id, total }) => [id, Math.round(total * 100)]));
    for (const { id } of victims) assert.equal(cases.get(id).totalMinor, totals.get(id));
  });

  it('is looked at by the runbook’s queries', async () => {
    const { who, money } = await runbookLooks(watched, incident);
    const [found] = who.rows;
    assert.deepEqual(
      [who.state, found.created_by, found.orders],
      ['done', null, String(victims.length)],
    );
    // what was captured was not touched, and what was let go was a promise
    assert.deepEqual(money, { state: 'done', rows: [{ returned: '0' }] });
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

  it('is told from the first finding to the last order', () =>
    assertTold(watched, { incident, orders: [...byWorkflow.slice(2), ...bySql] }));
});

describe('single orders', () => {
  const named = (wanted) => Object.keys(scenarios).filter((name) => wanted(scenarios[name]));
  const reopened = named(({ expected }) => expected === 'reopen');
  const left = named(({ expected, late }) => expected === 'refuse' && !late);
  const refused = named(({ late }) => late !== undefined);
  const ordersOf = (names) => names.map((name) => single.byName[name]);
  const seen = {};
  let incident, other, plan, run, twin;

  const allOrders = () => [...Object.values(single.byName), ...single.twice, single.byHand];

  /** Two incidents over the same orders; people say what no row of Medusa tells. */
  async function declaredWrongful(since, reason) {
    const declaration = { since, reason, orders: allOrders() };
    const one = await declared(watched, declaration);
    await harmStopped(watched, one);
    seen.verdict = (await casesOf(watched, one)).get(single.byName.repaid.id).verdict;
    const verdict = { orders: allOrders(), verdict: 'wrongful', reason: 'Nobody wanted that' };
    await decided(watched, { incident: one, ...verdict });
    return one;
  }

  const planFor = async (of, orders) => {
    const cases = await casesOf(watched, of);
    return proposed(watched, { incident: of, cases: orders.map(({ id }) => cases.get(id)) });
  };

  before(async () => {
    seen.orders = await ordersInShop(allOrders());
    seen.before = await dumpDatabase(shop);
    const since = new Date().toISOString();
    for (const [name, order] of Object.entries(single.byName))
      await scenarios[name].cancel(shop, order);
    await cancelWays.workflow(shop, [...single.twice, single.byHand]);
    for (const [name, order] of Object.entries(single.byName))
      await scenarios[name].meanwhile?.(shop, order);
    incident = await declaredWrongful(since, 'Single orders');
    seen.looks = await runbookLooks(watched, incident);
    other = await declaredWrongful(since, 'The same, told by somebody else');
    plan = await planFor(incident, [...Object.values(single.byName), ...single.twice]);
  });

  for (const name of left)
    it(`are left to a person: ${name}`, () => {
      const { disposition, reason, changes } = plan.items.get(single.byName[name].id);
      assert.deepEqual([disposition, changes], ['person', []]);
      assert.equal(reason, scenarios[name].reason);
    });

  it('are called wrongful by nobody but a person where the cancellation gave the money back', () =>
    assert.notEqual(seen.verdict, 'wrongful'));

  it('are told by the runbook where their money went back', () => {
    const { who, money } = seen.looks;
    assert.deepEqual(money, { state: 'failed', rows: [{ returned: '2' }] });
    // the cancellation that gave it back was one of staff's, the refund afterwards nobody's
    assert.equal(who.rows.length, 2);
    assert.ok(who.rows.some(({ created_by: staff }) => staff?.startsWith('user_')));
  });

  it('are planned in bulk where nothing speaks against it', () => {
    const planned = [...plan.items.values()].filter(({ disposition }) => disposition === 'reopen');
    const wanted = [...ordersOf([...reopened, ...refused]), ...single.twice];
    assert.deepEqual(
      planned.map(({ orderId }) => orderId).sort(),
      wanted.map(({ id }) => id).sort(),
      reasonsOf(plan),
    );
  });

  it('are restored by one of two runs at once, and refused whole where they changed after the approval', async () => {
    const second = await planFor(other, single.twice);
    await approved(watched, plan);
    await approved(watched, second);
    for (const name of refused) await scenarios[name].late(shop, single.byName[name]);
    seen.dump = await dumpDatabase(shop);
    const together = { plans: [plan, second], orders: single.twice };
    [run, twin] = await assertDoneOnce(watched, together);
    seen.restored = await dumpDatabase(shop);
    for (const name of refused) {
      const { state, reason } = run.items.get(single.byName[name].id);
      assert.deepEqual([state, reason], ['refused', scenarios[name].reason], failuresOf(run));
    }
    for (const { id } of ordersOf(reopened))
      assert.equal(run.items.get(id).state, 'verified', failuresOf(run));
  });

  it('are as they were, and untouched where they were refused', async () => {
    const orders = ordersOf([...left, ...refused]);
    const { before, dump, restored } = seen;
    assert.deepEqual(differencesOfOrders({ before: dump, after: restored, orders }), []);
    for (const { status } of await ordersInShop(orders)) assert.equal(status, 'canceled');
    const back = [...ordersOf(reopened), ...single.twice];
    assert.deepEqual(differencesOfOrders({ before, after: restored, orders: back }), []);
    assertReservedIsTold(restored);
    const cases = await casesOf(watched, incident);
    for (const { id } of ordersOf(refused)) assert.equal(cases.get(id).state, 'person');
  });

  const verifiedIn = ({ items }) =>
    [...items.values()]
      .filter(({ state }) => state === 'verified')
      .map(({ orderId: id }) => ({ id }));

  it('are cancelled as they were once the restore is taken back', async () => {
    for (const one of [run, twin].filter((some) => verifiedIn(some).length > 0)) {
      const undo = await undone(watched, one);
      assert.equal(undo.counts.verified, verifiedIn(one).length, failuresOf(undo));
    }
    const after = await dumpDatabase(shop);
    assert.deepEqual(differencesOf({ before: seen.dump, after }), []);
    assertReservedIsTold(after);
  });

  it('are restored anew after that', async () => {
    for (const [of, one] of [
      [incident, run],
      [other, twin],
    ]) {
      const orders = verifiedIn(one);
      if (orders.length === 0) continue;
      const anew = await planFor(of, orders);
      await approved(watched, anew);
      const again = await finished(watched, await started(watched, anew));
      assert.equal(again.counts.verified, orders.length, failuresOf(again));
    }
    assert.deepEqual(differencesOf({ before: seen.restored, after: await dumpDatabase(shop) }), []);
  });

  it('are restored once by a run and by the same plan’s SQL in a DBA’s hand', async () => {
    const order = single.byHand;
    const own = await planFor(incident, [order]);
    await approved(watched, own);
    const script = await runBesideHand(watched, { plan: own, order });
    const after = await dumpDatabase(shop);
    assert.deepEqual(differencesOfOrders({ before: seen.before, after, orders: [order] }), []);
    assertReservedIsTold(after);
    await assertRefusedByHand(watched, script);
  });

  it('are the same to staff, and the shop ships them', async () => {
    const back = [...ordersOf(reopened), ...single.twice, single.byHand];
    const ids = new Set(back.map(({ id }) => id));
    const before = seen.orders.filter(({ id }) => ids.has(id));
    assert.deepEqual((await ordersInShop(before)).map(comparable), before.map(comparable));
    for (const name of reopened.filter((one) => one !== 'cancelledAgain')) {
      const { id } = single.byName[name];
      await scenarios[name].afterwards?.(shop, single.byName[name]);
      assert.equal((await shop.administrator.ship(id)).fulfillment_status, 'shipped');
    }
  });

  it('stay cancelled where somebody cancels them again after the restore', async () => {
    const order = single.byName.cancelledAgain;
    await scenarios.cancelledAgain.afterwards(shop, order);
    // what people said was of the first time
    const again = { incident, orders: [order], verdict: 'unsure' };
    const one = (await judged(watched, again)).get(order.id);
    assert.deepEqual([one.state, one.verdictBy], ['open', null]);
    const bulk = await proposed(watched, { incident }).catch(({ code }) => code);
    assert.ok(!bulk.items?.has(order.id), JSON.stringify(bulk));
    assert.equal((await shop.administrator.order(order.id)).status, 'canceled');
    const types = await timelineTypes(watched, incident);
    assert.ok(types.includes('order-cancelled-again'));
  });
});

describe('the invariants of the profile', () => {
  let invariants, id;
  before(async () => {
    ({ id } = await buyPaid(shop, basket(1)));
    const file = new URL('../../../profiles/medusa.yaml', import.meta.url);
    invariants = new Map(
      parse(await readFile(file, 'utf8')).invariants.map(({ name, sql }) => [name, sql]),
    );
  });

  /** Ids of orders of which the invariant is not true. */
  async function broken(name) {
    const { rows } = await shop.client.query(
      `SELECT each.id FROM "order" each WHERE (${invariants.get(name).replaceAll('$1', 'each.id')}) IS NOT TRUE`,
    );
    return rows.map(({ id }) => id);
  }

  /** What makes each of its invariants untrue of an order. */
  const breaks = {
    'an open order has something in it': 'UPDATE order_item SET quantity = 0 WHERE order_id = $1',
    'nothing is of a later version than the order':
      'UPDATE "order" SET version = version - 1 WHERE id = $1',
    'no money was given back': `
      INSERT INTO refund (id, amount, raw_amount, payment_id)
      SELECT 'ref_test', 1, '{"value": "1"}', p.id FROM payment p
        JOIN order_payment_collection l USING (payment_collection_id) WHERE l.order_id = $1`,
    'what is reserved is what the lines still want': `
      UPDATE reservation_item SET deleted_at = now()
       WHERE line_item_id IN (SELECT item_id FROM order_item WHERE order_id = $1)`,
  };

  it('are those that are broken here', () =>
    assert.deepEqual([...invariants.keys()].sort(), Object.keys(breaks).sort()));

  for (const [name, harm] of Object.entries(breaks))
    it(`hold of all that the shop did to its orders, and of nothing broken: ${name}`, async () => {
      assert.deepEqual(await broken(name), []);
      await shop.client.query('BEGIN');
      try {
        await shop.client.query(harm, [id]);
        assert.deepEqual(await broken(name), [id]);
      } finally {
        await shop.client.query('ROLLBACK');
      }
    });
});

describe('at the end', () => {
  it('customers and credentials were kept out of its log', async () => {
    const orders = [...Object.values(single.byName), ...early];
    const personal = [...orders.map(({ email }) => email), '1 Test Street', 'call first'];
    await assertDiscreet(watched, { personal });
  });

  it('nothing is left behind when it is detached', async () => {
    await watched.close();
    assert.deepEqual(await tracesIn(shop), { slots: 0, publications: 0, identities: 0 });
  });
});
