import type { Plan, Run } from '../../demo/story/api-types.js';
import { pause } from '../../demo/story/waiting.js';
import type { OrderRange } from '../setting/bench-shop.js';
import type { House } from '../setting/house.js';

/** The incident that has a case of each order, judged wrongful and settled; undefined until then. */
export async function incidentOf(
  house: House,
  { first, count }: OrderRange,
): Promise<string | undefined> {
  const [row] = await house.query<{ id: string }>(
    `SELECT incident_id AS id FROM incident_case
      WHERE order_id::bigint BETWEEN $1 AND $2 AND verdict = 'wrongful' AND settles_at IS NULL
      GROUP BY incident_id HAVING count(*) = $3`,
    [first, first + count - 1, count],
  );
  return row?.id;
}

/** A plan to restore the incident's orders, proposed by one person and approved by another. */
export async function planOf(house: House, incidentId: string, orders: number): Promise<Plan> {
  const responder = await house.as('responder');
  const plan = await responder.post<Plan>(`/incidents/${incidentId}/restore-plans`);
  if (plan.reopen !== orders)
    throw new Error(
      `the plan restores ${plan.reopen} of ${orders} orders: ${plan.notes.join('; ')}`,
    );
  const approver = await house.as('approver');
  const vote = { decision: 'approved', planHash: plan.hash };
  await approver.post(`/restore-plans/${plan.id}/approvals`, vote);
  return plan;
}

/** Seconds from the wish to start to the run's end with every order verified. */
export async function carryOut(house: House, plan: Plan, orders: number): Promise<number> {
  // it bleeds no more, but the product waits to be sure; whoever knows need not, and has not approved the plan
  const admin = await house.as('admin');
  const overrideBleeding = { reason: 'the job has ended' };
  const begun = performance.now();
  const { id } = await admin.post<Run>(`/restore-plans/${plan.id}/runs`, { overrideBleeding });
  // asked of its database, since who looks over the API several times a second takes a share of what is measured
  while (await isRunning(house, id)) await pause(50);
  const seconds = (performance.now() - begun) / 1000;
  const run = await admin.get<Run>(`/restore-runs/${id}`);
  if (run.state !== 'finished' || run.items['verified'] !== orders)
    throw new Error(
      `the run is ${run.state} (${run.stopReason ?? 'no reason'}): ${JSON.stringify(run.items)}`,
    );
  return seconds;
}

async function isRunning(house: House, runId: string): Promise<boolean> {
  const [row] = await house.query<{ state: string }>(
    'SELECT state FROM restore_run WHERE id = $1',
    [runId],
  );
  return row?.state === 'running';
}
