import { fstatSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startControlServer } from './process/control-server.js';
import { SAMPLE_SHOP_DEFAULTS, startSampleShop } from './process/sample-shop.js';

/**
 * The sample shop in a process of its own. Prints one JSON line on stdout once customers are in;
 * everything else goes to stderr. Ends cleanly, database server included, on SIGTERM, SIGINT,
 * POST /shutdown, and when the parent that holds its standard input goes away.
 */
async function main(): Promise<void> {
  const startedAt = performance.now();
  const options = readArguments();
  // Asked from the first moment on: a signal during the start still ends everything.
  const stopRequested = new Promise<void>((resolve) => {
    process.on('SIGTERM', () => resolve());
    process.on('SIGINT', () => resolve());
    onParentGone(resolve);
    requestStop = resolve;
  });
  const shop = await startSampleShop(options);
  const control = await startControlServer(shop, { port: options.port, onShutdown: requestStop });
  const ready = {
    ready: true,
    pid: process.pid,
    port: control.port,
    controlUrl: control.url,
    controlToken: control.token,
    databaseUrl: shop.databaseUrl,
    databasePort: Number(new URL(shop.databaseUrl).port),
    dataDirectory: shop.dataDirectory,
    writeRole: shop.writeRole,
    seed: options.seed,
    pastOrders: shop.pastOrders,
    backfillMs: shop.backfillMs,
    startedInMs: Math.round(performance.now() - startedAt),
  };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
  await stopRequested;
  await control.close();
  await shop.stop();
}

let requestStop: () => void = () => undefined;

/** Only a pipe tells that the parent is gone; a terminal or /dev/null does not. */
function onParentGone(stop: () => void): void {
  const input = fstatSync(0);
  if (!input.isFIFO() && !input.isSocket()) return;
  process.stdin.on('end', stop).on('close', stop).on('error', stop);
  process.stdin.resume();
}

function readArguments(): Parameters<typeof startSampleShop>[0] & { port: number } {
  const { values } = parseArgs({
    options: {
      'data-directory': { type: 'string' },
      seed: { type: 'string', default: SAMPLE_SHOP_DEFAULTS.seed },
      port: { type: 'string', default: '0' },
      'orders-per-second': {
        type: 'string',
        default: String(SAMPLE_SHOP_DEFAULTS.ordersPerSecond),
      },
      customers: { type: 'string', default: String(SAMPLE_SHOP_DEFAULTS.customers) },
      'history-days': { type: 'string', default: String(SAMPLE_SHOP_DEFAULTS.historyDays) },
      'history-orders': { type: 'string', default: String(SAMPLE_SHOP_DEFAULTS.historyOrders) },
      'recent-minutes': { type: 'string', default: String(SAMPLE_SHOP_DEFAULTS.recentMinutes) },
    },
  });
  const dataDirectory = values['data-directory'];
  if (dataDirectory === undefined) throw new Error('--data-directory is missing');
  return {
    dataDirectory,
    seed: values.seed,
    port: numberIn('--port', values.port),
    ordersPerSecond: numberIn('--orders-per-second', values['orders-per-second']),
    customers: numberIn('--customers', values.customers),
    historyDays: numberIn('--history-days', values['history-days']),
    historyOrders: numberIn('--history-orders', values['history-orders']),
    recentMinutes: numberIn('--recent-minutes', values['recent-minutes']),
    say: (line) => process.stderr.write(`${line}\n`),
  };
}

function numberIn(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw new Error(`${name} wants a number, not ${text}`);
  return value;
}

try {
  await main();
  process.exitCode = 0;
} catch (error) {
  process.stderr.write(
    `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = 1;
}
// Standard input may still be open, and would keep the process.
process.stdin.destroy();
