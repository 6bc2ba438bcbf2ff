import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { STRIKES } from '../../demo/faults/ways.js';
import { cancelLine, openLines } from '../../demo/shop/cancel-line.js';
import { cancelOrder } from '../../demo/shop/cancel-order.js';
import type { Actor } from '../../demo/shop/history.js';
import { payOrder } from '../../demo/shop/pay-order.js';
import { PlanViewService } from '../../src/restore/plans/plan-view.service.js';
import { UndoService } from '../../src/restore/runs/undo.service.js';
import { placeOrder } from '../support/shop-orders.js';
import { Scene } from './restore-scene.js';

const customer: Actor = { kind: 'customer', name: 'customer' };
const reason = 'payment not received';
/** of the sample profile */
const settleMs = 3_000;
let scene: Scene;

beforeAll(async () => {
  scene = await Scene.create();
});
afterAll(() => scene.close());

/** An order of three lines, not paid yet. */
function placeLong(): Promise<string> {
  const lines = [1, 2, 3].map((productId) => ({ productId, quantity: productId + 1 }));
  return scene.inShop((tx) => placeOrder(tx, lines));
}

async function pay(orderId: string): Promise<string> {
  expect(await scene.inShop((tx) => payOrder(tx, orderId))).toMatchObject({ done: true });
  return orderId;
}

const placePaidLong = async () => pay(await placeLong());

/** The next line of the order goes, in a transaction of its own. */
async function takeLine(orderId: string, actor: Actor, why = reason): Promise<void> {
  await scene.inShop(async (tx) => {
    const [lineId] = await openLines(tx, orderId);
    const request = { orderId, lineId: lineId!, actor, reason: why };
    expect(await cancelLine(tx, request)).toMatchObject({ done: true });
  });
}

async function endOrder(orderId: string, actor: Actor): Promise<void> {
  await scene.inShop(async (tx) => {
    expect(await cancelOrder(tx, { orderId, actor, reason })).toMatchObject({ done: true });
  });
}

/** What the ledger still holds for each line, beside what the line wants. */
function ledgerOf(orderIds: readonly string[]) {
  return scene.shopQuery<{ quantity: number; held: number; movements: number }>(
    `SELECT l.quantity, count(m.id)::int AS movements,
            sum(CASE m.kind WHEN 'ALLOCATE' THEN m.quantity ELSE -m.quantity END)::int AS held
       FROM shop.order_line l JOIN shop.stock_movement m ON m.order_line_id = l.id
      WHERE l.order_id = ANY ($1::bigint[]) GROUP BY l.id ORDER BY l.id`,
    [orderIds],
  );
}

const proposeUndo = async (runId: string) => {
  const id = await scene.get(UndoService).propose(scene.people.robin, runId);
  return scene.get(PlanViewService).view(id);
};

async function planItems(planId: string) {
  return scene.query<{
    order_id: string;
    disposition: string;
    reason: string | null;
    detail: string | null;
    before: { totalMinor: number; lines: { quantity: number }[] } | null;
  }>(
    `SELECT order_id, disposition, reason, detail, before
       FROM restore_plan_item WHERE plan_id = $1 ORDER BY order_id::bigint`,
    [planId],
  );
}

