import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { VersioningType } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { Logger } from 'nestjs-pino';
import { AccessService } from './access/access.service.js';
import { guardRequests } from './access/door.js';
import { AppModule, backgroundSteps } from './app.module.js';
import type { LoadedConfig } from './config/load-config.js';
import { ServiceKey } from './journal/personal-data.js';
import { SystemClock, type Clock } from './platform/clock.js';
import { migrate, openDatabase, type DatabaseSettings } from './platform/database/connect.js';
import { startEmbeddedDatabase } from './platform/database/embedded.js';
import { answerFrameworkError, ProblemFilter } from './platform/http/problem.filter.js';
import { packageRoot } from './platform/package-root.js';
import { secretFile } from './platform/secret-file.js';
import { StepRunner } from './platform/work/step-runner.js';

const bodyLimitBytes = 1_048_576;

export interface RunningService {
  /** where it listens, e.g. `http://127.0.0.1:8080` */
  readonly url: string;
  /** the secret of the first admin token; only on the very first start */
  readonly firstToken: string | undefined;
  /** Ends requests and background steps cleanly, then the database if it is its own. */
  stop(): Promise<void>;
}

/** Starts the whole service: its database, migrations, background steps and HTTP. */
export async function startService(
  { config, directory }: LoadedConfig,
  options: { say: (line: string) => void; clock?: Clock },
): Promise<RunningService> {
  const dataDirectory = resolve(directory, config.data_directory);
  const { settings, stopServer } = await databaseOf(
    { config, directory },
    dataDirectory,
    options.say,
  );
  await migrate(settings);
  const database = await openDatabase(settings);
  const keyText =
    config.encryption_key ?? (await secretFile(join(dataDirectory, 'encryption-key')));
  const parts = {
    config,
    configDirectory: directory,
    runbooksDirectory: join(packageRoot(), 'runbooks'),
    clock: options.clock ?? new SystemClock(),
    database,
    serviceKey: new ServiceKey(Buffer.from(keyText, 'base64')),
  };
  const app = await createApp(parts);
  await app.listen(config.http.port, config.http.host);
  const firstAdmin = await app.get(AccessService).ensureFirstAdmin();
  const runner = app.get(StepRunner);
  runner.start(backgroundSteps.map((step) => app.get(step, { strict: false })));
  return {
    url: (await app.getUrl()).replace('[::1]', 'localhost'),
    firstToken: firstAdmin?.secret,
    stop: async () => {
      await runner.stop();
      await app.close();
      await database.dataSource.destroy();
      await stopServer();
    },
  };
}

async function createApp(
  parts: Parameters<typeof AppModule.with>[0],
): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    bodyLimit: bodyLimitBytes,
    trustProxy: false,
    forceCloseConnections: true,
    frameworkErrors: answerFrameworkError,
  });
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.with(parts), adapter, {
    // what Nest says while it starts is of no use to anybody; faults are
    logger: ['warn', 'error'],
  });
  app.useGlobalFilters(new ProblemFilter());
  app.setGlobalPrefix('api', { exclude: ['health/live', 'health/ready', 'metrics'] });
  app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
  guardRequests(app);
  await addApiDocument(app);
  await app.init();
  app.useLogger(app.get(Logger));
  return app;
}

/** `/api/openapi.json` and, for people, `/api/docs`. */
async function addApiDocument(app: NestFastifyApplication): Promise<void> {
  const description = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Reinstate')
    .setVersion(await packageVersion())
    .setDescription(
      'Finds wrongly cancelled orders, opens incidents and restores the orders exactly once.',
    )
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'a token such as rst_...' })
    .build();
  SwaggerModule.setup('docs', app, () => SwaggerModule.createDocument(app, description), {
    useGlobalPrefix: true,
    jsonDocumentUrl: 'openapi.json',
  });
}

async function packageVersion(): Promise<string> {
  const text = await readFile(join(packageRoot(), 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

async function databaseOf(
  { config }: LoadedConfig,
  dataDirectory: string,
  say: (line: string) => void,
): Promise<{ settings: DatabaseSettings; stopServer: () => Promise<void> }> {
  const { url, runtime_url: runtimeUrl, pool_size: poolSize } = config.database;
  if (url !== undefined) {
    return { settings: { url, runtimeUrl, poolSize }, stopServer: () => Promise.resolve() };
  }
  const { settings, server } = await startEmbeddedDatabase({ dataDirectory, poolSize, say });
  return { settings, stopServer: () => server.stop() };
}
