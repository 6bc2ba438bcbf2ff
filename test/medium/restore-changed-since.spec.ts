import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { STRIKES } from '../../demo/faults/ways.js';
import { pickOrder, shipOrder } from '../../demo/shop/fulfil-order.js';
import { refundOrder } from '../../demo/shop/pay-order.js';
import { CaseService } from '../../src/incidents/case.service.js';
import { PlanScriptService } from '../../src/restore/plans/plan-script.service.js';
import { PlanViewService, type PlanView } from '../../src/restore/plans/plan-view.service.js';
import { UndoService } from '../../src/restore/runs/undo.service.js';
import { ShopRegistry } from '../../src/shops/shop-registry.js';
import { Scene } from './restore-scene.js';

let scene: Scene;

beforeAll(async () => {
  scene = await Scene.create();
});
afterAll(() => scene.close());

const staff = { kind: 'staff', name: 'maria' } as const;

/** Does something to orders when it is their turn: after the last look at the journal, before the locks. */
async function meddling(
  deeds: ReadonlyMap<string, () => Promise<unknown>>,
  work: () => Promise<void>,
): Promise<void> {
  const { adapter } = scene.get(ShopRegistry).get(scene.shopId);
  const restore = adapter.restore.bind(adapter);
  adapter.restore = async (item, noteTransaction) => {
    await deeds.get(item.orderId)?.();
    return restore(item, noteTransaction);
  };
  await work().finally(() => (adapter.restore = restore));
}

async function dispositions(planId: string): Promise<Record<string, string>> {
  const { items } = await scene.get(PlanViewService).pageOfItems(planId, { limit: 100 });
  return Object.fromEntries(items.map((item) => [item.orderId, item.reason ?? 'reopen']));
}

async function details(runId: string): Promise<Record<string, string>> {
  const rows = await scene.query<{ order_id: string; detail: string | null }>(
    'SELECT order_id, detail FROM restore_run_item WHERE run_id = $1',
    [runId],
  );
  return Object.fromEntries(rows.map((row) => [row.order_id, row.detail ?? '']));
}

function script(plan: PlanView): Promise<string> {
  return scene.get(PlanScriptService).give(scene.people.kim, { planId: plan.id, override: null });
}

const ship = (orderId: string) => async () => {
  await scene.inShop((tx) => pickOrder(tx, { orderId, actor: staff }));
  await scene.inShop((tx) => shipOrder(tx, { orderId, actor: staff }));
};
const refund = (orderId: string) => () =>
  scene.inShop((tx) => refundOrder(tx, { orderId, actor: staff, reason: 'a wish' }));

