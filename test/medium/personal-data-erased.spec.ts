import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { OrderService } from '../../src/incidents/order.service.js';
import { PersonalErasureService } from '../../src/journal/personal-erasure.service.js';
import { PlanViewService } from '../../src/restore/plans/plan-view.service.js';
import { Scene } from './restore-scene.js';

let scene: Scene;
beforeAll(async () => {
  scene = await Scene.create();
});
afterAll(() => scene.close());

async function forget(orderId: string): Promise<void> {
  const [order] = await scene.shopQuery<{ customer: string }>(
    'SELECT customer_id::text AS customer FROM shop.orders WHERE id = $1',
    [orderId],
  );
  const subject = { shopId: scene.shopId, kind: 'customer', id: order!.customer } as const;
  await scene.get(PersonalErasureService).erase(scene.people.admin, subject, 'request 1');
}

async function shown(orderId: string): Promise<unknown[]> {
  const query = { limit: 50, by: 'id' } as const;
  const page = await scene.get(OrderService).journalOf(scene.shopId, orderId, query);
  return page.items.flatMap(({ rowChanges }) =>
    rowChanges.flatMap(({ before, after }) => [before?.['ship_name'], after?.['ship_name']]),
  );
}

it('an order of somebody who was erased goes to a person where that matters, and stops no other', async () => {
  const [before, after, other] = (await scene.placePaid([1, 2, 1])) as [string, string, string];
  await scene.journalled();
  await forget(before);
  const incident = await scene.harm([before, after, other], 'erasing');
  await forget(after);

  const plan = await scene.propose(incident);
  const { items } = await scene.get(PlanViewService).pageOfItems(plan.id, { limit: 50 });
  const dispositions = new Map(items.map((item) => [item.orderId, item]));
  expect(dispositions.get(before)).toMatchObject({
    disposition: 'person',
    reason: 'evidence-missing',
    detail: expect.stringContaining('personal values of this order were erased'),
  });
  // cancelling touched none of the personal columns
  expect(dispositions.get(after)).toMatchObject({ disposition: 'reopen' });
  expect(dispositions.get(other)).toMatchObject({ disposition: 'reopen' });

  expect(await shown(before)).toContain('(erased)');
  expect(await shown(before)).not.toContain('(personal)');
  expect(await shown(after)).toContain('(erased)');
  expect(await shown(other)).toContain('(personal)');

  await scene.approve(plan);
  const run = await scene.runUntil(await scene.start(plan), 'finished', 'stopped');
  expect(run).toMatchObject({ state: 'finished', items: { verified: 2 } });
});
