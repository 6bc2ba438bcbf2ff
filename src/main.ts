import 'reflect-metadata';
import { LocalPostgresError } from '../local-postgres/failure.js';
import { startService } from './bootstrap.js';
import { ConfigFault, loadConfig } from './config/load-config.js';
import { EmbeddedDatabaseLost } from './platform/database/embedded-watch.js';
import { Fault, messageOf } from './platform/errors.js';

/** Faults whose message says all that a person needs. */
const expectedFaults = [ConfigFault, Fault, EmbeddedDatabaseLost, LocalPostgresError];

/** An orderly end takes seconds; beyond that something hangs, and whoever runs the service should know. */
const endWithinMs = 30_000;

/** Starts the service and ends it cleanly at the first Ctrl-C; a second one ends it at once. */
async function main(): Promise<void> {
  const loaded = await loadConfig();
  const service = await startService(loaded, {
    say: (line) => console.log(line),
    lost: (error) => fail(error),
  });
  console.log(`Reinstate listens on ${service.url} (API: ${service.url}/api/docs)`);
  const { shops } = loaded.config;
  console.log(
    shops.length === 0
      ? 'No shops are configured: see REINSTATE_CONFIG in the README.'
      : `Shops: ${shops.map((shop) => shop.id).join(', ')}`,
  );
  if (service.firstToken !== undefined) {
    console.log(`Admin token, shown only now: ${service.firstToken}`);
  }
  const stop = once(async () => {
    console.log('Stopping ...');
    setTimeout(() => {
      fail(
        new Fault('unavailable', 'stop-timed-out', `it did not end within ${endWithinMs / 1000} s`),
      );
    }, endWithinMs).unref();
    await service.stop();
    process.exit(0);
  });
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}

function once(work: () => Promise<void>): () => void {
  let called = false;
  return () => {
    if (called) process.exit(130);
    called = true;
    work().catch(fail);
  };
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
