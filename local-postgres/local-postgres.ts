import { rm } from 'node:fs/promises';
import { findBinaries } from './binaries.js';
import { ensureCluster } from './cluster.js';
import { findPlaces, placeCluster } from './placement.js';
import { connectionUrl } from './probe.js';
import { findRunningServer } from './running-server.js';
import { LocalPostgresError } from './failure.js';
import { lastSettings, runsOn, startServer, stopServer } from './server.js';
import type { ServerOptions, StopMode } from './server.js';
import { renderSettings } from './server-settings.js';
import { withStartLock } from './start-lock.js';

export interface LocalPostgresOptions {
  /** where the cluster should live; relocated when the server's user cannot enter it */
  dataDirectory: string;
  /** default: a free loopback port, remembered for the next start */
  port?: number;
  /** settings of postgresql.conf, e.g. wal_level=logical; a change takes effect with the next start */
  settings?: Record<string, string>;
  /** tells relocation, adoption and waiting, a sentence at a time; default: silent */
  say?: (line: string) => void;
}

/** A private PostgreSQL server that runs apart from this process and outlives it unless stopped. */
export interface LocalPostgres {
  readonly port: number;
  /** where the cluster lives, which may not be where it was asked to */
  readonly dataDirectory: string;
  /** the server was running already, and went on */
  readonly adopted: boolean;
  readonly superuserPassword: string;
  /** connection URL of the superuser; loopback only, scram password. Default database: postgres */
  url(database?: string): string;
  /** Whether its process lives; cheap enough to ask every second. */
  runs(): Promise<boolean>;
  /**
   * Starts it again, on the same port, where it does not run any more: after it was killed, or crashed. What
   * was committed is there again. Connections of before are gone. Throws LocalPostgresError.
   */
  revive(): Promise<void>;
  /** Stops the server, whoever started it; does nothing when it does not run. Default mode: fast. */
  stop(mode?: StopMode): Promise<void>;
}

/**
 * Starts the server of a data directory, making the cluster first if there is none, or adopts the one that
 * runs there already: after a crash of the process that started it, or when another process was faster. An
 * adopted server whose settings differ from the wanted ones is restarted with those.
 *
 * It listens on 127.0.0.1 only, and Ctrl-C in the terminal does not reach it. When the promise resolves it
 * takes connections. Throws LocalPostgresError with the reason and a way out.
 */
export async function startLocalPostgres(options: LocalPostgresOptions): Promise<LocalPostgres> {
  const { port, settings = {}, say = () => undefined } = options;
  // faults of the caller show before anything is made
  renderSettings(port ?? 1, settings);
  const home = await placeCluster(options.dataDirectory, say);
  const binaries = await findBinaries({ user: home.user, say });
  return await withStartLock(home.directory, async () => {
    const password = await ensureCluster(home, binaries, say);
    const server = { home, binaries, port, settings, say };
    const running = await findRunningServer({ home, password, say });
    const adopted = running !== undefined && (await goesOn(server, running));
    return handle({
      server,
      password,
      adopted,
      port: adopted ? running.port : await startServer(server),
    });
  });
}

/**
 * Removes what starts with this data directory have made, wherever it was put; files of others are left. Does
 * nothing where nothing is. Throws LocalPostgresError where a server still runs on it.
 */
export async function removeLocalPostgres(dataDirectory: string): Promise<void> {
  for (const place of await findPlaces(dataDirectory)) {
    if (await runsOn(place))
      throw new LocalPostgresError({
        what: `The database in ${place} cannot be removed`,
        why: 'its server runs.',
        wayOut: 'Stop it first.',
      });
    await rm(place, { recursive: true, force: true });
  }
}

/** Whether the running server can stay as it is; one with other settings is stopped. */
async function goesOn(server: ServerOptions, running: { port: number }): Promise<boolean> {
  const { home, say } = server;
  const wanted = renderSettings(server.port ?? running.port, server.settings);
  if (wanted === (await lastSettings(home.directory))) {
    say(`Adopted the database server that runs on ${home.directory}, port ${running.port}.`);
    return true;
  }
  say(`The database server that runs on ${home.directory} has other settings; restarting it.`);
  await stopServer(server, 'fast');
  return false;
}

function handle(started: {
  server: ServerOptions;
  password: string;
  adopted: boolean;
  port: number;
}): LocalPostgres {
  const { server, password, adopted, port } = started;
  return {
    port,
    dataDirectory: server.home.directory,
    adopted,
    superuserPassword: password,
    url: (database = 'postgres') => connectionUrl({ port, password }, database),
    runs: async () => await runsOn(server.home.directory),
    revive: async () =>
      await withStartLock(
        server.home.directory,
        async () => await revive({ ...server, port }, password),
      ),
    stop: async (mode = 'fast') => await stopServer(server, mode),
  };
}

/** Everybody has been told the port, so it has to be the same one. */
async function revive(server: ServerOptions & { port: number }, password: string): Promise<void> {
  const { home, say, port } = server;
  const running = await findRunningServer({ home, password, say });
  if (running === undefined) {
    await startServer(server);
    return;
  }
  if (running.port === port) return;
  throw new LocalPostgresError({
    what: `The database server of ${home.directory} cannot be used`,
    why: `it was started by somebody else on port ${running.port}, and is expected on ${port}.`,
    wayOut: 'Start this program again.',
  });
}
