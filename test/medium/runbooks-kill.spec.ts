import { randomBytes } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Test, type TestingModule } from '@nestjs/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createReinstateCredentials, createShopDatabase } from '../../demo/shop/database.js';
import { AccessService } from '../../src/access/access.service.js';
import type { Caller } from '../../src/access/caller.js';
import { AppModule } from '../../src/app.module.js';
import { configSchema } from '../../src/config/config.schema.js';
import { DeclarationService } from '../../src/incidents/declaration.service.js';
import { ServiceKey } from '../../src/journal/personal-data.js';
import { SystemClock } from '../../src/platform/clock.js';
import { ApprovalService } from '../../src/restore/approvals/approval.service.js';
import type { RunbookRunDetail } from '../../src/runbooks/runbook.schema.js';
import { AnswerService } from '../../src/runbooks/runs/answer.service.js';
import { RunbookStartService } from '../../src/runbooks/runs/run-start.service.js';
import { RunbookRunViewService } from '../../src/runbooks/runs/run-view.service.js';
import { ShopRegistry } from '../../src/shops/shop-registry.js';
import {
  createReinstateDatabase,
  testServerUrl,
  withClient,
  type ReinstateTestDatabase,
} from '../support/postgres.js';
import { startServiceProcess, type ServiceProcess } from '../support/service-process.js';
import { Scene } from './restore-scene.js';
import { RunbookScene } from './runbooks-scene.js';

async function found<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const giveUpAt = Date.now() + 50_000;
  for (;;) {
    const result = await look();
    if (result !== undefined) return result;
    if (Date.now() > giveUpAt) throw new Error(`waited in vain for ${what}`);
    await pause(50);
  }
}

const key = Buffer.alloc(32, 3);

/** The part of a configuration that names its own database. */
function ownParts({ settings }: ReinstateTestDatabase, directory: string) {
  return {
    http: { port: 0 },
    data_directory: directory,
    encryption_key: key.toString('base64'),
    database: { url: settings.url, runtime_url: settings.runtimeUrl },
  };
}

async function writeRunbook(
  directory: string,
  name: string,
  steps: readonly string[],
): Promise<void> {
  const people = ['Meaning', 'Impact', 'Diagnosis', 'Mitigation'].map(
    (one) => `## ${one}\nwords\n`,
  );
  const block = `\`\`\`yaml runbook\nsteps:\n${steps.map((step) => `  - ${step}\n`).join('')}\`\`\`\n`;
  await writeFile(join(directory, `${name}.md`), `# ${name}\n${people.join('')}${block}`);
}

/** Somebody else's transaction that holds what this statement locks, until the answer is called. */
async function blockedBy(url: string, statement: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('BEGIN');
  await client.query(statement);
  return () => client.end();
}

