import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Logger, VersioningType } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import type { DestinationStream, Logger as Pino } from 'pino';
import { AccessService } from './access/access.service.js';
import { guardRequests } from './access/door.js';
import { AppModule, backgroundSteps } from './app.module.js';
import type { LoadedConfig } from './config/load-config.js';
import { entities } from './entities.js';
import { ServiceKey } from './journal/personal-data.js';
import { SystemClock, type Clock } from './platform/clock.js';
import { migrate, openDatabase, type DatabaseSettings } from './platform/database/connect.js';
import { prepareEmbeddedDatabase, startEmbeddedServer } from './platform/database/embedded.js';
import { EmbeddedWatch } from './platform/database/embedded-watch.js';
import { Fault, messageOf } from './platform/errors.js';
import { Draining } from './platform/http/draining.js';
import { refusedAnswer } from './platform/http/openapi.js';
import { answerFrameworkError, ProblemFilter } from './platform/http/problem.filter.js';
import { logRequests } from './platform/http/request-log.js';
import { traceRequests } from './platform/http/request-trace.js';
import { packageRoot } from './platform/package-root.js';
import { secretFile } from './platform/secret-file.js';
import { createLog, NestLog } from './platform/telemetry/logger.js';
import { startTracing } from './platform/telemetry/tracing/tracing.js';
import { StepRunner } from './platform/work/step-runner.js';

const bodyLimitBytes = 1_048_576;
/** A request has arrived whole by then, or whoever sends it only means to keep a connection. */
const requestTimeoutMs = 60_000;
/** An order's or customer's key in the path, percent-encoded. */
const pathPartLengthMax = 500;
/** Longer than any request works; what hangs is cut off. */
const drainMs = 5_000;

export interface RunningService {
  /** where it listens, e.g. `http://127.0.0.1:8080` */
  readonly url: string;
  /** the secret of the first admin token; only on the very first start */
  readonly firstToken: string | undefined;
  /** Ends requests and background steps cleanly, then the database if it is its own. */
  stop(): Promise<void>;
}

export interface StartOptions {
  /** tells a person at the terminal what is going on */
  readonly say: (line: string) => void;
  readonly clock?: Clock;
  /** aborted where somebody wants no service any more before it has started */
  readonly signal?: AbortSignal;
  /** told once when the service cannot go on; it must then be ended */
  readonly lost: (error: Error) => void;
  /** where the log goes instead of stderr */
  readonly logStream?: DestinationStream;
}

/** The start was called off, and what had been started has ended again. */
export class StartCalledOff extends Error {
  override readonly name = 'StartCalledOff';
}

/**
 * Starts the whole service: its database, migrations, background steps and HTTP. Where it cannot, or is not to
 * any more, what was started is ended again, in order.
 * @throws StartCalledOff where `signal` was aborted in the meantime
 */
export async function startService(
  loaded: LoadedConfig,
  options: StartOptions,
): Promise<RunningService> {
  const log = createLog(loaded.config.log_level, options.logStream);
  // from here on: what is logged while the parts are put together goes there, too
  Logger.overrideLogger(new NestLog(log));
  const endings = new Endings();
  try {
    return await start(loaded, { ...options, log, endings });
  } catch (error) {
    const isCalledOff = options.signal?.aborted === true;
    await endings.run(isCalledOff ? 'stopped' : 'failed').catch((further: unknown) => {
      new Logger('Start').error(messageOf(further));
    });
    throw isCalledOff ? new StartCalledOff('called off before it had started') : error;
  }
}

