import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { IncidentService } from '../../src/incidents/incident.service.js';
import { RunbookControlService } from '../../src/runbooks/runs/run-control.service.js';
import { Scene } from './restore-scene.js';
import { RunbookScene } from './runbooks-scene.js';

let directory: string;
let scene: Scene;
let runbooks: RunbookScene;

const runbookOf = (steps: string) => `# WrongfulCancellations

## Meaning
It waits.

## Impact
None.

## Diagnosis
1. Look.

## Mitigation
1. Wait.

\`\`\`yaml runbook
${steps}
\`\`\`
`;
const question = `steps:
  - name: asked
    kind: question
    ask: Well?
    options: [yes, no]
    go_on_with: [yes]
  - name: looked
    kind: sql
    query: SELECT 1 AS one WHERE false
    expect: { rows: some }`;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'reinstate-runbooks-'));
  await writeFile(join(directory, 'WrongfulCancellations.md'), runbookOf(question));
  scene = await Scene.create({ runbooks: { directory } });
  runbooks = new RunbookScene(scene);
});
afterAll(async () => {
  await scene.close();
  await rm(directory, { recursive: true });
});

/** Samples of a metric that are not nought, as `labels value`, without the shop. */
async function told(name: string): Promise<string[]> {
  const metric = await scene.get(Registry).getSingleMetric(name)?.get();
  if (metric === undefined) throw new Error(`there is no metric ${name}`);
  return metric.values
    .filter(({ value }) => value !== 0)
    .map(({ labels, value }) =>
      [...Object.values({ ...labels, shop: '' }), value].join(' ').trim().replaceAll(/ +/g, ' '),
    )
    .sort();
}

const harmed = async (job: string) => scene.harm(await scene.placePaid([1]), job);
const name = 'WrongfulCancellations';

describe('a runbook run that does not go on', () => {
  it('is told while it waits, and pages once it stops by itself; resolving waits for its end', async () => {
    const incidentId = await harmed('job-waiting');
    const pagesBefore = await scene.pages(incidentId);
    const runId = await runbooks.start(incidentId, name);
    await runbooks.until(runId, 'answer');
    scene.clock.advance(60_000);
    expect(await told('reinstate_runbook_runs')).toEqual(['waiting answer 1']);
    const [waited] = await told('reinstate_runbook_run_waiting_seconds');
    expect(Number(waited)).toBeGreaterThanOrEqual(60);
    const queue = (await told('reinstate_queue_due')).filter((one) =>
      one.startsWith('runbook-run'),
    );
    expect(queue).toEqual([]);
    expect(await scene.pages(incidentId)).toEqual(pagesBefore);

    await runbooks.answer(runId, 'asked', 'yes');
    await runbooks.until(runId, 'stopped');
    expect(await told('reinstate_runbook_runs')).toEqual(['stopped check-failed 1']);
    expect(await told('reinstate_runbook_run_waiting_seconds')).toEqual([]);
    expect(await told('reinstate_runbook_steps_total')).toEqual([
      'question done 1',
      'sql failed 1',
    ]);
    const paged = (await scene.pages(incidentId)).slice(pagesBefore.length);
    expect(paged).toEqual([
      expect.stringMatching(/^Runbook run \d+ \(WrongfulCancellations\) of shop .* has stopped/),
    ]);

    const { robin } = scene.people;
    const resolve = () =>
      scene.get(IncidentService).resolve(robin, incidentId, { reason: 'over', override: 'a test' });
    await expect(resolve()).rejects.toMatchObject({ code: 'runbook-run-not-ended' });
    await scene.get(RunbookControlService).abort(robin, runId, 'not needed');
    await expect(resolve()).resolves.toMatchObject({ status: 'resolved' });
    expect(await told('reinstate_runbook_runs')).toEqual([]);
  });

  it('is paged to nobody where somebody stopped it by an answer', async () => {
    const incidentId = await harmed('job-answered');
    const runId = await runbooks.start(incidentId, name);
    await runbooks.until(runId, 'answer');
    const before = await scene.pages(incidentId);
    await runbooks.answer(runId, 'asked', 'no');
    expect((await runbooks.view(runId)).state).toBe('stopped');
    expect(await scene.pages(incidentId)).toEqual(before);
    expect(await told('reinstate_runbook_runs')).toEqual(['stopped answered-otherwise 1']);
    await scene.get(RunbookControlService).abort(scene.people.robin, runId, 'done with');
  });

  it('keeps no other run from going on, however many wait', async () => {
    const incidentId = await harmed('job-many');
    const first = await runbooks.start(incidentId, name);
    await runbooks.until(first, 'answer');
    // 450 runs like it, of other names and earlier ids
    await scene.asOwner(
      `WITH more AS (
         INSERT INTO reinstate.runbook_run (id, incident_id, shop_id, runbook, text, text_hash, dry_run, assumptions, state,
             started_by, started_at, acts_for, token_id)
           SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, incident_id, shop_id, 'Copy' || n, text,
             text_hash, dry_run, assumptions, state, started_by, started_at, acts_for, token_id
           FROM reinstate.runbook_run, generate_series(1, 450) AS n WHERE id = '${first}' RETURNING id)
       INSERT INTO reinstate.runbook_step (id, run_id, sequence, name, definition, state, key, waits_for, words, begun_at)
         SELECT gen_random_uuid(), more.id, sequence, name, definition, state, gen_random_uuid(), waits_for, words, begun_at
         FROM reinstate.runbook_step, more WHERE run_id = '${first}'`,
    );
    await runbooks.answer(first, 'asked', 'yes');
    await runbooks.tick();
    expect((await runbooks.view(first)).state).toBe('stopped');
    expect(await told('reinstate_runbook_runs')).toEqual([
      'stopped check-failed 1',
      'waiting answer 450',
    ]);
  });
});
