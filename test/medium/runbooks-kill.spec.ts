import { randomBytes } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Test, type TestingModule } from '@nestjs/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createReinstateCredentials, createShopDatabase } from '../../demo/shop/database.js';
import { AccessService } from '../../src/access/access.service.js';
import type { Caller } from '../../src/access/caller.js';
import { AppModule } from '../../src/app.module.js';
import { configSchema } from '../../src/config/config.schema.js';
import { DeclarationService } from '../../src/incidents/declaration.service.js';
import { ServiceKey } from '../../src/journal/personal-data.js';
import { SystemClock } from '../../src/platform/clock.js';
import { AnswerService } from '../../src/runbooks/runs/answer.service.js';
import { RunbookStartService } from '../../src/runbooks/runs/run-start.service.js';
import { RunbookRunViewService } from '../../src/runbooks/runs/run-view.service.js';
import {
  createReinstateDatabase,
  testServerUrl,
  withClient,
  type ReinstateTestDatabase,
} from '../support/postgres.js';
import { startServiceProcess, type ServiceProcess } from '../support/service-process.js';
import { Scene } from './restore-scene.js';
import { RunbookScene } from './runbooks-scene.js';

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const giveUpAt = Date.now() + 50_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > giveUpAt) throw new Error(`waited in vain for ${what}`);
    await pause(50);
  }
}

describe('a run whose service is killed', () => {
  const key = Buffer.alloc(32, 3);
  const shopName = `shop_${randomBytes(5).toString('hex')}`;
  let reinstate: ReinstateTestDatabase;
  let directory: string;
  let module: TestingModule;
  let admin: Caller;
  let service: ServiceProcess | undefined;
  let server: Server;
  let given: Record<string, unknown>;
  /** requests that wait for their answer */
  const held: { path: string; delivery: unknown; response: ServerResponse }[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      request.resume();
      const delivery = request.headers['reinstate-delivery'];
      held.push({ path: request.url ?? '', delivery, response });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    directory = await mkdtemp(join(tmpdir(), 'reinstate-kill-'));
    reinstate = await createReinstateDatabase();
    const shop = await createShopDatabase(testServerUrl('postgres'), shopName);
    const { replicate, read } = await createReinstateCredentials(shop);
    given = {
      http: { port: 0 },
      data_directory: directory,
      encryption_key: key.toString('base64'),
      database: { url: reinstate.settings.url, runtime_url: reinstate.settings.runtimeUrl },
      shops: [
        {
          id: 'far',
          name: 'Far',
          profile: 'sample-shop',
          postgres: { replicate, read },
        },
      ],
      runbooks: { directory, allowed_hosts: [host] },
    };
    await writeFile(
      join(directory, 'Killed.md'),
      `# Killed\n## Meaning\na\n## Impact\nb\n## Diagnosis\nc\n## Mitigation\nd\n\`\`\`yaml runbook
steps:
  - { name: look, kind: http, url: "http://${host}/look", timeout: 30s }
  - { name: ask, kind: question, ask: "go on?", options: [yes, no] }
  - { name: tell, kind: webhook, url: "http://${host}/tell", timeout: 30s }
\`\`\`\n`,
    );
    module = await Test.createTestingModule({
      imports: [
        AppModule.with({
          ...{ config: configSchema.parse(given), configDirectory: directory },
          ...{ runbooksDirectory: 'runbooks', clock: new SystemClock() },
          ...{ database: reinstate.database, serviceKey: new ServiceKey(key) },
        }),
      ],
    }).compile();
    const access = module.get(AccessService, { strict: false });
    admin = (await access.authenticate((await access.ensureFirstAdmin())!.secret))!;
  });
  afterEach(() => service?.kill());
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await module.close();
    await reinstate.drop();
    await withClient(testServerUrl('postgres'), (client) =>
      client.query(`DROP DATABASE ${shopName} WITH (FORCE)`),
    );
    await rm(directory, { recursive: true, force: true });
  });

  const requestOf = (path: string) =>
    until(`a request of ${path}`, () => Promise.resolve(held.find((one) => one.path === path)));

  it('goes on where it was, with each effect and each evidence once', async () => {
    const incidentId = await module.get(DeclarationService, { strict: false }).declare(admin, {
      ...{ shopId: 'far', since: new Date(Date.now() - 60_000), until: null, filter: {} },
      ...{ reason: 'a test', severity: null },
    });
    const runId = await module.get(RunbookStartService, { strict: false }).start(admin, {
      ...{ incidentId, runbook: 'Killed', dryRun: false, assumptions: {} },
    });
    const view = () => module.get(RunbookRunViewService, { strict: false }).view(runId);
    const restart = async () => {
      await service?.kill();
      held.length = 0;
      service = await startServiceProcess({ directory, config: given });
    };

    await restart();
    await requestOf('/look');
    // killed while it asks
    await restart();
    (await requestOf('/look')).response.end('up');
    await until('the question', async () =>
      (await view()).waitsFor === 'answer' ? true : undefined,
    );
    // killed while it waits for a person, who answers meanwhile
    await service?.kill();
    await module.get(AnswerService, { strict: false }).answer(admin, runId, {
      ...{ step: 'ask', answer: 'yes', planHash: null, reason: null },
    });
    await restart();
    const { delivery } = await requestOf('/tell');
    // killed after the receiver has got it, and before the answer
    await restart();
    const second = await requestOf('/tell');
    expect(second.delivery).toBe(delivery);
    second.response.writeHead(204).end();
    await until('the end', async () => ((await view()).state === 'finished' ? true : undefined));

    const told = await reinstate.database.query<{ type: string; step: string | null }>(
      `SELECT type, data->>'step' AS step FROM timeline_entry
       WHERE incident_id = $1 AND type LIKE 'runbook-%' ORDER BY position`,
      [incidentId],
    );
    expect(told.map(({ type, step }) => (step === null ? type : `${type} ${step}`))).toEqual([
      'runbook-run-started',
      ...['look', 'ask', 'tell'].flatMap((step) => [
        `runbook-step-begun ${step}`,
        `runbook-step-done ${step}`,
      ]),
      'runbook-run-finished',
    ]);
  });
});

