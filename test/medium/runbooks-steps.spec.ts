import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { signatureOf } from '../../src/alerting/notifiers/signature.js';
import type { RunbookRunDetail } from '../../src/runbooks/runbook.schema.js';
import { askShop } from '../../src/shops/postgres/shop-query.js';
import { ShopRegistry } from '../../src/shops/shop-registry.js';
import { testServerUrl, withClient } from '../support/postgres.js';
import { Scene } from './restore-scene.js';
import { RunbookScene } from './runbooks-scene.js';

const secret = 'a secret of sixteen letters';
let scene: Scene;
let runbooks: RunbookScene;
let incidentId: string;
let directory: string;
let server: Server;
let host: string;
/** how the server answers, by path */
const answers = new Map<
  string,
  { status: number; headers?: Record<string, string>; body?: string }
>();
const asked: { method: string; path: string; headers: IncomingHttpHeaders; body: string }[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      asked.push({ method, path, headers, body: Buffer.concat(chunks).toString() });
      const answer = answers.get(path.split('?')[0] ?? '');
      if (answer !== undefined) response.writeHead(answer.status, answer.headers).end(answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  directory = await mkdtemp(join(tmpdir(), 'reinstate-runbooks-'));
  scene = await Scene.create({
    runbooks: { directory, allowed_hosts: [host], webhook_secret: secret },
  });
  runbooks = new RunbookScene(scene);
  incidentId = await scene.harm(await scene.placePaid([1, 1]), 'job-steps');
});
afterAll(async () => {
  await scene.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(directory, { recursive: true, force: true });
});
beforeEach(() => {
  answers.clear();
  asked.length = 0;
});

let made = 0;

/** A runbook of these steps, under a name of its own unless one is given; gives its name. */
async function written(steps: string, name = `Made${(made += 1)}`): Promise<string> {
  const people = ['Meaning', 'Impact', 'Diagnosis', 'Mitigation'].map(
    (one) => `## ${one}\nwords\n`,
  );
  const text = `# ${name}\n${people.join('')}\n\`\`\`yaml runbook\nsteps:\n${steps}\n\`\`\`\n`;
  await writeFile(join(directory, `${name}.md`), text);
  return name;
}

async function ran(steps: string): Promise<RunbookRunDetail> {
  const runId = await runbooks.start(incidentId, await written(steps));
  return runbooks.until(runId, 'finished', 'stopped');
}

const stepOf = (run: RunbookRunDetail, name: string) =>
  run.steps.find((step) => step.name === name)!;

describe('an edited runbook', () => {
  it('is followed by the next run: its steps, their order and their SQL; a run that goes on is not', async () => {
    const name = await written(`
  - { name: ask, kind: question, ask: "go on?", options: [yes, no] }
  - { name: count, kind: sql, query: "SELECT 1 AS answer", expect: { column: answer, equals: 1 } }`);
    const first = await runbooks.start(incidentId, name);
    await runbooks.until(first, 'answer');
    await written(
      `
  - { name: count, kind: sql, query: "SELECT 2 AS answer", expect: { column: answer, equals: 2 } }
  - { name: more, kind: sql, query: "SELECT 3 AS answer" }
  - { name: ask, kind: question, ask: "go on now?", options: [yes, no] }`,
      name,
    );
    await runbooks.answer(first, 'ask', 'yes');
    const old = await runbooks.until(first, 'finished');
    expect(old.steps.map((step) => [step.name, step.evidence?.rows])).toEqual([
      ['ask', undefined],
      ['count', [{ answer: '1' }]],
    ]);

    const second = await runbooks.start(incidentId, name);
    const run = await runbooks.until(second, 'answer');
    expect(run.steps.map((step) => [step.name, step.state, step.evidence?.rows])).toEqual([
      ['count', 'done', [{ answer: '2' }]],
      ['more', 'done', [{ answer: '3' }]],
      ['ask', 'begun', undefined],
    ]);
    expect(run.textHash).not.toBe(old.textHash);
    expect(old.text).toContain('SELECT 1');
    await expect(
      scene.query(`UPDATE runbook_run SET text = 'other' WHERE id = $1`, [first]),
    ).rejects.toThrow('never changes its text');
  });

  it('is not started with faults, or without steps', async () => {
    const name = await written(`
  - { name: a, kind: sql, query: "DELETE FROM shop.orders" }
  - { name: a, kind: http, url: "https://elsewhere.example.com" }`);
    await expect(runbooks.start(incidentId, name)).rejects.toMatchObject({
      code: 'runbook-invalid',
      details: {
        fields: [
          { field: 'steps[0].query' },
          { field: 'steps[1].name' },
          { field: 'steps[1].url' },
        ],
      },
    });
    await expect(runbooks.start(incidentId, 'IntakeStalled')).rejects.toMatchObject({
      code: 'runbook-without-steps',
    });
    await expect(runbooks.start(incidentId, 'Nobodys')).rejects.toMatchObject({
      code: 'runbook-unknown',
    });
  });

  it('skips what is for other shops and other answers', async () => {
    const run = await ran(`
  - { name: other, kind: sql, query: "SELECT 1", when: { profile: [vendure] } }
  - { name: ours, kind: sql, query: "SELECT 1", when: { profile: [vendure, sample-shop] } }`);
    expect(await runbooks.states(run.id)).toEqual({ other: 'skipped', ours: 'done' });
  });
});

