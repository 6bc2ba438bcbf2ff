/**
 * Starts a real Vendure shop on an empty or an earlier filled PostgreSQL database.
 * As a library: `startVendure(options)`. As a process: see `spawn-vendure.mjs`.
 */
import { parseArgs } from 'node:util';
import { pathToFileURL } from 'node:url';
import { initialData, productsAsCsv } from './catalogue.mjs';

// Vendure reads this when it is loaded: a test shop reports nothing to anyone.
process.env.VENDURE_DISABLE_TELEMETRY = 'true';

const {
  bootstrap,
  Importer,
  LogLevel,
  Logger,
  PaymentMethodHandler,
  Populator,
  RequestContextService,
  TransactionalConnection,
} = await import('@vendure/core');
const { FaultyJobPlugin } = await import('./faulty-job.plugin.mjs');

const label = (value) => [{ languageCode: 'en', value }];
const transactionId = () => crypto.randomUUID();

/** Takes the money at once and gives it back at once. */
const cardPayment = new PaymentMethodHandler({
  code: 'test-card',
  description: label('Card: settled at once'),
  args: {},
  createPayment: (ctx, order, amount) => ({
    amount,
    state: 'Settled',
    transactionId: transactionId(),
    metadata: {},
  }),
  settlePayment: () => ({ success: true }),
  createRefund: () => ({ state: 'Settled', transactionId: transactionId(), metadata: {} }),
});

/** Only authorised: the money is taken later, by hand. */
const invoicePayment = new PaymentMethodHandler({
  code: 'test-invoice',
  description: label('Invoice: authorised, settled later'),
  args: {},
  createPayment: (ctx, order, amount) => ({
    amount,
    state: 'Authorized',
    transactionId: transactionId(),
    metadata: {},
  }),
  settlePayment: () => ({ success: true }),
  cancelPayment: () => ({ success: true }),
});

/** Everything to stderr: stdout carries only the line that says "ready". */
const write = (level, enabled) => (message, context) => {
  if (enabled) process.stderr.write(`vendure ${level} [${context ?? ''}] ${message}\n`);
};
const logger = (verbose) => ({
  error: write('error', true),
  warn: write('warn', verbose),
  info: write('info', verbose),
  verbose: write('verbose', false),
  debug: write('debug', false),
});

function vendureConfig({ databaseUrl, port, superadmin, verbose }) {
  return {
    apiOptions: { hostname: '127.0.0.1', port, adminApiPath: 'admin-api', shopApiPath: 'shop-api' },
    authOptions: {
      tokenMethod: 'bearer',
      requireVerification: false,
      superadminCredentials: superadmin,
      cookieOptions: { secret: transactionId() },
    },
    // `timestamp without time zone` columns: all writers must mean the same zone, see spawn-vendure.mjs.
    // `synchronize` makes the schema of a shop that lives for one test only.
    dbConnectionOptions: {
      type: 'postgres',
      url: databaseUrl,
      synchronize: true,
      migrations: [],
      logging: false,
      // The columns are `timestamp without time zone`: database and process must mean the same zone.
      extra: { options: '-c TimeZone=UTC' },
    },
    paymentOptions: { paymentMethodHandlers: [cardPayment, invoicePayment] },
    plugins: [FaultyJobPlugin],
    logger: logger(verbose),
  };
}

async function isPopulated(app) {
  const rows = await app
    .get(TransactionalConnection)
    .rawConnection.query('SELECT 1 FROM product LIMIT 1');
  return rows.length > 0;
}

async function populate(app) {
  await app.get(Populator).populateInitialData(initialData);
  const context = await app
    .get(RequestContextService)
    .create({ apiType: 'admin', languageCode: 'en' });
  const progress = await new Promise((resolve, reject) => {
    let last;
    app
      .get(Importer)
      .parseAndImport(productsAsCsv(), context)
      .subscribe({ next: (value) => (last = value), error: reject, complete: () => resolve(last) });
  });
  if (progress.errors?.length)
    throw new Error(`the catalogue was not imported whole: ${progress.errors.join('; ')}`);
}

/**
 * Starts the shop and fills an empty database with the catalogue.
 * Resolves when the shop answers; rejects when the database cannot be reached or filled.
 * @param {{ databaseUrl: string, port?: number, superadmin?: { identifier: string, password: string }, verbose?: boolean }} options
 *   `port` 0 (the default) takes a free one.
 */
export async function startVendure({
  databaseUrl,
  port = 0,
  superadmin = { identifier: 'superadmin', password: 'superadmin' },
  verbose = false,
}) {
  const startedAt = performance.now();
  const app = await bootstrap(vendureConfig({ databaseUrl, port, superadmin, verbose }));
  const listeningAt = performance.now();
  if (!(await isPopulated(app))) await populate(app);
  const url = `http://127.0.0.1:${app.getHttpServer().address().port}`;
  return {
    url,
    superadmin,
    startMs: Math.round(listeningAt - startedAt),
    populateMs: Math.round(performance.now() - listeningAt),
    stop: () => app.close(),
  };
}

async function runAsProcess() {
  const { values } = parseArgs({
    options: {
      'database-url': { type: 'string' },
      port: { type: 'string', default: '0' },
      verbose: { type: 'boolean', default: false },
    },
  });
  const databaseUrl = values['database-url'] ?? process.env.VENDURE_DATABASE_URL;
  if (!databaseUrl) throw new Error('give --database-url or VENDURE_DATABASE_URL');
  const shop = await startVendure({
    databaseUrl,
    port: Number(values.port),
    verbose: values.verbose,
  });

  let stopping;
  const stop = () => (stopping ??= shop.stop().finally(() => process.exit(0)));
  // Nest's own signal handlers end the process by the same signal: an orderly end should exit with 0.
  for (const signal of ['SIGTERM', 'SIGINT']) {
    process.removeAllListeners(signal);
    process.on(signal, stop);
  }
  process.stdin.on('close', stop).resume();
  const { url, startMs, populateMs } = shop;
  process.stdout.write(
    `${JSON.stringify({ ready: true, url, pid: process.pid, startMs, populateMs })}\n`,
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await runAsProcess();
