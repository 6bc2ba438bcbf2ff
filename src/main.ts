import 'reflect-metadata';
import { once } from 'node:events';
import { LocalPostgresError } from '../local-postgres/failure.js';
import { StartCalledOff, startService, type RunningService } from './bootstrap.js';
import { ConfigFault, loadConfig, type LoadedConfig } from './config/load-config.js';
import { EmbeddedDatabaseLost } from './platform/database/embedded-watch.js';
import { Fault, messageOf } from './platform/errors.js';

/** Faults whose message says all that a person needs. */
const expectedFaults = [ConfigFault, Fault, EmbeddedDatabaseLost, LocalPostgresError];

/** An orderly end takes seconds; beyond that something hangs, and whoever runs the service should know. */
const endWithinMs = 30_000;

/** As package.json has it. An older Node would start the service, and fail at the first order event. */
const nodeLeast = [22, 15] as const;

/**
 * Starts the service and ends it cleanly at the first Ctrl-C, also while it still starts; a second one ends
 * it at once.
 */
async function main(): Promise<void> {
  if (isOldNode()) {
    refuseNode();
    return;
  }
  const wish = wishToEnd();
  const loaded = await loadConfig();
  const service = await startService(loaded, {
    say: (line) => console.log(line),
    lost: (error) => fail(error),
    signal: wish,
  }).catch((error: unknown) => {
    if (error instanceof StartCalledOff) process.exit(0);
    throw error;
  });
  introduce(service, loaded);
  if (!wish.aborted) await once(wish, 'abort');
  await service.stop();
  process.exit(0);
}

function isOldNode(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major < nodeLeast[0] || (major === nodeLeast[0] && minor < nodeLeast[1]);
}

function refuseNode(): void {
  const { node } = process.versions;
  console.error(
    `This is Node ${node}, and Reinstate needs ${nodeLeast.join('.')} or later: start it with "npm start", which brings one of its own.`,
  );
  process.exitCode = 1;
}

/** What a person at the terminal needs to go on. */
function introduce(service: RunningService, { config }: LoadedConfig): void {
  console.log(`Reinstate listens on ${service.url} (API: ${service.url}/api/docs)`);
  console.log(
    config.shops.length === 0
      ? 'No shops are configured: see REINSTATE_CONFIG in the README.'
      : `Shops: ${config.shops.map((shop) => shop.id).join(', ')}`,
  );
  if (service.firstToken !== undefined) {
    console.log(`Admin token, shown only now: ${service.firstToken}`);
  }
}

/** Aborted by the first Ctrl-C (or SIGTERM); an end that hangs is reported. */
function wishToEnd(): AbortSignal {
  const wish = new AbortController();
  const onSignal = (): void => {
    if (wish.signal.aborted) process.exit(130);
    console.log('Stopping ...');
    setTimeout(() => {
      fail(
        new Fault('unavailable', 'stop-timed-out', `it did not end within ${endWithinMs / 1000} s`),
      );
    }, endWithinMs).unref();
    wish.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return wish.signal;
}

/** Ends the process. Of an error nobody expected, the stack alone is shown: its fields may hold a credential. */
function fail(error: unknown): never {
  const expected = expectedFaults.some((kind) => error instanceof kind);
  const stack = error instanceof Error ? error.stack : undefined;
  console.error(expected ? messageOf(error) : (stack ?? messageOf(error)));
  process.exit(1);
}

process.on('uncaughtException', fail);
main().catch(fail);
