/**
 * Starts a real Medusa shop on an empty or an earlier filled PostgreSQL database.
 * As a library: `startMedusa(options)`. As a process: see `spawn-medusa.mjs`.
 */
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs, promisify } from 'node:util';

const thisFile = fileURLToPath(import.meta.url);
const directory = fileURLToPath(new URL('./project', import.meta.url));
const require = createRequire(import.meta.url);

/** A test shop reports nothing to anyone. Medusa reads these when it is loaded. */
function setEnvironment({ databaseUrl, verbose }) {
  Object.assign(process.env, {
    MEDUSA_DISABLE_TELEMETRY: 'true',
    MEDUSA_DATABASE_URL: databaseUrl,
    MEDUSA_TEST_SECRET: crypto.randomUUID(),
    MEDUSA_FF_ANALYTICS: 'false',
    LOG_LEVEL: verbose ? 'info' : 'error',
    NODE_ENV: 'production',
  });
}

async function isEmpty(databaseUrl) {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query(`SELECT to_regclass('public."order"') IS NULL AS empty`);
    return rows[0].empty;
  } finally {
    await client.end();
  }
}

/** In a process of its own: Medusa does not start in one that has migrated. */
async function makeSchema(databaseUrl) {
  const args = [thisFile, '--migrate', '--database-url', databaseUrl];
  await promisify(execFile)(process.execPath, args, { maxBuffer: 16 * 1024 * 1024 });
}

/** Makes the schema, with the tables of all links between modules. */
async function migrate(databaseUrl) {
  setEnvironment({ databaseUrl, verbose: false });
  const { initializeContainer } = require('@medusajs/medusa/loaders/index');
  const { migrate: run } = require('@medusajs/medusa/commands/db/migrate');
  const container = await initializeContainer(directory);
  const logger = container.resolve('logger');
  const options = { skipScripts: true, skipSearch: true, executeAllLinks: true };
  await run({ directory, container, logger, ...options });
}

/**
 * Starts the shop and fills an empty database with the catalogue.
 * Resolves when the shop answers; rejects when the database cannot be reached or filled.
 * @param {{ databaseUrl: string, port?: number, verbose?: boolean }} options `port` 0 (the default) takes a free one
 */
export async function startMedusa({ databaseUrl, port = 0, verbose = false }) {
  const begun = performance.now();
  setEnvironment({ databaseUrl, verbose });
  const empty = await isEmpty(databaseUrl);
  if (empty) await makeSchema(databaseUrl);
  const migrated = performance.now();
  const { default: express } = await import('express');
  const { default: load } = require('@medusajs/medusa/loaders/index');
  const expressApp = express();
  const { addFaultyJob } = await import('./faulty-job.mjs');
  addFaultyJob(expressApp, () => container);
  const { container, shutdown } = await load({ directory, expressApp });
  const started = performance.now();
  const administrator = { email: 'admin@example.test', password: 'supersecret' };
  if (empty) {
    const { seed } = await import('./catalogue.mjs');
    await seed(container, administrator);
  }
  const server = createServer(expressApp);
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    administrator,
    migrateMs: Math.round(migrated - begun),
    startMs: Math.round(started - migrated),
    populateMs: Math.round(performance.now() - started),
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await shutdown();
    },
  };
}

async function runAsProcess() {
  const { values } = parseArgs({
    options: {
      'database-url': { type: 'string' },
      port: { type: 'string', default: '0' },
      verbose: { type: 'boolean', default: false },
      migrate: { type: 'boolean', default: false },
    },
  });
  const databaseUrl = values['database-url'] ?? process.env.MEDUSA_DATABASE_URL;
  if (!databaseUrl) throw new Error('give --database-url or MEDUSA_DATABASE_URL');
  if (values.migrate) {
    await migrate(databaseUrl);
    process.exit(0);
  }
  // stdout carries only the line that says "ready"
  const print = process.stdout.write.bind(process.stdout);
  process.stdout.write = process.stderr.write.bind(process.stderr);
  const { stop, ...shop } = await startMedusa({
    databaseUrl,
    port: Number(values.port),
    verbose: values.verbose,
  });
  let stopping;
  const end = () => (stopping ??= stop().finally(() => process.exit(0)));
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, end);
  process.stdin.on('close', end).resume();
  print(`${JSON.stringify({ ready: true, pid: process.pid, ...shop })}\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await runAsProcess();
