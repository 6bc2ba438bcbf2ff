import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import pg from 'pg';
import { startLocalPostgres, type LocalPostgres } from '../../local-postgres/local-postgres.js';
import { startService, type RunningService } from '../../src/bootstrap.js';
import { configSchema } from '../../src/config/config.schema.js';
import { callerOf, type Answer, type HttpCaller } from '../support/http-caller.js';
import { LogLines } from '../support/log-lines.js';

/** A database that is not the service's own to start again: an administrator's server. */
let directory: string;
let server: LocalPostgres;
let service: RunningService;
let admin: HttpCaller;
let nobody: HttpCaller;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'reinstate-health-'));
  server = await startLocalPostgres({ dataDirectory: join(directory, 'postgres') });
  const config = configSchema.parse({
    http: { port: 0 },
    database: { url: server.url('postgres') },
    data_directory: directory,
  });
  service = await startService(
    { config, directory },
    { say: () => undefined, lost: () => undefined, logStream: new LogLines() },
  );
  admin = await callerOf(service.url, service.firstToken);
  nobody = admin.as(undefined);
});
afterAll(async () => {
  await service.stop();
  await server.stop();
  await rm(server.dataDirectory, { recursive: true, force: true });
  await rm(directory, { recursive: true, force: true });
});

async function readyUntil(status: number): Promise<Answer> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const answer = await nobody.get('/health/ready');
    if (answer.status === status || Date.now() > deadline) return answer;
    await pause(50);
  }
}

it('is ready while its database answers, and says why it is not while it is away', async () => {
  expect((await nobody.get('/health/ready')).body).toEqual({ status: 'ok' });

  await server.stop();
  const away = await nobody.get('/health/ready');
  expect([away.status, away.headers.get('content-type')]).toEqual([
    503,
    expect.stringContaining('application/problem+json'),
  ]);
  expect(away.body).toMatchObject({
    code: 'database-unreachable',
    detail: expect.stringMatching(/^the database of Reinstate does not answer: \S/),
    data: { reason: expect.any(String) },
  });
  expect((await nobody.get('/health/live')).body).toEqual({ status: 'ok' });
  // it is open to everybody: neither where the database is nor as whom we go there
  expect(away.text).not.toMatch(new RegExp(`127\\.0\\.0\\.1|${server.port}|postgres`));

  await server.revive();
  expect((await readyUntil(200)).body).toEqual({ status: 'ok' });
});

it('does not wait for a database that hangs', async () => {
  const blocker = new pg.Client({ connectionString: server.url('postgres') });
  await blocker.connect();
  // whoever asks has no connection left: the pool's are all waiting
  await blocker.query('BEGIN');
  await blocker.query('LOCK TABLE reinstate.person IN ACCESS EXCLUSIVE MODE');
  const waiting = Array.from({ length: 40 }, () => admin.get('/api/v1/persons/me'));
  const refused = await readyUntil(503);
  expect(refused.body).toMatchObject({ data: { reason: 'no answer within 2 s' } });
  expect((await nobody.get('/health/live')).status).toBe(200);
  await blocker.end();
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual(
    Array.from({ length: 40 }, () => 200),
  );
  expect((await readyUntil(200)).status).toBe(200);
});
