import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cancelOrder } from '../../demo/shop/cancel-order.js';
import { pickOrder, shipOrder } from '../../demo/shop/fulfil-order.js';
import { refundOrder } from '../../demo/shop/pay-order.js';
import { CaseService } from '../../src/incidents/case.service.js';
import type { Verdict } from '../../src/incidents/verdict/verdict.js';
import { PlanViewService } from '../../src/restore/plans/plan-view.service.js';
import { refusalReasons, type RefusalReason } from '../../src/shops/shop-adapter.js';
import { ShopRegistry } from '../../src/shops/shop-registry.js';
import { PlanScriptService } from '../../src/restore/plans/plan-script.service.js';
import { Scene } from './restore-scene.js';

let scene: Scene;

beforeAll(async () => {
  scene = await Scene.create();
});
afterAll(() => scene.close());

const staff = { kind: 'staff', name: 'maria' } as const;
const job = { kind: 'job', name: 'unpaid-orders' } as const;

/** What the plan says of each order, with words. */
async function said(planId: string): Promise<Map<string, { reason: string; detail: string }>> {
  const { items } = await scene.get(PlanViewService).pageOfItems(planId, { limit: 100 });
  return new Map(
    items.map((item) => [
      item.orderId,
      { reason: item.reason ?? 'reopen', detail: item.detail ?? '' },
    ]),
  );
}

async function place(productId?: number): Promise<string> {
  const [orderId] = await scene.placePaid([1], productId);
  return orderId!;
}

/** Places an order and lets the faulty job cancel it, before something else happens to it. */
async function cancelled(productId?: number): Promise<string> {
  const orderId = await place(productId);
  await scene.cancel([orderId]);
  return orderId;
}

async function judge(incidentId: string, orderId: string, verdict: Verdict): Promise<void> {
  const caseId = await scene.caseOf(incidentId, orderId);
  const decision = { incidentId, caseId, verdict, reason: 'a call' };
  await scene.get(CaseService).decideVerdict(scene.people.robin, decision);
}

/** Shown by a test of its own: below, and (of a shop that is told by HTTP) in `intake-http-story`. */
const elsewhere = ['still-bleeding', 'no-adapter'] as const;
type Elsewhere = (typeof elsewhere)[number];