async function start(
  { config, directory }: LoadedConfig,
  options: StartOptions & { log: Pino; endings: Endings },
): Promise<RunningService> {
  const { log, endings, signal } = options;
  const tracing = await startTracing({
    endpoint: config.tracing.endpoint,
    tracesUrl: config.tracing.traces_url,
    sampleRatio: config.tracing.sample_ratio,
    version: await packageVersion(),
  });
  if (tracing !== undefined) endings.add(() => tracing.stop());
  const dataDirectory = resolve(directory, config.data_directory);
  const settings = await databaseOf(config, { ...options, dataDirectory });
  signal?.throwIfAborted();
  await migrate(settings);
  signal?.throwIfAborted();
  const database = await openDatabase(settings, entities);
  endings.add(() => database.dataSource.destroy());
  signal?.throwIfAborted();
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
  const draining = new Draining();
  const app = await createApp(parts, { log, draining, isTraced: tracing !== undefined });
  endings.add(() => app.close());
  signal?.throwIfAborted();
  await listen(app, config.http);
  // from here on it is not called off any more: a first token that is made has to be told
  const firstAdmin = await app.get(AccessService).ensureFirstAdmin();
  const runner = app.get(StepRunner);
  runner.start(backgroundSteps.map((step) => app.get(step, { strict: false })));
  endings.add(() => runner.stop());
  endings.add(() => draining.drain(drainMs));
  return {
    url: (await app.getUrl()).replace('[::1]', 'localhost'),
    firstToken: firstAdmin?.secret,
    stop: () => endings.run('stopped'),
  };
}

type Ending = (why: 'stopped' | 'failed') => Promise<unknown>;

/** What has to be ended, last things first. One that fails does not keep the others from their end. */
class Endings {
  private readonly endings: Ending[] = [];

  add(ending: Ending): void {
    this.endings.push(ending);
  }

  async run(why: Parameters<Ending>[0]): Promise<void> {
    const failed: unknown[] = [];
    for (const ending of this.endings.splice(0).reverse())
      await ending(why).catch((error: unknown) => failed.push(error));
    if (failed.length > 0) throw new AggregateError(failed, failed.map(messageOf).join('; '));
  }
}

async function listen(
  app: NestFastifyApplication,
  { host, port }: LoadedConfig['config']['http'],
): Promise<void> {
  try {
    await app.listen(port, host);
  } catch (error) {
    throw new Fault(
      'unavailable',
      'cannot-listen',
      `cannot listen on ${host}:${port}: ${messageOf(error)}; choose another with REINSTATE_PORT or http.port`,
    );
  }
}

async function createApp(
  parts: Parameters<typeof AppModule.with>[0],
  { log, draining, isTraced }: { log: Pino; draining: Draining; isTraced: boolean },
): Promise<NestFastifyApplication> {
  const proxies = parts.config.http.trusted_proxies;
  const adapter = new FastifyAdapter({
    bodyLimit: bodyLimitBytes,
    requestTimeout: requestTimeoutMs,
    routerOptions: { maxParamLength: pathPartLengthMax },
    trustProxy: proxies.length === 0 ? false : proxies,
    forceCloseConnections: true,
    frameworkErrors: answerFrameworkError,
  });
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.with(parts), adapter, {
    // a fault of the start is told by main, not by Nest's abort
    abortOnError: false,
  });
  if (isTraced) traceRequests(app);
  logRequests(app, log);
  draining.watch(app);
  app.useGlobalFilters(new ProblemFilter());
  app.setGlobalPrefix('api', { exclude: ['health/live', 'health/ready', 'metrics'] });
  app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
  guardRequests(app);
  await addApiDocument(app);
  await app.init();
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
    .addGlobalResponse(refusedAnswer)
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

/** The database that was configured, or one of our own, which is watched while the service runs. */
async function databaseOf(
  config: LoadedConfig['config'],
  options: StartOptions & { endings: Endings; dataDirectory: string },
): Promise<DatabaseSettings> {
  const { lost, endings, signal } = options;
  const { url, runtime_url: runtimeUrl, pool_size: poolSize } = config.database;
  if (url !== undefined) return { url, runtimeUrl, poolSize };
  signal?.throwIfAborted();
  const server = await startEmbeddedServer({ ...options, poolSize });
  // another process may be at work with a server that was running already: a start that fails leaves it
  endings.add(async (why) => {
    if (why === 'stopped' || !server.adopted) await server.stop();
  });
  signal?.throwIfAborted();
  const settings = await prepareEmbeddedDatabase(server, { ...options, poolSize });
  const watch = new EmbeddedWatch(server, lost);
  watch.start();
  endings.add(() => watch.stop());
  return settings;
}
