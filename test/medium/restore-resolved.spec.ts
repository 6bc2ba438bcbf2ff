import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IncidentService } from '../../src/incidents/incident.service.js';
import { PlanScriptService } from '../../src/restore/plans/plan-script.service.js';
import { PlanViewService } from '../../src/restore/plans/plan-view.service.js';
import { RunControlService } from '../../src/restore/runs/run-control.service.js';
import { RunResumeService } from '../../src/restore/runs/run-resume.service.js';
import { UndoService } from '../../src/restore/runs/undo.service.js';
import type { RestoreOutcome } from '../../src/shops/shop-adapter.js';
import { ShopRegistry } from '../../src/shops/shop-registry.js';
import { withClient } from '../support/postgres.js';
import { Scene } from './restore-scene.js';

let scene: Scene;
let jobs = 0;

beforeAll(async () => {
  scene = await Scene.create();
});
afterAll(() => scene.close());

const code = (value: string) => expect.objectContaining({ code: value }) as unknown;

async function harm(count: number): Promise<{ incident: string; orders: string[] }> {
  const orders = await scene.placePaid(Array<number>(count).fill(1));
  return { orders, incident: await scene.harm(orders, `job-${(jobs += 1)}`) };
}

const resolve = (incident: string) =>
  scene.get(IncidentService).resolve(scene.people.robin, incident, { reason: 'x', override: 'x' });
const reopen = (incident: string) =>
  scene.get(IncidentService).reopen(scene.people.robin, incident, 'not over');
const resume = (runId: string, failedToo = false) =>
  scene.get(RunResumeService).resume(scene.people.robin, { runId, failedToo, override: null });
const control = () => scene.get(RunControlService);
const status = async (incident: string) => (await scene.get(IncidentService).get(incident)).status;

/** The shop does this instead of restoring, for one batch. */
async function answering(outcome: RestoreOutcome): Promise<void> {
  const { adapter } = scene.get(ShopRegistry).get(scene.shopId);
  const restore = adapter.restore.bind(adapter);
  adapter.restore = () => Promise.resolve(outcome);
  try {
    await scene.runners();
  } finally {
    adapter.restore = restore;
  }
}

