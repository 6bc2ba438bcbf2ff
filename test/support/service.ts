import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DestinationStream } from 'pino';
import { startService } from '../../src/bootstrap.js';
import { configSchema, type Config } from '../../src/config/config.schema.js';
import { ManualClock, type Clock } from '../../src/platform/clock.js';
import { callerOf, type HttpCaller } from './http-caller.js';
import { createReinstateDatabase, type ReinstateTestDatabase } from './postgres.js';

/** A Sunday night; the clock of a test service stands there until the test moves it. */
export const testStart = new Date('2026-11-22T03:00:00.000Z');

export interface TestService<C extends Clock = Clock> {
  readonly url: string;
  readonly clock: C;
  /** the secret of the first admin token */
  readonly adminToken: string;
  /** talks to the service as its admin; `as(token)` gives one that talks as somebody else */
  readonly admin: HttpCaller;
  readonly database: ReinstateTestDatabase;
  readonly config: Config;
  /** Adds a person (or service) and a token of theirs, and gives one that talks as them. */
  newcomer(given: Newcomer): Promise<{ personId: string; secret: string; http: HttpCaller }>;
  /** Ends the service and takes its database away; it is called once. */
  stop(): Promise<void>;
}

export interface Newcomer {
  readonly name: string;
  readonly role: string;
  readonly kind?: 'person' | 'service';
  readonly days?: number;
}

/** The parts of a configuration that a test wants otherwise; database, port and data directory are set here. */
export type TestSettings = Partial<
  Pick<Config, 'shops' | 'receivers' | 'detection' | 'log_level' | 'tracing'>
>;

/**
 * The whole service in this process on a free port, with a migrated database of its own. Without a
 * `clock` its time stands still until the test moves it.
 */
export async function startTestService(): Promise<TestService<ManualClock>>;
export async function startTestService<C extends Clock>(options: {
  clock: C;
  settings?: TestSettings;
  logStream?: DestinationStream;
}): Promise<TestService<C>>;
export async function startTestService(
  options: { clock?: Clock; settings?: TestSettings; logStream?: DestinationStream } = {},
): Promise<TestService> {
  const clock = options.clock ?? new ManualClock(testStart);
  const database = await createReinstateDatabase();
  const directory = await mkdtemp(join(tmpdir(), 'reinstate-service-'));
  const config = configSchema.parse({
    log_level: 'error',
    ...options.settings,
    http: { port: 0 },
    database: { url: database.settings.url, runtime_url: database.settings.runtimeUrl },
    data_directory: directory,
  });
  const { logStream } = options;
  const service = await startService(
    { config, directory },
    {
      clock,
      say: () => undefined,
      lost: (error) => {
        throw error;
      },
      ...(logStream && { logStream }),
    },
  );
  const adminToken = service.firstToken;
  if (adminToken === undefined) throw new Error('a new service gave no first token');
  const admin = await callerOf(service.url, adminToken);
  return {
    url: service.url,
    clock,
    adminToken,
    admin,
    database,
    config,
    newcomer: (given) => addNewcomer(admin, given),
    stop: async () => {
      await service.stop();
      await database.drop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function addNewcomer(admin: HttpCaller, { name, role, kind, days }: Newcomer) {
  const person = await admin.post('/api/v1/persons', { name, ...(kind && { kind }) });
  const personId = String(person.body['id']);
  const issued = await admin.post(`/api/v1/persons/${personId}/tokens`, {
    role,
    label: `test ${role}`,
    ...(days !== undefined && { days }),
  });
  if (issued.status !== 201) throw new Error(`no token for ${name}: ${issued.text}`);
  const secret = String(issued.body['secret']);
  return { personId, secret, http: admin.as(secret) };
}
