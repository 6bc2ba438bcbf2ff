import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { isAlive } from '../../local-postgres/processes.js';
import { packageRoot } from '../../src/platform/package-root.js';

/** The service as `npm start` runs it: a process of its own, with a database of its own. */
interface Started {
  readonly process: ChildProcess;
  /** what it has said so far */
  said: string;
}

let directory: string;
let cluster: string;
let service: Started;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'reinstate-interrupt-'));
  // root's database server runs as somebody else, who has to get in
  await chmod(directory, 0o755);
  cluster = join(directory, 'postgres');
});
afterEach(async () => {
  if (service.process.exitCode === null && service.process.signalCode === null) {
    service.process.kill('SIGKILL');
    await once(service.process, 'exit');
  }
  const left = await serverProcess();
  if (left !== undefined && (await isAlive(left))) process.kill(left, 'SIGQUIT');
  await rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
});

function start(): Started {
  const root = packageRoot();
  const loader = join(root, 'test/e2e/run-typescript.mjs');
  const child = spawn(process.execPath, ['--import', loader, join(root, 'src/main.ts')], {
    cwd: directory,
    env: {
      PATH: process.env['PATH'],
      REINSTATE_PORT: '0',
      REINSTATE_DATA_DIRECTORY: directory,
      REINSTATE_LOG_LEVEL: 'error',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    // a process group, as in a terminal
    detached: true,
  });
  const started: Started = { process: child, said: '' };
  const hear = (chunk: Buffer) => void (started.said += chunk.toString());
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  return started;
}

/** What a terminal does at Ctrl-C: everything in the foreground hears it. */
function pressCtrlC(): void {
  process.kill(-service.process.pid!, 'SIGINT');
}

/** Waits for what a service that runs does; with a patience of its own, for what follows its end. */
async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  patienceMs?: number,
): Promise<void> {
  const giveUpAt = Date.now() + (patienceMs ?? 50_000);
  while (!(await holds())) {
    const hasEnded = patienceMs === undefined && service.process.exitCode !== null;
    if (hasEnded || Date.now() > giveUpAt)
      throw new Error(`waited in vain for ${what}; it said:\n${service.said}`);
    await pause(2);
  }
}

async function serverProcess(): Promise<number | undefined> {
  const text = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number.parseInt(text, 10);
  return Number.isNaN(pid) ? undefined : pid;
}

/** It has ended by itself, in order, and its database server with it. */
async function endsInOrder(server: number | undefined): Promise<void> {
  const [code] = (await once(service.process, 'exit')) as [number | null];
  expect([service.said, code]).toEqual([expect.stringContaining('Stopping ...'), 0]);
  expect(service.said).not.toMatch(/error|fault|failed|\bat \S+:\d+/i);
  expect(await serverProcess()).toBeUndefined();
  if (server === undefined) return;
  // it takes its file away a moment before it is gone itself
  await until('the database server to be gone', async () => !(await isAlive(server)), 5_000);
}

const hasServer = async () => (await serverProcess()) !== undefined;
const isMakingCluster = async () =>
  (await readdir(cluster).catch(() => [])).some((name) => name.startsWith('making-'));
const isUp = () => /^Admin token, shown only now: rst_\S{43}$/m.test(service.said);

describe('Ctrl-C', () => {
  it('while its database is being made leaves no server; the next start goes on', async () => {
    service = start();
    await until('the database to be made', isMakingCluster);
    pressCtrlC();
    await endsInOrder(undefined);
    expect(service.said).not.toContain('listens');

    service = start();
    await until('the service, with the token that nobody was told yet', isUp);
    const server = await serverProcess();
    expect(server).toEqual(expect.any(Number));
    pressCtrlC();
    await endsInOrder(server);
  }, 150_000);

  it('while its database server starts ends that, too', async () => {
    service = start();
    await until('the database server', hasServer);
    const server = await serverProcess();
    pressCtrlC();
    await endsInOrder(server);
    expect(service.said).not.toContain('listens');
  });
});
