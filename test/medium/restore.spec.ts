import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { STRIKES } from '../../demo/faults/ways.js';
import { pickOrder, shipOrder } from '../../demo/shop/fulfil-order.js';
import { refundOrder } from '../../demo/shop/pay-order.js';
import { PlanExpiryStep } from '../../src/restore/plans/plan-expiry.step.js';
import { PlanScriptService } from '../../src/restore/plans/plan-script.service.js';
import { PlanViewService } from '../../src/restore/plans/plan-view.service.js';
import { UndoService } from '../../src/restore/runs/undo.service.js';
import { Scene } from './restore-scene.js';

let scene: Scene;

beforeAll(async () => {
  scene = await Scene.create();
});
afterAll(() => scene.close());

const staff = { kind: 'staff', name: 'maria' } as const;

/** What a plan says about each order: `reopen`, or the reason why not. */
async function dispositions(planId: string): Promise<Record<string, string>> {
  const rows = await scene.query<{ order_id: string; reason: string | null }>(
    'SELECT order_id, reason FROM restore_plan_item WHERE plan_id = $1 ORDER BY sequence',
    [planId],
  );
  return Object.fromEntries(rows.map((row) => [row.order_id, row.reason ?? 'reopen']));
}

describe('a restore', () => {
  it('brings wrongly cancelled orders back exactly, one canary first, and proves it', async () => {
    const orders = await scene.placePaid([2, 1, 3, 1, 2, 1, 1, 2, 1, 1, 2, 1]);
    const before = await scene.shopState();
    const incident = await scene.harm(orders, 'happy');
    const { plan, runId } = await scene.started(incident);
    expect(plan).toMatchObject({ reopen: 12, person: 0, state: 'proposed', approvalsNeeded: 1 });

    await scene.tick();
    expect(await scene.run(runId)).toMatchObject({ stage: 0, items: { verified: 1, pending: 11 } });
    const run = await scene.runUntil(runId, 'finished', 'stopped');
    expect(run).toMatchObject({ state: 'finished', stage: 2, items: { verified: 12 } });

    expect(await scene.shopState()).toEqual(before);
    expect(await scene.writes(orders)).toEqual(orders.map(() => 1));
    expect(new Set(Object.values(await scene.caseStates(incident)))).toEqual(new Set(['restored']));
    const types = await scene.timeline(incident);
    expect(types.filter((type) => type === 'order-verified')).toHaveLength(12);
    expect(types).toEqual(
      expect.arrayContaining(['plan-proposed', 'plan-approved', 'run-started', 'run-finished']),
    );
    const ship = await scene.inShop(async (tx) => {
      await pickOrder(tx, { orderId: orders[0]!, actor: staff });
      return shipOrder(tx, { orderId: orders[0]!, actor: staff });
    });
    expect(ship.done).toBe(true);
  });

  it.each(['sql', 'steps'] as const)('takes back what was cancelled by the way %s', async (way) => {
    const orders = await scene.placePaid([1, 2, 1]);
    const before = await scene.shopState();
    await STRIKES[way](scene.shop, orders);
    const struck = await scene.shopQuery(
      `SELECT FROM shop.orders WHERE id = ANY ($1::bigint[]) AND status = 'cancelled'`,
      [orders],
    );
    expect(struck).toHaveLength(3);
    const incident = await scene.incident(
      3,
      way === 'sql' ? { actorKind: 'unknown' } : { actor: 'unpaid-orders' },
    );
    const ids = await Promise.all(orders.map((orderId) => scene.caseOf(incident, orderId)));
    // what nobody signed may be unsure: each is then named alone
    const verdicts = await scene.query<{ verdict: string }>(
      'SELECT DISTINCT verdict FROM incident_case WHERE incident_id = $1',
      [incident],
    );
    const bulk = verdicts.every(({ verdict }) => verdict === 'wrongful');
    for (const chosen of bulk ? [null] : ids.map((id) => [id])) {
      const plan = await scene.propose(incident, chosen);
      expect(plan.person).toBe(0);
      await scene.approve(plan);
      await scene.runUntil(await scene.start(plan), 'finished');
    }
    expect(await scene.shopState()).toEqual(before);
  });

  it('says which three of ten orders lose when seven units are left, restores the seven, and takes them back', async () => {
    const orders = await scene.placePaid(Array<number>(10).fill(1), 2);
    const incident = await scene.harm(orders, 'sold-out');
    await scene.shopQuery(
      `UPDATE shop.stock SET on_hand = allocated + 7 WHERE product_id = 2 AND warehouse = 'LEJ'`,
    );
    const plan = await scene.propose(incident);
    expect(plan).toMatchObject({ reopen: 7, person: 3 });
    const said = await dispositions(plan.id);
    expect(orders.map((orderId) => said[orderId])).toEqual([
      ...Array<string>(7).fill('reopen'),
      ...Array<string>(3).fill('stock-gone'),
    ]);
    const page = await scene.get(PlanViewService).pageOfItems(plan.id, { limit: 50 });
    expect(page.items.at(-1)?.words.headline).toContain('oldest placed first, then by order id');
    await scene.approve(plan);
    const cancelled = await scene.shopState();
    const runId = await scene.start(plan);
    await scene.runUntil(runId, 'finished');
    const states = await scene.caseStates(incident);
    expect(orders.map((orderId) => states[orderId])).toEqual([
      ...Array<string>(7).fill('restored'),
      ...Array<string>(3).fill('person'),
    ]);
    const undo = await scene.startedUndo(runId);
    expect(undo.plan).toMatchObject({ reopen: 7, person: 0 });
    await scene.runUntil(undo.runId, 'finished');
    expect(await scene.shopState()).toEqual(cancelled);
    expect(await scene.writes(orders)).toEqual([
      ...Array<number>(7).fill(2),
      ...Array<number>(3).fill(0),
    ]);
  });

  it('refuses, whole and with the reason, what is sold out, refunded or changed when its turn comes', async () => {
    const [fine, changed, refunded, gone] = (await scene.placePaid([1, 1, 1])).concat(
      await scene.placePaid([1], 4),
    );
    const orders = [fine!, changed!, refunded!, gone!];
    const incident = await scene.harm(orders, 'meanwhile');
    const { runId } = await scene.started(incident);
    await scene.shopQuery(`UPDATE shop.orders SET coupon_code = 'LATE' WHERE id = $1`, [changed]);
    await scene.inShop((tx) =>
      refundOrder(tx, { orderId: refunded!, actor: staff, reason: 'wish' }),
    );
    await scene.shopQuery(`UPDATE shop.stock SET on_hand = allocated WHERE product_id = 4`);
    await scene.runUntil(runId, 'finished');
    expect(await scene.itemStates(runId)).toEqual({
      [fine!]: 'verified',
      [changed!]: 'refused: changed-since',
      [refunded!]: expect.stringMatching(/^refused: (changed-since|money-returned)$/) as unknown,
      [gone!]: 'refused: stock-gone',
    });
    expect(await scene.writes(orders)).toEqual([1, 0, 0, 0]);
    const again = await scene.propose(incident);
    expect(await dispositions(again.id)).toEqual({
      [changed!]: 'changed-since',
      [refunded!]: 'money-returned',
      [gone!]: 'stock-gone',
    });
  });

  it('plans no order that was cancelled on purpose, not even when it is named', async () => {
    const [wrong, wished] = await scene.placePaid([1, 1]);
    await scene.cancel([wrong!], 'mixed');
    await scene.cancelBy([wished!], { kind: 'customer', name: 'customer' });
    await scene.inShop((tx) => refundOrder(tx, { orderId: wished!, actor: staff, reason: 'wish' }));
    const incident = await scene.incident(1, { actor: 'mixed' });
    const all = await scene.incident(1, { actorKind: 'customer' });
    expect(await dispositions((await scene.propose(incident)).id)).toEqual({ [wrong!]: 'reopen' });
    await expect(scene.propose(all)).rejects.toMatchObject({ code: 'nothing-to-restore' });
    const named = await scene.propose(all, [await scene.caseOf(all, wished!)]);
    expect(['intended', 'money-returned', 'changed-since']).toContain(
      (await dispositions(named.id))[wished!],
    );
  });

  it('supersedes an older plan of the incident, and tells in words what would change', async () => {
    const [order] = await scene.placePaid([2]);
    const incident = await scene.harm([order!], 'words');
    const first = await scene.propose(incident);
    const second = await scene.propose(incident);
    const views = scene.get(PlanViewService);
    expect((await views.view(first.id)).state).toBe('superseded');
    expect(second.hash).not.toBe(first.hash);
    const { items } = await views.pageOfItems(second.id, { limit: 10 });
    expect(items[0]?.words.changes).toEqual(
      expect.arrayContaining([
        'status: cancelled -> paid',
        'line "Chef knife, forged, 20 cm", quantity: 0 -> 2',
        expect.stringMatching(
          /^shop\.stock\.allocated of 3\/LEJ: \+2 \(not below 0, not above on_hand\)$/,
        ),
      ]),
    );
    await expect(scene.approve(first)).rejects.toMatchObject({ code: 'plan-not-proposed' });
  });
});