describe('each reason of the closed list', () => {
  it('arises in a plan, for the order that it is true of, and for no other', async () => {
    const orders: Record<Exclude<RefusalReason, Elsewhere> | 'reopen', string> = {
      reopen: await cancelled(),
      intended: await cancelled(),
      unsure: await cancelled(),
      'changed-since': await cancelled(),
      'money-returned': await cancelled(),
      'not-cancelled-any-more': await cancelled(),
      'outcome-unknown': await cancelled(),
      'stock-gone': await cancelled(4),
      'evidence-missing': await place(),
      shipped: await place(),
    };
    // the stock moved by more than the orders' rows explain
    await scene.inShop(async (tx) => {
      const orderId = orders['evidence-missing'];
      await cancelOrder(tx, { orderId, actor: job, reason: 'payment not received' });
      await tx.query('UPDATE shop.stock SET allocated = allocated + 1 WHERE product_id = 3');
    });
    await scene.inShop((tx) => pickOrder(tx, { orderId: orders.shipped, actor: staff }));
    await scene.inShop((tx) => shipOrder(tx, { orderId: orders.shipped, actor: staff }));
    await scene.shopQuery(`UPDATE shop.orders SET status = 'cancelled' WHERE id = $1`, [
      orders.shipped,
    ]);
    const incident = await scene.incident(Object.keys(orders).length, {});
    for (const orderId of Object.values(orders)) await judge(incident, orderId, 'wrongful');
    await judge(incident, orders.intended, 'intended');
    await judge(incident, orders.unsure, 'unsure');
    await lose(incident, orders['outcome-unknown']);

    await scene.shopQuery(`UPDATE shop.orders SET coupon_code = 'LATE' WHERE id = $1`, [
      orders['changed-since'],
    ]);
    const refunded = { orderId: orders['money-returned'], actor: staff, reason: 'a wish' };
    await scene.inShop((tx) => refundOrder(tx, refunded));
    await scene.shopQuery(`UPDATE shop.orders SET status = 'paid' WHERE id = $1`, [
      orders['not-cancelled-any-more'],
    ]);
    await scene.shopQuery('UPDATE shop.stock SET on_hand = allocated WHERE product_id = 4');
    await scene.journalled();

    const cases = await Promise.all(
      Object.values(orders).map((orderId) => scene.caseOf(incident, orderId)),
    );
    const plan = await scene.propose(incident, cases);
    const found = await said(plan.id);
    const reasons = Object.entries(orders).map(([name, id]) => [name, found.get(id)?.reason]);
    expect(Object.fromEntries(reasons)).toEqual(
      Object.fromEntries(Object.keys(orders).map((name) => [name, name])),
    );
    const told = [...found.values()].filter(({ reason }) => reason !== 'reopen');
    expect(new Set(told.map(({ reason }) => reason))).toEqual(
      new Set(refusalReasons.filter((reason) => !elsewhere.some((other) => other === reason))),
    );
    expect(told.filter(({ detail }) => detail === '')).toEqual([]);
    expect(plan).toMatchObject({ reopen: 1, person: 9 });
  });

  it('an order whose cancellation may go on still bleeds', async () => {
    const orderId = await place();
    await scene.cancel([orderId], 'slow-job');
    const incident = await scene.incident(1, { actor: 'slow-job' });
    const [entry] = await scene.query<{ at: Date }>(
      `SELECT max(committed_at) AS at FROM journal_entry WHERE order_id = $1`,
      [orderId],
    );
    const back = entry!.at.getTime() + 100 - scene.clock.now().getTime();
    scene.clock.advance(back);
    const plan = await scene.propose(incident);
    scene.clock.advance(-back);
    expect((await said(plan.id)).get(orderId)?.reason).toBe('still-bleeding');
    const later = await scene.propose(incident);
    expect((await said(later.id)).get(orderId)?.reason).toBe('reopen');
  });
});

describe('what a person says after the approval', () => {
  it('counts: such an order is neither restored nor given out as SQL', async () => {
    const orders = await scene.placePaid([1, 1, 1, 1]);
    const [fine, wished, doubtful, closed] = orders as [string, string, string, string];
    const incident = await scene.harm(orders, 'told-later');
    const plan = await scene.propose(incident);
    await scene.approve(plan);
    await judge(incident, wished, 'intended');
    await expect(
      scene.get(PlanScriptService).give(scene.people.robin, { planId: plan.id, override: null }),
    ).rejects.toMatchObject({ code: 'intended' });
    await judge(incident, doubtful, 'unsure');
    const runId = await scene.start(plan);
    await scene.query(`UPDATE incident_case SET state = 'closed' WHERE id = $1`, [
      await scene.caseOf(incident, closed),
    ]);
    await scene.runUntil(runId, 'finished');
    expect(await scene.itemStates(runId)).toEqual({
      [fine]: 'verified',
      [wished]: 'refused: intended',
      [doubtful]: 'refused: unsure',
      [closed]: 'refused: changed-since',
    });
    expect(await scene.writes(orders)).toEqual([1, 0, 0, 0]);
  });
});

/** A run of this order alone, of which nobody knows whether it was applied. */
async function lose(incident: string, orderId: string): Promise<void> {
  const plan = await scene.propose(incident, [await scene.caseOf(incident, orderId)]);
  await scene.approve(plan);
  await scene.start(plan);
  const { adapter } = scene.get(ShopRegistry).get(scene.shopId);
  const restore = adapter.restore.bind(adapter);
  adapter.restore = () =>
    Promise.resolve({
      outcome: 'unknown',
      transactionId: 5,
      incarnation: '1/1',
      detail: 'the connection was lost at COMMIT',
    });
  await scene.runners().finally(() => (adapter.restore = restore));
  expect((await scene.caseStates(incident))[orderId]).toBe('unknown');
}
