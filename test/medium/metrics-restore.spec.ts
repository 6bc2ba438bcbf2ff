import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { RunResumeService } from '../../src/restore/runs/run-resume.service.js';
import { ShopService } from '../../src/shops/shop.service.js';
import { Scene } from './restore-scene.js';

let scene: Scene;

beforeAll(async () => {
  scene = await Scene.create();
});
afterAll(() => scene.close());

/** The values of a metric's series of this shop that are not zero, by their other labels. */
async function told(name: string): Promise<Record<string, number>> {
  const text = await scene.get(Registry).metrics();
  const lines = text
    .replaceAll(`shop="${scene.shopId}",`, '')
    .replaceAll(`{shop="${scene.shopId}"}`, '{}')
    .matchAll(/^(\w+)\{(.*)\} (\S+)$/gm);
  const values = [...lines]
    .filter(([, found]) => found === name)
    .map(([, , labels = '', value]) => [labels.replaceAll('"', ''), Number(value)] as const);
  return Object.fromEntries(values.filter(([, value]) => value !== 0));
}

it('an order counts as restored once it is verified, with the time that it was cancelled', async () => {
  const orders = await scene.placePaid([1, 2]);
  const incident = await scene.harm(orders, 'job-a');
  const { runId } = await scene.started(incident);
  expect(await told('reinstate_restore_runs')).toEqual({ 'state=running,reason=': 1 });
  const [paid] = await scene.query<{ euros: number }>(
    `SELECT sum(held_minor)::float8 / 100 AS euros FROM incident_case WHERE currency = 'EUR'`,
  );
  expect(paid?.euros).toBeGreaterThan(1);
  expect(await told('reinstate_money_at_risk')).toEqual({ 'currency=EUR': paid?.euros });
  expect(await told('reinstate_money_recovered')).toEqual({});
  // the canary is due, the other one is not
  expect(await told('reinstate_queue_due')).toMatchObject({ 'step=restore-run': 1 });
  expect(await told('reinstate_time_to_restore_seconds_count')).toEqual({});
  scene.clock.advance(3_600_000);
  await scene.runUntil(runId, 'finished');
  expect(await told('reinstate_restore_runs')).toEqual({ 'state=finished,reason=': 1 });
  expect(await told('reinstate_restore_items_total')).toEqual({
    'outcome=applied,reason=': 2,
    'outcome=verified,reason=': 2,
  });
  expect(await told('reinstate_time_to_restore_seconds_count')).toEqual({ '': 2 });
  const [seconds = 0] = Object.values(await told('reinstate_time_to_restore_seconds_sum'));
  const [truth] = await scene.query<{ seconds: number }>(
    `SELECT sum(extract(epoch FROM i.verified_at - c.cancelled_at))::float8 AS seconds
     FROM restore_run_item i JOIN incident_case c ON c.id = i.case_id`,
  );
  expect(seconds).toBeGreaterThan(7_200);
  expect(seconds).toBeCloseTo(truth!.seconds, 1);
  expect(await told('reinstate_cases')).toEqual({ 'state=restored': 2 });
  expect(await told('reinstate_money_at_risk')).toEqual({});
  expect(await told('reinstate_money_recovered')).toEqual({ 'currency=EUR': paid?.euros });
  expect(await told('reinstate_replication_state')).toEqual({ 'state=streaming': 1 });
});

it('a run that stops is told with its reason until it goes on', async () => {
  const orders = await scene.placePaid([1, 1, 1]);
  const incident = await scene.harm(orders, 'job-b');
  const { runId } = await scene.started(incident);
  await scene.get(ShopService).stop(scene.people.admin, scene.shopId, 'odd totals');
  await scene.runUntil(runId, 'stopped');
  expect(await told('reinstate_restore_runs')).toEqual({
    'state=finished,reason=': 1,
    'state=stopped,reason=kill-switch': 1,
  });
  expect(await told('reinstate_restore_run_stops_total')).toEqual({ 'reason=kill-switch': 1 });
  await scene.get(ShopService).resume(scene.people.admin, scene.shopId);
  await scene.get(RunResumeService).resume(scene.people.robin, {
    ...{ runId, override: null, failedToo: false },
  });
  await scene.runUntil(runId, 'finished');
  expect(await told('reinstate_restore_runs')).toEqual({ 'state=finished,reason=': 2 });
});