describe('an SQL check', () => {
  it('leaves personal columns out, and whatever could be made of them', async () => {
    const run = await ran(`
  - name: rows
    kind: sql
    query: |
      SELECT o.id, o.status, o.contact_email, o.ship_name AS status_text, upper(o.ship_name) AS worked_out,
             length(o.contact_phone) AS number_of, c.name AS customer, c.id AS customer_number
      FROM shop.orders o JOIN shop.customer c ON c.id = o.customer_id
      WHERE o.id = ANY({{ orders }}::bigint[])
    show: [contact_email, worked_out]
  - name: counted
    kind: sql
    query: SELECT status, count(*) AS orders, 'a' || status AS made, status AS seen FROM shop.orders GROUP BY status
    show: [seen]`);
    const { rows, leftOut } = stepOf(run, 'rows').evidence!;
    expect(Object.keys(rows![0]!)).toEqual(['id', 'status', 'customer_number']);
    expect(rows).toHaveLength(2);
    expect(leftOut).toEqual(
      expect.arrayContaining([
        'contact_email',
        'status_text',
        'worked_out',
        'number_of',
        'customer',
      ]),
    );
    const counted = stepOf(run, 'counted').evidence!;
    expect(Object.keys(counted.rows![0]!).sort()).toEqual(['orders', 'seen', 'status']);
    expect(counted.leftOut).toEqual(['made']);
  });

  it('is bounded in rows and time, and cannot write', async () => {
    const run = await ran(`
  - { name: many, kind: sql, query: "SELECT generate_series(1, 1000000) AS n", rows: 3 }
  - { name: missing, kind: sql, query: "SELECT * FROM shop.nothing", otherwise: go-on }
  - { name: wrong, kind: sql, query: "SELECT 5 AS n", expect: { column: n, at_most: 4 }, otherwise: go-on }
  - { name: slow, kind: sql, query: "SELECT count(*) FROM generate_series(1, 100000000000)", timeout: 200ms }
  - { name: never, kind: sql, query: "SELECT 1" }`);
    expect(stepOf(run, 'many').evidence).toMatchObject({
      facts: { rows: 3, more: true },
      rows: [{ n: '1' }, { n: '2' }, { n: '3' }],
    });
    expect(stepOf(run, 'missing')).toMatchObject({ reason: 'query-failed', attempts: 1 });
    expect(stepOf(run, 'missing').words).toContain('42P01');
    expect(stepOf(run, 'wrong').words).toBe('n is not at most 4');
    expect(stepOf(run, 'slow')).toMatchObject({ state: 'failed', reason: 'timeout', attempts: 3 });
    expect(await runbooks.states(run.id)).toMatchObject({ never: 'pending' });
    expect(run).toMatchObject({ state: 'stopped', step: 'slow' });
  });
});

