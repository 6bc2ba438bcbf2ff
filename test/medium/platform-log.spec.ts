import { Logger } from '@nestjs/common';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createLog, NestLog } from '../../src/platform/telemetry/logger.js';
import { LogLines } from '../support/log-lines.js';
import { Scene } from './restore-scene.js';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const lines = new LogLines();
let scene: Scene;
beforeAll(async () => {
  scene = await Scene.create();
  Logger.overrideLogger(new NestLog(createLog('debug', lines)));
});
afterAll(() => scene.close());

/** The shop's own job leaves its trace in the transaction that cancels. */
async function cancelTraced(orderId: string): Promise<void> {
  await scene.inShop(async (tx) => {
    await tx.query(
      `SELECT pg_logical_emit_message(true, 'traceparent', '00-${traceId}-00f067aa0ba902b7-01')`,
    );
    await tx.query(
      `UPDATE shop.orders SET status = 'cancelled', cancelled_at = now(), version = version + 1 WHERE id = $1`,
      [orderId],
    );
  });
}

it('tells an incident from its first order to the last read back, each id in its field', async () => {
  const [traced, other] = (await scene.placePaid([1, 2])) as [string, string];
  await cancelTraced(traced);
  const incidentId = await scene.harm([other], 'logging');
  const { plan, runId } = await scene.started(incidentId);
  await scene.runUntil(runId, 'finished', 'stopped');

  const about = { shop: scene.shopId, incident_id: incidentId };
  const of = (event: string) =>
    lines.of(event).filter((line) => line['incident_id'] === incidentId);
  expect(of('incident-declared')).toMatchObject([about]);
  expect(of('case-added')).toMatchObject([{ ...about, order_id: other, verdict: 'wrongful' }]);
  expect(of('plan-proposed')).toMatchObject([{ restore_plan_id: plan.id, reopen: 1, person: 0 }]);
  expect(of('plan-approved')).toMatchObject([
    { ...about, restore_plan_id: plan.id, person_id: scene.people.alex.personId },
  ]);
  const run = { ...about, restore_run_id: runId };
  expect(of('run-started')).toMatchObject([{ ...run, restore_plan_id: plan.id, orders: 1 }]);
  expect(of('order-restored')).toMatchObject([{ ...run, order_id: other, level: 'info' }]);
  expect(of('order-verified')).toMatchObject([{ ...run, order_id: other }]);
  expect(of('run-finished')).toMatchObject([run]);
});

it('gives a case’s lines the trace that the shop left where it cancelled the order', async () => {
  const [traced] = (await scene.placePaid([1])) as [string];
  await cancelTraced(traced);
  const incidentId = await scene.incident(2, { actorKind: 'unknown' });
  const added = lines.of('case-added').filter((line) => line['incident_id'] === incidentId);
  expect(added.find((line) => line['order_id'] === traced)).toMatchObject({
    trace_id: traceId,
    case_id: expect.any(String),
  });
});

it('holds nothing personal', async () => {
  const people = await scene.shopQuery<{ name: string; email: string }>(
    'SELECT DISTINCT ship_name AS name, contact_email AS email FROM shop.orders',
  );
  expect(people.length).toBeGreaterThan(0);
  expect(lines.all.length).toBeGreaterThan(10);
  for (const { name, email } of people) {
    expect(lines.raw).not.toContain(email);
    expect(lines.raw).not.toMatch(new RegExp(`\\b${name}\\b`));
  }
});