/** Both wait for the incident's row, the first one before the second; then it is let go. Gives their ends. */
async function racing(
  incident: string,
  first: () => Promise<unknown>,
  second: () => Promise<unknown>,
): Promise<[PromiseSettledResult<unknown>, PromiseSettledResult<unknown>]> {
  return withClient(scene.reinstate.settings.url, async (client) => {
    const waiting = async (count: number) => {
      const { rows } = await client.query<{ pid: number }>(
        `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return rows.length === count;
    };
    await client.query('BEGIN');
    await client.query('SELECT FROM reinstate.incident WHERE id = $1 FOR UPDATE', [incident]);
    const begun: Promise<unknown>[] = [];
    for (const [index, begin] of [first, second].entries()) {
      const deed = begin();
      deed.catch(() => undefined);
      begun.push(deed);
      await scene.until(`${index + 1} to wait`, () => waiting(index + 1));
    }
    await client.query('COMMIT');
    const [one, two] = await Promise.allSettled(begun);
    return [one!, two!];
  });
}

describe('a resolved incident', () => {
  it('has no run started, no script given and no plan proposed until it is reopened', async () => {
    const { incident, orders } = await harm(2);
    const plan = await scene.propose(incident);
    await scene.approve(plan);
    await resolve(incident);
    await expect(scene.start(plan)).rejects.toMatchObject({
      code: 'incident-resolved',
      message: expect.stringMatching(/^incident \d+ is resolved; reopen it first$/) as unknown,
    });
    const script = { planId: plan.id, override: null };
    await expect(scene.get(PlanScriptService).give(scene.people.kim, script)).rejects.toEqual(
      code('incident-resolved'),
    );
    await expect(scene.propose(incident)).rejects.toEqual(code('incident-resolved'));
    expect(await scene.words(incident, 'restore-refused')).toHaveLength(2);
    expect(await scene.writes(orders)).toEqual([0, 0]);

    await reopen(incident);
    await scene.follow();
    await scene.runUntil(await scene.start(plan), 'finished');
    expect(await scene.writes(orders)).toEqual([1, 1]);
  });

  it('has no run resumed or retried', async () => {
    const { incident, orders } = await harm(3);
    const { runId } = await scene.started(incident);
    await answering({ outcome: 'failed', reason: 'invariant-broken', retry: false, detail: 'x' });
    await scene.runUntil(runId, 'stopped');
    await resolve(incident);
    await expect(resume(runId)).rejects.toEqual(code('incident-resolved'));
    await expect(resume(runId, true)).rejects.toEqual(code('incident-resolved'));
    await scene.tick();
    expect(await scene.run(runId)).toMatchObject({ state: 'stopped' });
    expect(await scene.writes(orders)).toEqual([0, 0, 0]);

    await reopen(incident);
    await resume(runId, true);
    await scene.runUntil(runId, 'finished');
    expect(await scene.writes(orders)).toEqual([1, 1, 1]);
  });

  it('has no restore taken back: neither is an undo proposed, nor an approved one started', async () => {
    const { incident, orders } = await harm(1);
    const { runId } = await scene.started(incident);
    await scene.runUntil(runId, 'finished');
    const undo = () => scene.get(UndoService).propose(scene.people.robin, runId);
    const plan = await scene.get(PlanViewService).view(await undo());
    await scene.approve(plan);
    await resolve(incident);
    await expect(scene.start(plan)).rejects.toEqual(code('incident-resolved'));
    await expect(undo()).rejects.toEqual(code('incident-resolved'));
    expect(await scene.writes(orders)).toEqual([1]);

    await reopen(incident);
    await scene.runUntil(await scene.start(plan), 'finished');
    expect(await scene.writes(orders)).toEqual([2]);
    expect(await scene.caseStates(incident)).toEqual({ [orders[0]!]: 'open' });
  });
});

describe('an incident is not resolved', () => {
  it('while a run of it is running or paused; it is once that was stopped', async () => {
    const { incident } = await harm(2);
    const { plan, runId } = await scene.started(incident);
    await expect(resolve(incident)).rejects.toMatchObject({
      code: 'run-not-ended',
      message: `restore run ${runId} of plan ${plan.number} is running; wait for its end, or stop it`,
    });
    await control().pause(scene.people.robin, runId, null);
    await expect(resolve(incident)).rejects.toThrow('is paused; resume it and wait for its end');
    expect(await status(incident)).toBe('open');
    await control().stop(scene.people.robin, runId, 'enough');
    await resolve(incident);
    expect(await status(incident)).toBe('resolved');
  });

  it('while an undo that was stopped has an order of which nobody knows what became', async () => {
    const { incident } = await harm(1);
    const { runId } = await scene.started(incident);
    await scene.runUntil(runId, 'finished');
    const undoId = await scene.get(UndoService).propose(scene.people.robin, runId);
    const undo = await scene.get(PlanViewService).view(undoId);
    await scene.approve(undo);
    const undoRun = await scene.start(undo);
    await answering({ outcome: 'unknown', transactionId: 5, incarnation: '1/1', detail: 'lost' });
    // its case is still `restored`: only the run knows
    await control().stop(scene.people.robin, undoRun, 'enough');
    await expect(resolve(incident)).rejects.toMatchObject({
      code: 'run-not-ended',
      message: expect.stringContaining('settle those whose outcome stays unknown') as unknown,
    });
    await scene.query(
      `UPDATE restore_run_item SET state = 'failed', reason = 'outcome-unknown' WHERE run_id = $1`,
      [undoRun],
    );
    await resolve(incident);
  });
});

describe('of a start and a resolution at once', () => {
  it('the start is refused where the resolution is first', async () => {
    const { incident, orders } = await harm(1);
    const plan = await scene.propose(incident);
    await scene.approve(plan);
    const [resolved, started] = await racing(
      incident,
      () => resolve(incident),
      () => scene.start(plan),
    );
    expect(resolved.status).toBe('fulfilled');
    expect(started).toMatchObject({ reason: code('incident-resolved') });
    await scene.tick();
    expect(await scene.query('SELECT FROM restore_run WHERE plan_id = $1', [plan.id])).toEqual([]);
    expect(await scene.writes(orders)).toEqual([0]);
  });

  it('the resolution is refused where the start is first', async () => {
    const { incident } = await harm(1);
    const plan = await scene.propose(incident);
    await scene.approve(plan);
    const [started, resolved] = await racing(
      incident,
      () => scene.start(plan),
      () => resolve(incident),
    );
    expect(started.status).toBe('fulfilled');
    expect(resolved).toMatchObject({ reason: code('run-not-ended') });
    expect(await status(incident)).toBe('open');
    const run = (started as PromiseFulfilledResult<string>).value;
    await scene.runUntil(run, 'finished');
  });

  it('a run that is to go on stays stopped where the resolution is first', async () => {
    const { incident, orders } = await harm(1);
    const { runId } = await scene.started(incident);
    await control().stop(scene.people.robin, runId, 'enough');
    const [resolved, resumed] = await racing(
      incident,
      () => resolve(incident),
      () => resume(runId),
    );
    expect(resolved.status).toBe('fulfilled');
    expect(resumed).toMatchObject({ reason: code('incident-resolved') });
    await scene.tick();
    expect(await scene.run(runId)).toMatchObject({ state: 'stopped' });
    expect(await scene.writes(orders)).toEqual([0]);
  });

  it('a plan is not proposed where the resolution is first', async () => {
    const { incident } = await harm(1);
    const [resolved, proposed] = await racing(
      incident,
      () => resolve(incident),
      () => scene.propose(incident),
    );
    expect(resolved.status).toBe('fulfilled');
    expect(proposed).toMatchObject({ reason: code('incident-resolved') });
    expect(Object.values(await scene.caseStates(incident))).toEqual(['closed']);
  });
});