describe('a query that the lint let pass', () => {
  it('writes nothing all the same, even by a role that might', async () => {
    const shop = scene.get(ShopRegistry).get(scene.shopId);
    const own = shop.credentials!;
    const superuser = testServerUrl(new URL(own.read).pathname.slice(1));
    const ask = (text: string) =>
      askShop(
        { ...shop, credentials: { ...own, read: superuser } },
        { text, values: [], rowsMax: 5, timeoutMs: 2_000 },
      );
    expect(await ask('SELECT 1 AS n')).toMatchObject({ ok: true, rows: [{ n: '1' }] });
    const refused = {
      'SELECT 1; DROP TABLE shop.refund': '42601',
      'WITH gone AS (DELETE FROM shop.refund RETURNING 1) SELECT * FROM gone': '0A000',
      'SELECT * FROM shop.orders FOR UPDATE': '25006',
      "SELECT nextval('shop.order_number')": '25006',
      "SELECT set_config('transaction_read_only', 'off', true)": '25001',
      'SELECT pg_sleep(60)': '57014',
    };
    for (const [text, code] of Object.entries(refused))
      expect([text, await ask(text)]).toEqual([
        text,
        expect.objectContaining({ ok: false, detail: expect.stringContaining(code) as unknown }),
      ]);
    const told = { ...shop, credentials: undefined };
    expect(
      await askShop(told, { text: 'SELECT 1', values: [], rowsMax: 5, timeoutMs: 2_000 }),
    ).toMatchObject({
      reason: 'query-failed',
    });
  });
});

describe('an HTTP check', () => {
  it('tells status and the begin of the answer, with persons masked', async () => {
    answers.set('/health', {
      status: 200,
      body: `up, ask jane@example.com ${'x'.repeat(200_000)}`,
    });
    answers.set('/old', { status: 302, headers: { location: '/health' } });
    answers.set('/away', { status: 302, headers: { location: 'https://elsewhere.example.com/' } });
    answers.set('/ill', { status: 503, body: 'no' });
    const at = (path: string) => `url: "http://${host}${path}"`;
    const run = await ran(`
  - { name: health, kind: http, ${at('/health?incident={{ incident.number }}')}, expect: { contains: up } }
  - { name: old, kind: http, ${at('/old')} }
  - { name: away, kind: http, ${at('/away')}, otherwise: go-on }
  - { name: ill, kind: http, ${at('/ill')}, expect: { status: [503] } }
  - { name: other, kind: http, ${at('/health')}, expect: { contains: down }, otherwise: go-on }
  - { name: silent, kind: http, ${at('/silent')}, timeout: 200ms }`);
    const { body, facts } = stepOf(run, 'health').evidence!;
    expect(facts).toMatchObject({ status: 200, cut: true });
    expect(body).toMatch(/^up, ask \(e-mail\) x+\.\.\.$/);
    expect(asked[0]).toMatchObject({ method: 'GET', path: '/health?incident=1' });
    expect(await runbooks.states(run.id)).toEqual({
      ...{ health: 'done', old: 'done', away: 'failed: not-allowed', ill: 'done' },
      ...{ other: 'failed: check-failed', silent: 'failed: timeout' },
    });
    expect(asked.filter(({ path }) => path === '/silent')).toHaveLength(3);
  });
});

describe('a dry run', () => {
  it('asks by GET and HEAD alone; its queries neither write nor go on for ever', async () => {
    answers.set('/health', { status: 200, body: 'up' });
    const at = `url: "http://${host}/health"`;
    const shop = scene.get(ShopRegistry).get(scene.shopId);
    const superuser = testServerUrl(new URL(shop.credentials!.read).pathname.slice(1));
    await withClient(superuser, (client) =>
      client.query(
        `CREATE TABLE public.swept (id int);
         INSERT INTO public.swept VALUES (1);
         CREATE FUNCTION public.sweep() RETURNS int LANGUAGE plpgsql SECURITY DEFINER
           AS 'BEGIN DELETE FROM public.swept; RETURN 1; END'`,
      ),
    );
    const name = await written(`
  - { name: got, kind: http, ${at}, expect: { contains: up } }
  - { name: headed, kind: http, ${at}, method: HEAD }
  - { name: writing, kind: sql, query: "SELECT public.sweep()" }
  - { name: slow, kind: sql, query: "SELECT count(*) FROM generate_series(1, 100000000000)", timeout: 200ms }
  - { name: told, kind: webhook, ${at} }`);
    const dry = await runbooks.start(incidentId, name, { assumptions: {} });
    const run = await runbooks.until(dry, 'finished', 'stopped');
    expect(run).toMatchObject({ state: 'finished', dryRun: true });
    expect(await runbooks.states(dry)).toEqual({
      ...{ got: 'done', headed: 'done', writing: 'failed: query-failed' },
      ...{ slow: 'failed: timeout', told: 'done' },
    });
    // refused for what it is, not for a right that is missing
    expect(stepOf(run, 'writing').words).toContain('25006');
    expect(asked.map(({ method }) => method)).toEqual(['GET', 'HEAD']);
    const left = await withClient(superuser, (client) => client.query('SELECT id FROM swept'));
    expect(left.rows).toEqual([{ id: 1 }]);

    const posting = await written(`
  - { name: got, kind: http, ${at} }
  - { name: posted, kind: http, ${at}, method: POST }`);
    await expect(runbooks.start(incidentId, posting, { assumptions: {} })).rejects.toMatchObject({
      code: 'runbook-invalid',
      details: {
        fields: [
          { field: 'steps[1].method', message: 'line 15: GET or HEAD: a check changes nothing' },
        ],
      },
    });
    expect(asked).toHaveLength(2);
  });
});