/** Until somebody waits for a lock in a statement on this table. */
async function waits(url: string, table: string): Promise<void> {
  await found(`somebody who waits at ${table}`, () =>
    withClient(url, async (client) => {
      const { rowCount } = await client.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database()
           AND wait_event_type = 'Lock' AND query ~ $1`,
        [`\\m${table}\\M`],
      );
      return rowCount === 0 ? undefined : true;
    }),
  );
}

/**
 * Reads wait here for an advisory lock: who locks a table has a transaction id, and every slot that is made on the
 * server meanwhile would wait for it.
 */
const ordersOnceFree = `CREATE VIEW shop.orders_once_free AS
    SELECT count(*) AS orders, pg_advisory_xact_lock_shared(1)::text AS free FROM shop.orders;
  GRANT SELECT ON shop.orders_once_free TO PUBLIC`;

describe('a run whose service is killed', () => {
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
    await withClient(testServerUrl(shopName), (client) => client.query(ordersOnceFree));
    given = {
      ...ownParts(reinstate, directory),
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
    await writeRunbook(directory, 'Killed', [
      `{ name: look, kind: http, url: "http://${host}/look", timeout: 30s }`,
      '{ name: ask, kind: question, ask: "go on?", options: [yes, no] }',
      `{ name: tell, kind: webhook, url: "http://${host}/tell", timeout: 30s }`,
    ]);
    await writeRunbook(directory, 'Beside', [
      '{ name: count, kind: sql, query: "SELECT orders FROM shop.orders_once_free", timeout: 30s }',
      '{ name: pause, kind: wait, for: 4s }',
    ]);
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
    found(`a request of ${path}`, () => Promise.resolve(held.find((one) => one.path === path)));

  /** Server processes in which a query of a runbook waits, without those known already. */
  const queries = (known: readonly number[]) =>
    found('a query of the runbook', async () => {
      const pids = await withClient(testServerUrl(shopName), async (client) => {
        const { rows } = await client.query<{ pid: number }>(
          `SELECT pid FROM pg_stat_activity WHERE datname = current_database()
             AND application_name = 'reinstate-runbook' AND wait_event_type = 'Lock'`,
        );
        return rows.map(({ pid }) => pid).filter((pid) => !known.includes(pid));
      });
      return pids.length > 0 ? pids : undefined;
    });

  it('goes on where it was, with each effect and each evidence once', async () => {
    const incidentId = await module.get(DeclarationService, { strict: false }).declare(admin, {
      ...{ shopId: 'far', since: new Date(Date.now() - 60_000), until: null, filter: {} },
      ...{ reason: 'a test', severity: null },
    });
    const start = (runbook: string) =>
      module.get(RunbookStartService, { strict: false }).start(admin, {
        ...{ incidentId, runbook, dryRun: false, assumptions: {} },
      });
    const runId = await start('Killed');
    const besideId = await start('Beside');
    const view = (id: string) => module.get(RunbookRunViewService, { strict: false }).view(id);
    const until = async (id: string, wanted: string) =>
      found(`a run that is, or waits for, ${wanted}`, async () => {
        const run = await view(id);
        return wanted === run.state || wanted === run.waitsFor ? run : undefined;
      });
    const stepOf = (run: RunbookRunDetail, name: string) =>
      run.steps.find((step) => step.name === name)!;
    const restart = async () => {
      await service?.kill();
      held.length = 0;
      service = await startServiceProcess({ directory, config: given });
    };
    const free = await blockedBy(testServerUrl(shopName), 'SELECT pg_advisory_xact_lock(1)');

    await restart();
    await requestOf('/look');
    const [pid] = await queries([]);
    // killed while it asks, and while the shop works at a query of another run
    await restart();
    (await requestOf('/look')).response.end('up');
    await queries([pid!]);
    await free();
    await until(runId, 'answer');
    const pausing = await until(besideId, 'time');
    // killed while it waits for a person, who answers meanwhile, and while another run lets time pass
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
    await until(runId, 'finished');
    const beside = await until(besideId, 'finished');
    expect(stepOf(beside, 'count').evidence?.rows).toEqual([{ orders: '0' }]);
    const waited = String(stepOf(beside, 'pause').evidence?.facts['until']);
    expect(stepOf(pausing, 'pause').words).toBe(`until ${waited}`);

    const told = async (id: string) => {
      const rows = await reinstate.database.query<{ type: string; step: string | null }>(
        `SELECT type, data->>'step' AS step FROM timeline_entry
         WHERE data->>'runbookRunId' = $1 AND type LIKE 'runbook-%' ORDER BY position`,
        [id],
      );
      return rows.map(({ type, step }) => (step === null ? type : `${type} ${step}`));
    };
    const once = (...steps: string[]) => [
      'runbook-run-started',
      ...steps.flatMap((step) => [`runbook-step-begun ${step}`, `runbook-step-done ${step}`]),
      'runbook-run-finished',
    ];
    expect(await told(runId)).toEqual(once('look', 'ask', 'tell'));
    expect(await told(besideId)).toEqual(once('count', 'pause'));
  });
});

describe('a service that is killed between what a step has made and the step’s own end', () => {
  let scene: Scene;
  let runbooks: RunbookScene;
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'reinstate-kill-'));
    await writeRunbook(directory, 'Made', [
      '{ name: over, kind: quiet, at_most: 30m }',
      '{ name: plan, kind: plan }',
      '{ name: approval, kind: approval, plan: plan }',
      '{ name: restore, kind: restore, plan: plan }',
      '{ name: verify, kind: verify, restore: restore }',
    ]);
    scene = await Scene.create({ runbooks: { directory } });
    runbooks = new RunbookScene(scene);
  });
  afterAll(async () => {
    await scene.close();
    await rm(directory, { recursive: true, force: true });
  });

  /** A process takes the run on, and is killed once its step has made a row of this table, and not yet said so. */
  async function killedAfterMaking(table: string, runId: string): Promise<void> {
    const { url } = scene.reinstate;
    const unmade = await blockedBy(url, `LOCK TABLE reinstate.${table} IN SHARE MODE`);
    const { credentials } = scene.get(ShopRegistry).get(scene.shopId);
    const shop = { id: scene.shopId, name: 'Sample shop', profile: 'sample-shop' };
    const config = {
      ...ownParts(scene.reinstate, directory),
      shops: [{ ...shop, postgres: credentials }],
    };
    const service = await startServiceProcess({ directory, config });
    try {
      await waits(url, table);
      const unsaid = await blockedBy(
        url,
        `SELECT FROM reinstate.runbook_run WHERE id = '${runId}' FOR UPDATE`,
      );
      await unmade();
      await waits(url, 'runbook_run');
      await service.kill();
      await unsaid();
    } finally {
      await service.kill();
    }
  }

  it('leaves its plan to the next, which makes no second one; nor is a restore run made twice', async () => {
    const orders = await scene.placePaid([1, 2]);
    const incidentId = await scene.harm(orders, 'job-killed');
    const runId = await runbooks.start(incidentId, 'Made');
    const rows = (table: string) =>
      scene.query<{ id: string; state: string }>(
        `SELECT id, state FROM ${table} WHERE incident_id = $1`,
        [incidentId],
      );

    await killedAfterMaking('restore_plan', runId);
    const [made, ...others] = await rows('restore_plan');
    expect([made, others]).toMatchObject([{ state: 'proposed' }, []]);
    expect(await runbooks.states(runId)).toMatchObject({ plan: 'begun' });
    const { steps } = await runbooks.until(runId, 'approval');
    const { planId, planHash } = steps.find(({ name }) => name === 'plan')!.result!;
    expect([planId, await rows('restore_plan')]).toEqual([made!.id, [made]]);

    const { alex } = scene.people;
    await scene.get(ApprovalService).vote(planId!, {
      ...{ caller: alex, decision: 'approved', hash: planHash! },
      ...{ breakGlass: false, reason: null },
    });
    await runbooks.until(runId, 'restore-run');
    // as a kill leaves it that comes between the start of the restore run and the step's own word of it
    await scene.query(
      `UPDATE runbook_step SET waits_for = NULL, words = NULL WHERE run_id = $1 AND name = 'restore'`,
      [runId],
    );
    expect(await rows('restore_run')).toHaveLength(1);
    expect(await runbooks.until(runId, 'finished', 'stopped')).toMatchObject({ state: 'finished' });
    expect(await rows('restore_run')).toMatchObject([{ state: 'finished' }]);
    expect(await scene.writes(orders)).toEqual([1, 1]);
  });
});