describe('orders that a bot cancels line by line, by turns', () => {
  let runId: string;
  const orders: string[] = [];

  it('come back whole: every line, price, total and piece of stock, once', async () => {
    for (let count = 0; count < 3; count += 1) orders.push(await placePaidLong());
    const before = await scene.shopState();
    const struck = await STRIKES.lines(scene.shop, orders);
    expect(struck.map(({ transactions }) => transactions.length)).toEqual([4, 4, 4]);
    const incident = await scene.incident(3);
    const totals = await scene.query<{ total_minor: number; verdict: string }>(
      'SELECT total_minor, verdict FROM incident_case WHERE incident_id = $1',
      [incident],
    );
    const [{ total }] = (await scene.shopQuery<{ total: number }>(
      'SELECT amount_minor::int AS total FROM shop.payment WHERE order_id = $1',
      [orders[0]],
    )) as [{ total: number }];
    expect(totals).toEqual(orders.map(() => ({ total_minor: total, verdict: 'wrongful' })));

    const { plan, runId: started } = await scene.started(incident);
    runId = started;
    expect(plan).toMatchObject({ reopen: 3, person: 0 });
    for (const { before: told } of await planItems(plan.id)) {
      expect(told?.totalMinor).toBe(total);
      expect(told?.lines.map(({ quantity }) => quantity)).toEqual([2, 3, 4]);
    }
    await scene.runUntil(runId, 'finished');
    expect(Object.values(await scene.itemStates(runId))).toEqual(orders.map(() => 'verified'));
    expect(await scene.shopState()).toEqual(before);
    // allocated, released, allocated again
    const whole = [2, 3, 4].map((quantity) => ({ quantity, held: quantity, movements: 3 }));
    expect(await ledgerOf(orders)).toEqual(orders.flatMap(() => whole));
    expect(await scene.writes(orders)).toEqual([1, 1, 1]);
  });

  it('are cancelled again, whole, by an undo', async () => {
    const undo = await proposeUndo(runId);
    expect(undo).toMatchObject({ reopen: 3, person: 0 });
    await scene.approve(undo);
    const undoRun = await scene.start(undo);
    await scene.runUntil(undoRun, 'finished');
    expect(Object.values(await scene.itemStates(undoRun))).toEqual(orders.map(() => 'verified'));
    const gone = await scene.shopQuery<{ status: string; total_minor: string; left: number }>(
      `SELECT status, total_minor, (SELECT sum(quantity)::int FROM shop.order_line l WHERE l.order_id = o.id) AS left
         FROM shop.orders o WHERE id = ANY ($1::bigint[])`,
      [orders],
    );
    expect(gone).toEqual(orders.map(() => ({ status: 'cancelled', total_minor: '0', left: 0 })));
    expect((await ledgerOf(orders)).map(({ held }) => held)).toEqual(
      orders.flatMap(() => [0, 0, 0]),
    );
  });
});

describe('what somebody else did to such an order', () => {
  it('stays as it is where it was a wish, just before the bot came: two actors, two acts', async () => {
    const bot: Actor = { kind: 'job', name: 'wish-bot' };
    const orderId = await placeLong();
    await takeLine(orderId, customer, 'I do not want the first one');
    await pay(orderId);
    const before = await scene.shopState();
    await takeLine(orderId, bot);
    await takeLine(orderId, bot);
    await endOrder(orderId, bot);
    const { runId } = await scene.started(await scene.incident(1, { actor: bot.name }));
    await scene.runUntil(runId, 'finished');
    expect(await scene.itemStates(runId)).toEqual({ [orderId]: 'verified' });
    expect(await scene.shopState()).toEqual(before);
    expect((await ledgerOf([orderId])).map(({ held }) => held)).toEqual([0, 3, 4]);
  });

  it('leaves it to a person where it came between the lines, or where the bot was too slow to tell', async () => {
    const bot: Actor = { kind: 'job', name: 'slow-bot' };
    const [slow, edited] = [await placePaidLong(), await placePaidLong()];
    await takeLine(slow, bot);
    const taken = Date.now();
    await takeLine(edited, bot);
    await scene.shop.query(`UPDATE shop.orders SET promised_date = '2026-12-24' WHERE id = $1`, [
      edited,
    ]);
    await takeLine(edited, bot);
    await takeLine(edited, bot);
    await endOrder(edited, bot);
    await scene.until('the lines to lie further apart than the profile says', () =>
      Promise.resolve(Date.now() - taken > settleMs),
    );
    await takeLine(slow, bot);
    await takeLine(slow, bot);
    await endOrder(slow, bot);
    const harmed = await scene.shopState();
    const plan = await scene.propose(await scene.incident(2, { actor: bot.name }));
    expect(plan).toMatchObject({ reopen: 0, person: 2 });
    expect(await planItems(plan.id)).toMatchObject([
      {
        order_id: slow,
        reason: 'changed-since',
        detail: expect.stringMatching(/^lines or stock were taken away before \(journal \d+\)/),
      },
      {
        order_id: edited,
        reason: 'changed-since',
        detail: expect.stringMatching(/^something else changed the order while it was cancelled/),
      },
    ]);
    expect(await scene.shopState()).toEqual(harmed);
  });
});