describe('after a restore', () => {
  it('an undo, approved like any plan, cancels the orders again as they were', async () => {
    const orders = await scene.placePaid([1, 2, 1]);
    const incident = await scene.harm(orders, 'undone');
    const cancelled = await scene.shopState();
    const { runId } = await scene.started(incident);
    await scene.runUntil(runId, 'finished');
    await scene.inShop((tx) => pickOrder(tx, { orderId: orders[2]!, actor: staff }));
    await scene.journalled();

    const planId = await scene.get(UndoService).propose(scene.people.robin, runId);
    const plan = await scene.get(PlanViewService).view(planId);
    expect(plan).toMatchObject({ action: 'undo', undoesRunId: runId, reopen: 2, person: 1 });
    expect((await dispositions(planId))[orders[2]!]).toBe('changed-since');
    await expect(scene.start(plan)).rejects.toMatchObject({ code: 'plan-not-approved' });
    await scene.approve(plan);
    const undo = await scene.runUntil(await scene.start(plan), 'finished');
    expect(undo.items).toMatchObject({ verified: 2 });

    const now = await scene.shopState();
    const only = (state: Record<string, unknown[]>, table: string) =>
      (state[table] as { row: Record<string, unknown> }[]).filter(({ row }) =>
        orders.slice(0, 2).includes(String(row[table === 'orders' ? 'id' : 'order_id'])),
      );
    for (const table of ['orders', 'order_line', 'shipping_line', 'payment'])
      expect(only(now, table)).toEqual(only(cancelled, table));
    expect(await scene.itemStates(runId)).toMatchObject({
      [orders[0]!]: 'undone',
      [orders[1]!]: 'undone',
      [orders[2]!]: 'verified',
    });
    expect((await scene.timeline(incident)).filter((type) => type === 'order-undone')).toHaveLength(
      2,
    );

    const again = await scene.started(incident);
    expect(await dispositions(again.plan.id)).toEqual({
      [orders[0]!]: 'reopen',
      [orders[1]!]: 'reopen',
    });
    await scene.runUntil(again.runId, 'finished');
    expect(await scene.itemStates(again.runId)).toEqual({
      [orders[0]!]: 'verified',
      [orders[1]!]: 'verified',
    });
  });

  it('a plan that a DBA ran by hand as SQL is recognised by its markers', async () => {
    const orders = await scene.placePaid([1, 2]);
    const before = await scene.shopState();
    const incident = await scene.harm(orders, 'by-hand');
    const plan = await scene.propose(incident);
    const views = scene.get(PlanViewService);
    const script = () =>
      scene.get(PlanScriptService).give(scene.people.kim, { planId: plan.id, override: null });
    await expect(script()).rejects.toMatchObject({
      code: 'plan-not-approved',
    });
    await scene.approve(plan);
    await scene.runScript(await script());
    await scene.journalled();
    await scene.echo();

    expect(await scene.shopState()).toEqual(before);
    const view = await views.view(plan.id);
    expect(view.state).toBe('run');
    const run = await scene.run(view.runId!);
    expect(run).toMatchObject({ byHand: true, state: 'finished', items: { verified: 2 } });
    expect(Object.values(await scene.caseStates(incident))).toEqual(['restored', 'restored']);
    expect(await scene.words(incident, 'order-restored-by-hand')).toEqual([
      expect.stringContaining('was run by hand'),
      expect.stringContaining('was run by hand'),
    ]);
    expect(await scene.pages(incident)).not.toContainEqual(expect.stringContaining('BREAK-GLASS'));
    await expect(scene.start(plan)).rejects.toMatchObject({ code: 'plan-not-approved' });
  });

  it('SQL that is run after its plan has expired is recognised too, and paged', async () => {
    const orders = await scene.placePaid([1]);
    const incident = await scene.harm(orders, 'too-late');
    const plan = await scene.propose(incident);
    await scene.approve(plan);
    const script = await scene
      .get(PlanScriptService)
      .give(scene.people.kim, { planId: plan.id, override: null });
    scene.clock.advance(2 * 3_600_000);
    const signal = new AbortController().signal;
    await scene.get(PlanExpiryStep).run({ now: scene.clock.now(), signal });
    await scene.runScript(script);
    await scene.journalled();
    await scene.echo();
    expect(Object.values(await scene.caseStates(incident))).toEqual(['restored']);
    expect(await scene.pages(incident)).toContainEqual(
      expect.stringMatching(
        /^BREAK-GLASS .*ran the SQL of restore plan \d+ by hand: the plan was expired/,
      ),
    );
  });

  it('an order that goes on with its life is told of once; one that is cancelled again pages', async () => {
    const orders = await scene.placePaid([1, 1]);
    const incident = await scene.harm(orders, 'aftermath');
    const { runId } = await scene.started(incident);
    await scene.runUntil(runId, 'finished');
    await scene.inShop((tx) => pickOrder(tx, { orderId: orders[0]!, actor: staff }));
    await scene.inShop((tx) => shipOrder(tx, { orderId: orders[0]!, actor: staff }));
    await scene.cancel([orders[1]!], 'aftermath');
    await scene.journalled();
    await scene.echo();
    expect(await scene.words(incident, 'order-changed-since')).toHaveLength(1);
    expect(await scene.words(incident, 'order-cancelled-again')).toHaveLength(1);
    expect(await scene.pages(incident)).toContainEqual(
      expect.stringContaining('was cancelled again after its restore'),
    );
    expect((await scene.caseStates(incident))[orders[1]!]).toBe('open');

    // two cancellations far apart: a slow drip has to be silent for long
    scene.clock.advance(3_600_000);
    await scene.follow();
    const once = await scene.started(incident);
    await scene.runUntil(once.runId, 'finished');
    expect(await scene.itemStates(once.runId)).toEqual({ [orders[1]!]: 'verified' });
  });
});