describe('a step whose end was not written down', () => {
  let scene: Scene;
  let runbooks: RunbookScene;
  beforeAll(async () => {
    scene = await Scene.create();
    runbooks = new RunbookScene(scene);
  });
  afterAll(() => scene.close());

  /** As `kill -9` leaves it that comes between the service's commit and the step's. */
  const forgotten = (runId: string, name: string) =>
    scene.query(
      `UPDATE runbook_step SET state = 'begun', ended_at = NULL, words = NULL, evidence = NULL, result = NULL
       WHERE run_id = $1 AND name = $2`,
      [runId, name],
    );

  it('finds its plan and its restore run, and makes no second ones', async () => {
    const orders = await scene.placePaid([1, 2]);
    const incidentId = await scene.harm(orders, 'job-forgotten');
    const runId = await runbooks.start(incidentId, 'WrongfulCancellations');
    await runbooks.until(runId, 'answer');
    await runbooks.answer(runId, 'meant', 'no');
    await runbooks.answer(runId, 'cause-stopped', 'yes');
    const asked = await runbooks.until(runId, 'approval');
    const planned = asked.steps.find(({ name }) => name === 'plan')!;

    await forgotten(runId, 'plan');
    await scene.query(
      `UPDATE runbook_step SET state = 'pending', begun_at = NULL, waits_for = NULL WHERE run_id = $1 AND name = 'approval'`,
      [runId],
    );
    const again = await runbooks.until(runId, 'approval');
    expect(again.steps.find(({ name }) => name === 'plan')!.result).toEqual(planned.result);
    const plans = await scene.query('SELECT state FROM restore_plan WHERE incident_id = $1', [
      incidentId,
    ]);
    expect(plans).toEqual([{ state: 'proposed' }]);

    const planHash = planned.result!.planHash!;
    await runbooks.answer(runId, 'approval', 'approved', { caller: scene.people.alex, planHash });
    await runbooks.until(runId, 'restore-run');
    await scene.query(
      `UPDATE runbook_step SET waits_for = NULL, words = NULL WHERE run_id = $1 AND name = 'restore'`,
      [runId],
    );
    expect(await runbooks.until(runId, 'finished', 'stopped')).toMatchObject({ state: 'finished' });
    expect(
      await scene.query('SELECT state FROM restore_run WHERE incident_id = $1', [incidentId]),
    ).toEqual([{ state: 'finished' }]);
    expect(await scene.writes(orders)).toEqual([1, 1]);
  });
});
