import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { findPlaces } from '../../local-postgres/placement.js';
import { removeLocalPostgres } from '../../local-postgres/local-postgres.js';
import { startService, type RunningService } from '../../src/bootstrap.js';
import { configSchema } from '../../src/config/config.schema.js';
import { callerOf } from '../support/http-caller.js';
import { LogLines } from '../support/log-lines.js';

let directory: string;
let lines: LogLines;
let lost: Error[];
let service: RunningService | undefined;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'reinstate-own-'));
  lines = new LogLines();
  lost = [];
});
afterEach(async () => {
  await service?.stop();
  service = undefined;
  await removeLocalPostgres(cluster());
  await rm(directory, { recursive: true, force: true });
});

/** The service with a PostgreSQL of its own. */
async function start(port = 0): Promise<RunningService> {
  const config = configSchema.parse({ http: { port }, data_directory: directory });
  return startService(
    { config, directory },
    { say: () => undefined, lost: (error) => lost.push(error), logStream: lines },
  );
}

const cluster = () => join(directory, 'postgres');

/** As root it may lie elsewhere. */
async function clusterDirectory(): Promise<string> {
  const [place] = await findPlaces(cluster());
  if (place === undefined) throw new Error('there is no cluster');
  return place;
}

async function killServer(): Promise<void> {
  const text = await readFile(join(await clusterDirectory(), 'postmaster.pid'), 'utf8');
  process.kill(Number.parseInt(text, 10), 'SIGKILL');
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = Date.now() + 30_000;
  while (!(await holds()) && Date.now() < giveUpAt) await pause(50);
  expect(await holds()).toBe(true);
}

it('starts its own database again when that is killed, and goes on with what was there', async () => {
  service = await start();
  const admin = await callerOf(service.url, service.firstToken);
  await admin.post('/api/v1/persons', { name: 'Before' });
  await killServer();
  await until(() => lines.of('database-restarted').length === 1);
  await until(async () => (await admin.get('/health/ready')).status === 200);
  expect((await admin.post('/api/v1/persons', { name: 'After' })).status).toBe(201);
  const { text } = await admin.get('/api/v1/persons');
  expect(text).toContain('Before');
  await until(() => lines.of('step-failing').every(isOver));
  expect(lost).toEqual([]);
});

function isOver({ step }: Record<string, unknown>): boolean {
  return lines.of('step-recovered').some((line) => line['step'] === step);
}

it('says so when its database cannot be started again, so that the process ends', async () => {
  service = await start();
  const settings = join(await clusterDirectory(), 'postgresql.conf');
  const before = await readFile(settings, 'utf8');
  await writeFile(settings, 'this is no setting\n');
  await killServer();
  await until(() => lost.length > 0);
  expect(lost[0]?.message).toMatch(/could not be started again within 10 s/);
  expect(lines.of('database-died')).toHaveLength(1);
  await writeFile(settings, before);
});

it('leaves no server behind when it cannot start', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  const address = other.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  await expect(start(port)).rejects.toThrow(/cannot listen on 127\.0\.0\.1:\d+/);
  other.close();
  await expect(readFile(join(await clusterDirectory(), 'postmaster.pid'), 'utf8')).rejects.toThrow(
    'ENOENT',
  );
});
