import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { packageRoot } from '../../src/platform/package-root.js';
import { createReinstateDatabase, type ReinstateTestDatabase } from '../support/postgres.js';
import { startServiceProcess } from '../support/service-process.js';
import { TraceCollector } from '../support/trace-collector.js';

let directory: string;
let database: ReinstateTestDatabase;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'reinstate-tracing-'));
  database = await createReinstateDatabase();
});
afterEach(async () => {
  await database.drop();
  await rm(directory, { recursive: true, force: true });
});

/** The packages of OpenTelemetry that the service loads until it listens. */
async function loaded(environment: Readonly<Record<string, string>>): Promise<string[]> {
  const file = join(directory, 'packages');
  const { url, runtimeUrl } = database.settings;
  const service = await startServiceProcess({
    directory,
    config: {
      http: { port: 0 },
      database: { url, runtime_url: runtimeUrl },
      data_directory: directory,
    },
    environment: {
      NODE_OPTIONS: `--import ${join(packageRoot(), 'test/e2e/tell-packages.mjs')}`,
      TELL_PACKAGES: file,
      ...environment,
    },
  });
  await service.kill();
  const names = (await readFile(file, 'utf8')).split('\n');
  expect(names).toContain('@nestjs/core');
  return [...new Set(names)].filter((name) => name.startsWith('@opentelemetry/')).sort();
}

it('without an address for traces, nothing that would send them is loaded', async () => {
  expect(await loaded({})).toEqual(['@opentelemetry/api']);
});

it('with one it is, under the standard variable', async () => {
  const collector = await TraceCollector.start();
  try {
    const names = await loaded({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
    expect(names).toEqual(expect.arrayContaining(['@opentelemetry/sdk-trace']));
  } finally {
    await collector.stop();
  }
});