describe('a webhook', () => {
  it('is posted under one delivery over all attempts, signed; a dry run only tells it', async () => {
    answers.set('/hook', { status: 503 });
    const name = await written(`
  - { name: tell, kind: webhook, url: "http://${host}/hook", body: { text: "incident {{ incident.number }}" } }`);
    const dry = await runbooks.start(incidentId, name, { assumptions: {} });
    await runbooks.tick();
    expect(stepOf(await runbooks.view(dry), 'tell').words).toBe(
      `would post to http://${host}/hook`,
    );
    expect(asked).toEqual([]);

    const runId = await runbooks.start(incidentId, name);
    await runbooks.tick();
    expect(await runbooks.view(runId)).toMatchObject({ state: 'running', waitsFor: 'retry' });
    answers.set('/hook', { status: 204 });
    const run = await runbooks.until(runId, 'finished', 'stopped');
    expect(run.state).toBe('finished');
    expect(asked).toHaveLength(2);
    const deliveries = new Set(asked.map(({ headers }) => headers['reinstate-delivery']));
    expect([...deliveries]).toEqual([stepOf(run, 'tell').evidence!.facts['delivery']]);
    const [{ body, headers }] = asked as [(typeof asked)[0]];
    expect(JSON.parse(body)).toMatchObject({
      text: 'incident 1',
      runbookRunId: runId,
      step: 'tell',
    });
    const seconds = Number(/t=(\d+)/.exec(String(headers['reinstate-signature']))?.[1]);
    expect(headers['reinstate-signature']).toBe(
      signatureOf(body, { secret, now: new Date(seconds * 1_000) }),
    );
  });
});

describe('a question', () => {
  it('is answered by another person and role where it says so', async () => {
    const name = await written(`
  - { name: sign, kind: question, ask: "sure?", options: [yes, no], role: approver, second_person: true }
  - { name: free, kind: question, ask: "what was it?" }
  - { name: after, kind: sql, query: "SELECT {{ answers.free }}::text AS said", show: [said], when: { question: { step: sign, is: [yes] } } }
  - { name: hour, kind: wait, for: 1h }`);
    const { robin, alex } = scene.people;
    const runId = await runbooks.start(incidentId, name, undefined, alex);
    await runbooks.until(runId, 'answer');
    await expect(runbooks.answer(runId, 'sign', 'yes', { caller: robin })).rejects.toMatchObject({
      code: 'role-too-low',
    });
    await expect(runbooks.answer(runId, 'sign', 'yes', { caller: alex })).rejects.toMatchObject({
      code: 'second-person-needed',
    });
    await runbooks.answer(runId, 'sign', 'yes', { caller: scene.people.kim });
    await runbooks.answer(runId, 'free', `it's "a" $1`);
    await runbooks.tick();
    const run = await runbooks.view(runId);
    expect(stepOf(run, 'after').evidence?.rows).toEqual([{ said: `it's "a" $1` }]);
    expect(run).toMatchObject({ step: 'hour', waitsFor: 'time' });
    scene.clock.advance(3_599_000);
    await runbooks.tick();
    expect((await runbooks.view(runId)).state).toBe('running');
    scene.clock.advance(2_000);
    await runbooks.tick();
    expect((await runbooks.view(runId)).state).toBe('finished');
  });
});
