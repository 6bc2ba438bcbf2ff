import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensureCluster } from '../../local-postgres/cluster.js';
import { startLocalPostgres, type LocalPostgres } from '../../local-postgres/local-postgres.js';
import { placeCluster } from '../../local-postgres/placement.js';
import { connectionUrl } from '../../local-postgres/probe.js';
import { startServer, stopServer } from '../../local-postgres/server.js';

/** A shop's server that a suite has for itself, to stop, starve and set back. */
export type PrivateServer = Pick<LocalPostgres, 'port' | 'dataDirectory' | 'url' | 'stop'>;

export interface PrivateServerOptions {
  readonly dataDirectory: string;
  /** of the last start, where clients know it */
  readonly port?: number;
  readonly settings: Record<string, string>;
}

/**
 * Starts such a server, or starts it again. It may be another PostgreSQL, as the run's other shops may be on one:
 * the directory of its programs in REINSTATE_TEST_PROGRAMS (`test/ops/on-postgresql.sh`).
 */
export async function startPrivateServer(given: PrivateServerOptions): Promise<PrivateServer> {
  // the machine stays up, whatever is done to the server: nothing waits for its disk
  const options = { ...given, settings: { fsync: 'off', ...given.settings } };
  const programs = process.env['REINSTATE_TEST_PROGRAMS'];
  if (programs === undefined) return startLocalPostgres(options);
  const say = (): void => undefined;
  const initdb = join(programs, 'initdb');
  const { stdout } = await promisify(execFile)(initdb, ['--version']);
  const majorVersion = /PostgreSQL\) (\d+)/.exec(stdout)?.[1] ?? '';
  const binaries = { initdb, pgCtl: join(programs, 'pg_ctl'), majorVersion };
  const home = await placeCluster(options.dataDirectory, say);
  const password = await ensureCluster(home, binaries, say);
  const { settings } = options;
  const port = await startServer({ home, binaries, port: options.port, settings, say });
  return {
    port,
    dataDirectory: home.directory,
    url: (database = 'postgres') => connectionUrl({ port, password }, database),
    stop: async (mode = 'fast') => stopServer({ home, binaries, say }, mode),
  };
}
