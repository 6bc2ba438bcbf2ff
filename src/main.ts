import 'reflect-metadata';
import { startService } from './bootstrap.js';
import { ConfigFault, loadConfig } from './config/load-config.js';
import { Fault } from './platform/errors.js';

/** Starts the service and ends it cleanly at the first Ctrl-C; a second one ends it at once. */
async function main(): Promise<void> {
  const loaded = await loadConfig();
  const service = await startService(loaded, { say: (line) => console.log(line) });
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
    work().catch((error: unknown) => {
      console.error(error);
      process.exit(1);
    });
  };
}

main().catch((error: unknown) => {
  const expected = error instanceof ConfigFault || error instanceof Fault;
  console.error(expected ? error.message : error);
  process.exit(1);
});
