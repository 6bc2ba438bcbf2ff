import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Scene } from './restore-scene.js';

let scene: Scene;

beforeAll(async () => {
  scene = await Scene.create();
});
afterAll(() => scene.close());

describe('a restore', () => {
  it('brings wrongly cancelled orders back exactly, one canary first, and proves it', async () => {
    const orders = await scene.placePaid([2, 1, 3, 1, 2, 1, 1, 2, 1, 1, 2, 1]);
    const before = await scene.shopState();
    await scene.cancel(orders);
    const incident = await scene.incident(12);
    const { plan, runId } = await scene.started(incident.id);
    expect(plan).toMatchObject({ reopen: 12, person: 0, state: 'proposed', approvalsNeeded: 1 });

    await scene.tick();
    expect(await scene.run(runId)).toMatchObject({ stage: 0, items: { verified: 1, pending: 11 } });
    const run = await scene.runUntil(runId, 'finished', 'stopped');
    expect(run).toMatchObject({ state: 'finished', stage: 2, items: { verified: 12 } });

    expect(await scene.shopState()).toEqual(before);
    expect(new Set(Object.values(await scene.caseStates(incident.id)))).toEqual(
      new Set(['restored']),
    );
    const types = await scene.timeline(incident.id);
    expect(types.filter((type) => type === 'order-verified')).toHaveLength(12);
    expect(types).toEqual(
      expect.arrayContaining(['plan-proposed', 'plan-approved', 'run-started', 'run-finished']),
    );
  });
});