describe('what the journal has not seen yet', () => {
  it('is found in rows that neither the cancellation nor the plan has written, by run and by script', async () => {
    const [shipping, line, column, fine] = await scene.placePaid([1, 2, 1, 1]);
    const orders = [shipping!, line!, column!, fine!];
    await STRIKES.sql(scene.shop, orders);
    const incident = await scene.incident(4, { actorKind: 'unknown' });
    for (const orderId of orders)
      await scene.get(CaseService).decideVerdict(scene.people.robin, {
        incidentId: incident,
        caseId: await scene.caseOf(incident, orderId),
        verdict: 'wrongful',
        reason: 'customers call',
      });
    const plan = await scene.propose(incident);
    expect(plan).toMatchObject({ reopen: 4, person: 0 });
    await scene.approve(plan);
    const taken = await script(plan);
    expect(taken).not.toContain('ada@example.com');

    const runId = await scene.start(plan);
    const edit = (sql: string, orderId: string) => (): Promise<unknown> =>
      scene.shopQuery(sql, [orderId]);
    const deeds = new Map([
      [
        shipping!,
        edit('UPDATE shop.shipping_line SET price_minor = 1 WHERE order_id = $1', shipping!),
      ],
      [line!, edit('UPDATE shop.order_line SET quantity = 1 WHERE order_id = $1', line!)],
      [column!, edit(`UPDATE shop.orders SET ship_city = 'Halle' WHERE id = $1`, column!)],
    ]);
    await meddling(deeds, async () => {
      await scene.runUntil(runId, 'finished');
    });

    expect(await scene.itemStates(runId)).toEqual({
      [shipping!]: 'refused: changed-since',
      [line!]: 'refused: changed-since',
      [column!]: 'refused: changed-since',
      [fine!]: 'verified',
    });
    expect(await details(runId)).toMatchObject({
      [shipping!]: expect.stringMatching(/^shop\.shipping_line \d+: price_minor$/) as unknown,
      [line!]: expect.stringMatching(/^shop\.order_line \d+: quantity$/) as unknown,
      [column!]: `shop.orders ${column!}: ship_city`,
    });
    expect(await scene.writes(orders)).toEqual([0, 0, 0, 1]);
    await expect(scene.runScript(taken)).rejects.toThrow(
      /^changed-since: shop\.shipping_line \d+: price_minor$/,
    );
    expect(await scene.writes(orders)).toEqual([0, 0, 0, 1]);
  });

  it('is part of what was approved', async () => {
    const incident = await scene.harm(await scene.placePaid([1]), 'hashed');
    const plan = await scene.propose(incident);
    await scene.approve(plan);
    const [kept] = await scene.query<{ expect: unknown[] }>(
      'SELECT expect FROM restore_plan_item WHERE plan_id = $1',
      [plan.id],
    );
    expect(kept!.expect).toHaveLength(7);
    const set = (items: unknown) =>
      scene.asOwner(
        `ALTER TABLE reinstate.restore_plan_item DISABLE TRIGGER USER;
       UPDATE reinstate.restore_plan_item SET expect = '${JSON.stringify(items)}' WHERE plan_id = '${plan.id}';
       ALTER TABLE reinstate.restore_plan_item ENABLE TRIGGER USER`,
      );
    await set(kept!.expect.slice(1));
    await expect(scene.start(plan)).rejects.toMatchObject({ code: 'hash-changed' });
    await set(kept!.expect);
    await scene.start(plan);
  });
});

describe('an undo is refused', () => {
  it('where the order was shipped, or money was given back, since the restore', async () => {
    const orders = await scene.placePaid([1, 1, 1, 1, 1]);
    const [shipped, refunded, shippedLater, refundedLater, fine] = orders as [
      string,
      string,
      string,
      string,
      string,
    ];
    const incident = await scene.harm(orders, 'lived-on');
    const { runId } = await scene.started(incident);
    await scene.runUntil(runId, 'finished');
    await ship(shipped)();
    await refund(refunded)();
    await scene.journalled();

    const planId = await scene.get(UndoService).propose(scene.people.robin, runId);
    expect(await dispositions(planId)).toEqual({
      [shipped]: 'shipped',
      [refunded]: 'money-returned',
      [shippedLater]: 'reopen',
      [refundedLater]: 'reopen',
      [fine]: 'reopen',
    });
    const plan = await scene.get(PlanViewService).view(planId);
    await scene.approve(plan);
    const taken = await script(plan);
    const written = await scene.writes(orders);
    const undo = await scene.start(plan);
    const deeds = new Map<string, () => Promise<unknown>>([
      [shippedLater, ship(shippedLater)],
      [refundedLater, refund(refundedLater)],
    ]);
    await meddling(deeds, async () => {
      await scene.runUntil(undo, 'finished');
    });

    expect(await scene.itemStates(undo)).toEqual({
      [shippedLater]: 'refused: shipped',
      [refundedLater]: 'refused: changed-since',
      [fine]: 'verified',
    });
    expect((await details(undo))[refundedLater]).toMatch(/^shop\.payment \d+: state$/);
    expect(await scene.writes(orders)).toEqual([...written.slice(0, 4), written[4]! + 1]);
    await expect(scene.runScript(taken)).rejects.toThrow(/: its status is shipped$/);
    const [row] = await scene.shopQuery<{ status: string }>(
      'SELECT status FROM shop.orders WHERE id = $1',
      [refundedLater],
    );
    expect(row?.status).toBe('paid');
  });
});
