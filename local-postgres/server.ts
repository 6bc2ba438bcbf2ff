import { open, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Binaries } from './binaries.js';
import type { ClusterHome } from './cluster.js';
import { clusterFiles, writeForUser } from './cluster-files.js';
import { runCommand } from './command.js';
import { LocalPostgresError, unless } from './failure.js';
import { findFreePort, isPortFree } from './free-port.js';
import { readPostmasterFile } from './postmaster-file.js';
import { servesDirectory } from './processes.js';
import { portInSettings, renderSettings } from './server-settings.js';
import { judgeStartFailure } from './start-failure.js';

export type StopMode = 'fast' | 'immediate';

export interface ServerOptions {
  readonly home: ClusterHome;
  readonly binaries: Binaries;
  /** absent: the port of the last start, or a free one */
  readonly port: number | undefined;
  readonly settings: Record<string, string>;
  readonly say: (line: string) => void;
}

/**
 * After kill -9 of a server its workers need a moment to notice and end; a port is lent to a stranger, or
 * free again as soon as its server is gone.
 */
const retryForMs = { busy: 10_000, 'port-taken': 2_000, fault: 0 };
const retryPauseMs = 250;
/** How long pg_ctl waits: recovery after a crash reads up to max_wal_size of log. */
const startWaitSeconds = 120;
/** A client that stopped reading its replication stream can hold up an orderly stop. */
const fastStopSeconds = 30;
const logBytesMax = 20 * 1024 * 1024;

/** The settings file as the last start wrote it; empty before the first. */
export async function lastSettings(directory: string): Promise<string> {
  return await unless(readFile(join(directory, clusterFiles.settings), 'utf8'), ['ENOENT'], '');
}

/** Starts the server, which then lives on its own, and gives its port. Call under the start lock. */
export async function startServer(options: ServerOptions): Promise<number> {
  const { home, say } = options;
  const remembered = portInSettings(await lastSettings(home.directory));
  let port = options.port ?? remembered ?? (await findFreePort());
  await setLogAside(home.directory);
  const begun = Date.now();
  for (let attempt = 1; ; attempt += 1) {
    if (options.port === undefined && !(await isPortFree(port))) {
      const other = await findFreePort();
      say(`Port ${port} is taken; the database server listens on ${other} from now on.`);
      port = other;
    }
    const said = await tryStart(options, port);
    if (said === undefined) return port;
    const failure = judgeStartFailure(said);
    if (Date.now() - begun >= retryForMs[failure]) throw startError({ options, port, said });
    if (attempt === 1) say(`The database server cannot start yet (${failure}); trying again.`);
    await sleep(retryPauseMs);
  }
}

/** Undefined for success, or else what pg_ctl and the server's log said in this attempt. */
async function tryStart(options: ServerOptions, port: number): Promise<string | undefined> {
  const { home, binaries } = options;
  const text = renderSettings(port, options.settings);
  await writeForUser({ directory: home.directory, name: clusterFiles.settings, text }, home.user);
  const log = join(home.directory, clusterFiles.log);
  const logEnd = (await unless(stat(log), ['ENOENT'], undefined))?.size ?? 0;
  const started = await runCommand(
    binaries.pgCtl,
    [
      ...['start', '--wait', `--timeout=${startWaitSeconds}`, '--silent'],
      ...[`--pgdata=${home.directory}`, `--log=${log}`],
    ],
    { user: home.user, directory: home.directory },
  );
  if (started.code === 0) return undefined;
  return `${started.output.trim()}\n${await readFrom(log, logEnd)}`;
}

async function readFrom(file: string, offset: number): Promise<string> {
  const handle = await unless(open(file), ['ENOENT'], undefined);
  if (!handle) return '';
  try {
    const buffer = Buffer.alloc(64 * 1024);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}

function startError(failed: { options: ServerOptions; port: number; said: string }): Error {
  const { options, port, said } = failed;
  const { directory } = options.home;
  const ways = {
    'port-taken': `Stop what listens on port ${port}, or choose another port.`,
    busy: `If no PostgreSQL server runs on ${directory}, remove its postmaster.pid.`,
    fault: `The whole log is ${join(directory, clusterFiles.log)}; correct the cause and start again.`,
  };
  return new LocalPostgresError({
    what: `The database server of ${directory} did not start on port ${port}`,
    why: `it said:\n${said.trim().split('\n').slice(-20).join('\n')}`,
    wayOut: ways[judgeStartFailure(said)],
  });
}

/** Keeps the log bounded: one old file, set aside between two runs of the server. */
async function setLogAside(directory: string): Promise<void> {
  const log = join(directory, clusterFiles.log);
  const size = (await unless(stat(log), ['ENOENT'], undefined))?.size ?? 0;
  if (size > logBytesMax) await rename(log, `${log}.old`);
}

/**
 * Stops the server and waits for its end; nothing happens when none runs. `fast` ends connections and
 * writes everything down, and becomes `immediate` when a client holds that up; `immediate` leaves recovery
 * to the next start. Neither loses what was committed.
 */
export async function stopServer(
  options: Pick<ServerOptions, 'home' | 'binaries' | 'say'>,
  mode: StopMode,
): Promise<void> {
  const { home, binaries, say } = options;
  if (!(await runsOn(home.directory))) return;
  const stopped = await runCommand(
    binaries.pgCtl,
    [
      ...['stop', '--wait', `--timeout=${fastStopSeconds}`, '--silent', `--mode=${mode}`],
      `--pgdata=${home.directory}`,
    ],
    { user: home.user, directory: home.directory },
  );
  if (stopped.code === 0 || !(await runsOn(home.directory))) return;
  if (mode === 'fast') {
    say(
      `The database server of ${home.directory} did not stop within ${fastStopSeconds} s; cutting it off.`,
    );
    await stopServer(options, 'immediate');
    return;
  }
  throw new LocalPostgresError({
    what: `The database server of ${home.directory} did not stop`,
    why: stopped.output,
    wayOut: `Look at ${join(home.directory, clusterFiles.log)}; its process number stands in postmaster.pid.`,
  });
}

/** Whether a server's process lives on the directory, be it starting or stopping. */
export async function runsOn(directory: string): Promise<boolean> {
  const found = await readPostmasterFile(directory);
  return found !== undefined && (await servesDirectory(found.pid, directory));
}
