import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RunbookControlService } from '../../src/runbooks/runs/run-control.service.js';
import { Scene } from './restore-scene.js';
import { RunbookScene } from './runbooks-scene.js';

let scene: Scene;
let runbooks: RunbookScene;

beforeAll(async () => {
  scene = await Scene.create();
  runbooks = new RunbookScene(scene);
});
afterAll(() => scene.close());

const name = 'WrongfulCancellations';

describe('the runbook of wrongful cancellations', () => {
  it('goes from the check of the system to orders that are as they were', async () => {
    const orders = await scene.placePaid([1, 2, 3]);
    const before = await scene.shopQuery('SELECT * FROM shop.order_line ORDER BY id');
    const incidentId = await scene.harm(orders, 'job-whole');
    const runId = await runbooks.start(incidentId, name);

    expect(await runbooks.until(runId, 'answer')).toMatchObject({
      step: 'meant',
      state: 'running',
    });
    await runbooks.answer(runId, 'meant', 'no');
    await expect(runbooks.answer(runId, 'cause-stopped', 'perhaps')).rejects.toMatchObject({
      code: 'not-an-option',
    });
    await runbooks.answer(runId, 'cause-stopped', 'yes', { reason: 'job switched off' });

    // nothing is written to the shop before somebody else has approved
    const asked = await runbooks.until(runId, 'approval');
    expect(await scene.writes(orders)).toEqual([0, 0, 0]);
    const { planHash = '' } = asked.steps.find((step) => step.name === 'plan')!.result!;
    const { robin, alex, bot } = scene.people;
    const vote = (caller: typeof alex, hash = planHash) =>
      runbooks.answer(runId, 'approval', 'approved', { caller, planHash: hash });
    await expect(vote(robin)).rejects.toMatchObject({ code: 'role-too-low' });
    await expect(vote(bot)).rejects.toMatchObject({ code: 'services-cannot-approve' });
    await expect(vote(alex, '0'.repeat(64))).rejects.toMatchObject({ code: 'hash-changed' });
    await vote(alex);

    expect(await runbooks.until(runId, 'finished', 'stopped')).toMatchObject({ state: 'finished' });
    expect(await scene.writes(orders)).toEqual([1, 1, 1]);
    expect(await scene.shopQuery('SELECT * FROM shop.order_line ORDER BY id')).toEqual(before);
    expect(
      await scene.shopQuery(`SELECT DISTINCT status FROM shop.orders WHERE id = ANY($1)`, [orders]),
    ).toEqual([{ status: 'paid' }]);
    const told = await runbooks.told(incidentId);
    expect(
      told.map(({ type, data }) => `${type} ${'step' in data ? data.step : ''}`.trim()),
    ).toEqual([
      'runbook-run-started',
      'runbook-step-done database-answers',
      'runbook-step-done who-cancelled',
      'runbook-step-skipped who-cancelled-vendure',
      'runbook-step-skipped who-cancelled-medusa',
      'runbook-step-done money-held',
      'runbook-step-skipped money-held-vendure',
      'runbook-step-skipped money-held-medusa',
      'runbook-step-done meant',
      'runbook-step-done cause-stopped',
      'runbook-step-done harm-over',
      'runbook-step-done plan',
      'runbook-step-done approval',
      'runbook-step-done restore',
      'runbook-step-done verify',
      'runbook-run-finished',
    ]);
    const dataOf = (step: string) => told.find(({ data }) => 'step' in data && data.step === step)!;
    expect(dataOf('who-cancelled').data).toMatchObject({
      evidence: { rows: [{ actor_kind: 'job', actor: 'job-whole', orders: '3' }] },
    });
    expect(dataOf('cause-stopped')).toMatchObject({
      person: 'Robin',
      data: { evidence: { facts: { answer: 'yes', reason: 'job switched off' } } },
    });
    expect(dataOf('approval').data).toMatchObject({ words: 'plan 1 approved by Alex' });
    expect(dataOf('verify').data).toMatchObject({ words: 'all 3 order(s) verified' });
    // what the restore did stands on the same timeline
    expect(await scene.timeline(incidentId)).toEqual(
      expect.arrayContaining(['plan-proposed', 'plan-approved', 'run-started', 'run-finished']),
    );
  });

  it('is gone through dry without writing, posting, proposing or waiting for anybody', async () => {
    const orders = await scene.placePaid([1, 1]);
    const incidentId = await scene.harm(orders, 'job-dry');
    const plans = await scene.query('SELECT id FROM restore_plan');
    const dryRun = async () => {
      const runId = await runbooks.start(incidentId, name, { assumptions: { meant: 'yes' } });
      await runbooks.tick();
      return runbooks.view(runId);
    };
    let run = await dryRun();
    // others write to the shop's server, and the journal may be behind for the moment of one look
    const isBehind = () =>
      run.steps.some(({ words }) => words?.startsWith('would wait: the journal'));
    await scene.until('the journal to keep up', async () => {
      if (isBehind()) run = await dryRun();
      return !isBehind();
    });
    expect(run).toMatchObject({ state: 'finished', dryRun: true, assumptions: { meant: 'yes' } });
    const words = Object.fromEntries(run.steps.map((step) => [step.name, step.words]));
    expect(words).toMatchObject({
      meant: expect.stringContaining('assumed: "yes", with which the run would stop') as unknown,
      'cause-stopped': expect.stringContaining('assumed: "yes"') as unknown,
      'harm-over': 'matching cancellations have stopped',
      plan: 'would propose to set back 2 order(s) and leave 0 to a person',
      restore: expect.stringMatching(/^would run/) as unknown,
      verify: expect.stringMatching(/^would hold/) as unknown,
    });
    expect(await scene.query('SELECT id FROM restore_plan')).toEqual(plans);
    expect(await scene.writes(orders)).toEqual([0, 0]);
    const told = await runbooks.told(incidentId);
    expect(told.length).toBeGreaterThan(10);
    expect(told.every(({ data }) => 'dryRun' in data && data.dryRun)).toBe(true);
    await expect(
      runbooks.start(incidentId, name, { assumptions: { meant: 'perhaps', nobody: 'x' } }),
    ).rejects.toMatchObject({ code: 'assumption-missing', details: { fields: [{}, {}] } });
  });

  it('is paused, resumed for somebody else, stopped by an answer, taken up from an earlier step, and aborted', async () => {
    const incidentId = await scene.harm(await scene.placePaid([1]), 'job-control');
    const control = scene.get(RunbookControlService);
    const { robin, kim } = scene.people;
    const runId = await runbooks.start(incidentId, name);
    await expect(runbooks.start(incidentId, name)).rejects.toMatchObject({
      code: 'runbook-run-open',
    });
    await control.pause(robin, runId, 'lunch');
    await runbooks.tick();
    expect(await runbooks.states(runId)).toMatchObject({ 'database-answers': 'pending' });
    await expect(control.pause(robin, runId, null)).rejects.toMatchObject({
      code: 'transition-refused',
    });
    await control.resume(kim, runId, null);
    expect(await runbooks.until(runId, 'answer')).toMatchObject({
      actsFor: 'Kim',
      startedBy: 'Robin',
    });

    await runbooks.answer(runId, 'meant', 'yes');
    expect(await runbooks.view(runId)).toMatchObject({
      ...{ state: 'stopped', step: 'meant', words: 'answered with "yes"' },
    });
    await expect(runbooks.answer(runId, 'meant', 'no')).rejects.toMatchObject({
      code: 'not-asked',
    });
    await expect(control.resume(kim, runId, 'verify')).rejects.toMatchObject({
      code: 'step-unknown',
    });
    await control.resume(kim, runId, 'who-cancelled');
    expect(await runbooks.states(runId)).toMatchObject({
      ...{ 'database-answers': 'done', 'who-cancelled': 'pending', meant: 'pending' },
    });
    await runbooks.until(runId, 'answer');
    await runbooks.revoke(kim);
    await expect(runbooks.answer(runId, 'meant', 'no')).resolves.toBeUndefined();
    expect(await runbooks.view(runId)).toMatchObject({ state: 'stopped' });
    const stops = (await runbooks.told(incidentId)).filter(
      ({ type }) => type === 'runbook-run-stopped',
    );
    expect(stops.at(-1)!.data).toMatchObject({
      words: expect.stringMatching(/^Kim, for whom it runs/) as unknown,
    });
    await control.abort(robin, runId, 'done by hand');
    await expect(control.resume(robin, runId, null)).rejects.toMatchObject({
      code: 'transition-refused',
    });
    expect(await runbooks.start(incidentId, name)).not.toBe(runId);
  });
});
