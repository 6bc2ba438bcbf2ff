import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createReinstateCredentials, createShopDatabase } from '../../demo/shop/database.js';
import { runCli } from '../../src/cli/run-cli.js';
import { configSchema } from '../../src/config/config.schema.js';
import { ManualClock } from '../../src/platform/clock.js';
import type { HttpCaller } from '../support/http-caller.js';
import { testServerUrl, withClient } from '../support/postgres.js';
import { startTestService, testStart, type TestService } from '../support/service.js';

const shopName = `shop_${randomBytes(5).toString('hex')}`;
let service: TestService<ManualClock>;
let directory: string;
let incident: string;
let robin: { secret: string; http: HttpCaller };
let viewer: HttpCaller;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'reinstate-runbooks-'));
  const { replicate, read } = await createReinstateCredentials(
    await createShopDatabase(testServerUrl('postgres'), shopName),
  );
  const { shops } = configSchema.parse({
    shops: [{ id: 'main', name: 'Main', profile: 'sample-shop', postgres: { replicate, read } }],
  });
  service = await startTestService({ clock: new ManualClock(testStart), settings: { shops } });
  robin = await service.newcomer({ name: 'Robin', role: 'responder' });
  viewer = (await service.newcomer({ name: 'Vic', role: 'viewer' })).http;
  const declared = await robin.http.post('/api/v1/incidents', {
    ...{ shop: 'main', since: '2026-11-22T02:00:00Z', reason: 'customers call' },
  });
  incident = String(declared.body['id']);
});
afterAll(async () => {
  await service.stop();
  await rm(directory, { recursive: true, force: true });
  await withClient(testServerUrl('postgres'), (client) =>
    client.query(`DROP DATABASE ${shopName} WITH (FORCE)`),
  );
});

/** A command line as somebody types it; its words are separated by spaces. */
async function cli(line: string): Promise<{ code: number; out: string; err: string }> {
  const said = { out: '', err: '' };
  const code = await runCli(line.split(' '), {
    environment: { url: service.url, token: robin.secret, attachUrl: undefined },
    version: '0.0.0',
    write: (text) => void (said.out += text),
    writeError: (text) => void (said.err += text),
    signal: new AbortController().signal,
  });
  return { code, ...said };
}

/** Waits until the run asks a question. */
async function asked(runId: string, step: string): Promise<void> {
  const giveUpAt = Date.now() + 45_000;
  for (;;) {
    const { body } = await viewer.get(`/api/v1/runbook-runs/${runId}`);
    if (body['step'] === step && body['waitsFor'] === 'answer') return;
    if (Date.now() > giveUpAt) throw new Error(`it never asked: ${JSON.stringify(body)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('runbooks by the command line and over HTTP', () => {
  it('are listed, shown and linted', async () => {
    const { out } = await cli('runbook list');
    expect(out).toMatch(/WrongfulCancellations +database-answers, who-cancelled/);
    expect((await cli('runbook show WrongfulCancellations')).out).toContain('## Mitigation');
    expect(await cli('runbook show Nobodys')).toMatchObject({
      code: 1,
      err: expect.stringContaining('runbook-unknown') as unknown,
    });
    expect(await cli('runbook lint runbooks/WrongfulCancellations.md')).toEqual({
      ...{ code: 0, out: 'No faults.\n', err: '' },
    });
    const file = join(directory, 'Bad.md');
    await writeFile(
      file,
      '# Other\n```yaml runbook\nsteps:\n  - { name: a, kind: sql, query: DROP }\n```\n',
    );
    const { code, out: faults } = await cli(`runbook lint ${file}`);
    expect(code).toBe(1);
    expect(faults.split('\n')).toEqual([
      `${file}:1: it begins with "# Bad", the alert's name`,
      ...['Meaning', 'Impact', 'Diagnosis', 'Mitigation'].map(
        (one) => `${file}:1: the section "## ${one}" is missing`,
      ),
      `${file}:4: steps[0].query a check is a SELECT (or WITH ... SELECT, VALUES, TABLE), not DROP`,
      '',
    ]);
  });

  it('are run: dry, answered, paused, resumed and aborted', async () => {
    const dry = await cli('runbook-run start 1 WrongfulCancellations --dry-run --json');
    expect(JSON.parse(dry.out)).toMatchObject({ number: 1, dryRun: true, state: 'running' });
    const path = `/api/v1/incidents/${incident}/runbook-runs`;
    const start = { runbook: 'WrongfulCancellations' };
    expect((await viewer.post(path, start)).status).toBe(403);
    expect((await robin.http.post(path, { runbook: '../package' })).status).toBe(400);
    const key = { headers: { 'idempotency-key': 'once' } };
    const begun = await robin.http.post(path, start, key);
    expect((await robin.http.post(path, start, key)).body['id']).toBe(begun.body['id']);
    expect((await robin.http.post(path, start)).body).toMatchObject({
      ...{ status: 409, code: 'runbook-run-open' },
    });
    await asked(String(begun.body['id']), 'meant');
    const answered = await cli('runbook-run answer 2 meant no --reason looked');
    expect(answered).toMatchObject({ code: 0, err: '' });
    await asked(String(begun.body['id']), 'cause-stopped');
    expect((await cli('runbook-run pause 2')).out).toMatch(/state +paused/);
    expect(await cli('runbook-run answer 2 cause-stopped yes')).toMatchObject({ code: 1 });
    expect((await cli('runbook-run resume 2 --from meant')).out).toMatch(/state +running/);
    await asked(String(begun.body['id']), 'meant');
    expect((await cli('runbook-run abort #2 --reason drill')).out).toMatch(/state +aborted/);
    expect((await cli('runbook-run list 1')).out).toMatch(
      /2 +WrongfulCancellations +its steps +aborted/,
    );
    expect((await cli('runbook-run show 2')).out).toMatch(/meant +question +begun/);
    expect((await cli('incident timeline 1')).out).toMatch(/Robin +runbook run aborted .*drill/);
    expect(await cli('runbook-run show 7')).toMatchObject({ code: 1 });
    expect((await viewer.get(`/api/v1/runbook-runs/${incident}`)).body).toMatchObject({
      ...{ status: 404, code: 'runbook-run-unknown' },
    });
  });
});
