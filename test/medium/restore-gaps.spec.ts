import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { addHistory } from '../../demo/shop/history.js';
import { CaseService } from '../../src/incidents/case.service.js';
import { PlanViewService } from '../../src/restore/plans/plan-view.service.js';
import { Scene } from './restore-scene.js';

let scene: Scene;

beforeAll(async () => {
  scene = await Scene.create();
});
afterAll(() => scene.close());

const reason = 'payment not received';

/** Cancelled in two transactions, with another order of the shop in between: that one's id. */
async function cancelInTwo(orderId: string): Promise<string> {
  await scene.inShop((tx) =>
    tx.query(
      `UPDATE shop.orders SET status = 'cancelled', cancelled_at = now(), cancel_reason = $2, version = version + 1
       WHERE id = $1`,
      [orderId, reason],
    ),
  );
  const [between] = await scene.placePaid([1]);
  await scene.inShop((tx) =>
    addHistory(tx, {
      ...{ orderId, fromStatus: 'paid', toStatus: 'cancelled', reason },
      ...{ type: 'CANCELLED', actor: { kind: 'job', name: 'unpaid-orders' } },
    }),
  );
  return between!;
}

/** The whole shop's changes were lost so many times, where the journal first tells of this order. */
async function loseAt(orderId: string, times: number): Promise<void> {
  await scene.query(
    `INSERT INTO journal_entry (shop_id, position, committed_at, recorded_at, incarnation, commit_lsn, transaction_id,
       order_id, kinds, actor_kind, attributes, row_changes)
     SELECT shop_id, position, committed_at, recorded_at, 'lost', commit_lsn, n, '', '{gap}', 'unknown', '{}', '[]'
     FROM generate_series(1, $2::int) n, (
       SELECT * FROM journal_entry WHERE order_id = $1 ORDER BY position LIMIT 1) found`,
    [orderId, times],
  );
}

it('an order that was cancelled while changes were lost goes to a person, after however many losses', async () => {
  const [whole, torn] = await scene.placePaid([1, 1]);
  await scene.cancel([whole!]);
  const [since] = await scene.placePaid([1]);
  const between = await cancelInTwo(torn!);
  const incident = await scene.incident(2, {});
  await loseAt(since!, 1_500);
  await loseAt(between, 1);
  for (const orderId of [whole!, torn!])
    await scene.get(CaseService).decideVerdict(scene.people.robin, {
      incidentId: incident,
      caseId: await scene.caseOf(incident, orderId),
      verdict: 'wrongful',
      reason: 'customers call',
    });

  const plan = await scene.propose(incident);
  const { items } = await scene.get(PlanViewService).pageOfItems(plan.id, { limit: 10 });
  const found = new Map(items.map((item) => [item.orderId, item]));
  expect(found.get(torn!)).toMatchObject({
    ...{ disposition: 'person', reason: 'evidence-missing' },
    detail: 'changes were lost at the source while the order was cancelled',
  });
  expect(found.get(whole!)).toMatchObject({ disposition: 'reopen', risks: [{ code: 'gap' }] });
});
