import type pg from 'pg';
import { DataSource } from 'typeorm';
import { Fault, messageOf } from '../errors.js';
import { Database } from './database.js';
import { pgLsn, type EntityClass } from './entity.js';
import { migrations } from './migrations/index.js';
import { PostgresNaming } from './naming.js';
import { prepareRepeated, RepeatedStatements } from './repeated-statements.js';
import { ownValues } from './value-parsers.js';

export const runtimeRole = 'reinstate_runtime';
const schema = 'reinstate';

/** Far beyond any batch of ours; a server that hangs is noticed by then. Migrations may take longer. */
const queryTimeoutMs = 30_000;

/**
 * After so long without a word from us in the middle of a transaction the server ends its session: a process
 * that was stopped, or whose machine is gone, keeps its locks from whoever takes over no longer. As long as the
 * lease of a background step: one that is silent for longer has lost its work to another process anyway.
 */
const silenceInTransactionMs = 8_000;

/** Session settings on which stored text depends: values are compared as text between sessions. */
export const pinnedSettings: Readonly<Record<string, string>> = {
  TimeZone: 'UTC',
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  extra_float_digits: '1',
  bytea_output: 'hex',
};

/** The pinned settings as libpq's `options`, to be given when a connection is opened. */
export function pinnedOptions(further: Readonly<Record<string, string>> = {}): string {
  return Object.entries({ ...pinnedSettings, ...further })
    .map(([name, value]) => `-c ${name}=${value.replaceAll('\\', '\\\\').replaceAll(' ', '\\ ')}`)
    .join(' ');
}

export interface DatabaseSettings {
  /** connection URL of the owner role, which migrates */
  readonly url: string;
  /** connection URL of a login of its own for the runtime role; without it the owner steps down to that role */
  readonly runtimeUrl?: string | undefined;
  readonly poolSize: number;
}

/**
 * Brings the schema up to date as the owner, under an advisory lock so that two processes starting
 * at once do not migrate together. Creates the runtime role where it is missing and the owner may.
 */
export async function migrate(settings: DatabaseSettings): Promise<void> {
  const owner = await open(settings.url, { poolSize: 2 });
  try {
    await ensureRuntimeRole(owner);
    const runner = owner.createQueryRunner();
    try {
      await runner.query(`SELECT pg_advisory_lock(hashtext('reinstate.migrate'))`);
      await runner.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
      await owner.runMigrations({ transaction: 'each' });
    } finally {
      await runner.query(`SELECT pg_advisory_unlock(hashtext('reinstate.migrate'))`);
      await runner.release();
    }
  } finally {
    await owner.destroy();
  }
}

/**
 * Opens the pool that the service works with: the runtime role, which can neither migrate nor rewrite
 * history. The entities are those of all rooms, told by the composition root.
 */
export async function openDatabase(
  settings: DatabaseSettings,
  entities: readonly EntityClass[],
): Promise<Database> {
  const url = settings.runtimeUrl ?? settings.url;
  const role = settings.runtimeUrl === undefined ? { role: runtimeRole } : {};
  const { poolSize } = settings;
  const further = {
    ...role,
    idle_in_transaction_session_timeout: `${silenceInTransactionMs}ms`,
  };
  return new Database(await open(url, { entities, poolSize, further, queryTimeoutMs }));
}

async function open(
  url: string,
  options: {
    poolSize: number;
    entities?: readonly EntityClass[];
    further?: Record<string, string>;
    queryTimeoutMs?: number;
  },
): Promise<DataSource> {
  const statements = new RepeatedStatements();
  const dataSource = new DataSource({
    type: 'postgres',
    url,
    schema,
    entities: [...(options.entities ?? [])],
    namingStrategy: new PostgresNaming(),
    migrations,
    migrationsTableName: 'schema_migration',
    synchronize: false,
    poolSize: options.poolSize,
    applicationName: 'reinstate',
    connectTimeoutMS: 10_000,
    installExtensions: false,
    extra: {
      keepAlive: true,
      // kept open: a new session reads the catalogue and plans every statement anew, while an incident waits for it
      min: Math.ceil(options.poolSize / 2),
      types: ownValues,
      onConnect: (client: pg.Client) => {
        // a server that dies just as it lets us in tells so before anybody listens, which would end this process
        client.on('error', () => undefined);
        prepareRepeated(client, statements);
      },
      // a server that has stopped answering must not stop every step for ever
      ...(options.queryTimeoutMs === undefined ? {} : { query_timeout: options.queryTimeoutMs }),
      options: pinnedOptions({ search_path: schema, ...options.further }),
    },
  });
  dataSource.driver.supportedDataTypes.push(pgLsn);
  try {
    return await dataSource.initialize();
  } catch (error) {
    throw new Fault(
      'unavailable',
      'database-unreachable',
      `cannot open the database of Reinstate: ${messageOf(error)}`,
    );
  }
}

async function ensureRuntimeRole(owner: DataSource): Promise<void> {
  const [found] = await owner.query<unknown[]>('SELECT 1 FROM pg_roles WHERE rolname = $1', [
    runtimeRole,
  ]);
  try {
    if (found === undefined) await owner.query(`CREATE ROLE ${runtimeRole} NOLOGIN`);
    await owner.query(`DO $$ BEGIN
      IF NOT pg_has_role(current_user, '${runtimeRole}', 'MEMBER') THEN EXECUTE format('GRANT ${runtimeRole} TO %I', current_user); END IF;
    END $$`);
  } catch (error) {
    throw new Fault(
      'unavailable',
      'runtime-role-missing',
      `the role ${runtimeRole} is missing or not granted, and this user may not change that (${messageOf(error)}); ` +
        `run as a superuser: CREATE ROLE ${runtimeRole}; GRANT ${runtimeRole} TO <the user of REINSTATE_DATABASE_URL>`,
    );
  }
}
