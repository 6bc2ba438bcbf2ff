import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { entities } from '../../src/entities.js';
import { openDatabase, type DatabaseSettings } from '../../src/platform/database/connect.js';
import type { Database } from '../../src/platform/database/database.js';

export const templateDatabase = 'reinstate_template';

/** Runs `work` with a connection that is closed afterwards. */
export async function withClient<T>(
  url: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/**
 * The run's throw-away servers: one for the shops, one for Reinstate's own databases, as in life. A
 * new replication slot waits for every transaction of its server, and some of ours are long.
 */
export const testServers = {
  shops: 'REINSTATE_TEST_SHOP_SERVER',
  own: 'REINSTATE_TEST_OWN_SERVER',
} as const;
type TestServer = keyof typeof testServers;

interface Login {
  readonly user: string;
  readonly password: string;
}

/** URL of a database on the shops' server, as the superuser or as another role. */
export function testServerUrl(database: string, login?: Login): string {
  return urlOn('shops', database, login);
}

/** URL of a database on the server of Reinstate's own, as the superuser or as another role. */
export function ownServerUrl(database: string, login?: Login): string {
  return urlOn('own', database, login);
}

function urlOn(server: TestServer, database: string, login?: Login): string {
  const base = process.env[testServers[server]];
  if (base === undefined)
    throw new Error('no test server: this test belongs to the medium or e2e project');
  const url = new URL(base);
  url.pathname = `/${database}`;
  if (login !== undefined) {
    url.username = login.user;
    url.password = login.password;
  }
  return url.href;
}

export interface TestDatabase {
  readonly name: string;
  /** as the superuser of the server */
  readonly url: string;
  drop(): Promise<void>;
}

/** A new empty database on the shops' server. */
export async function createTestDatabase(): Promise<TestDatabase> {
  return createDatabase('shops', 'TEMPLATE template0');
}

async function createDatabase(server: TestServer, like: string): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  const admin = urlOn(server, 'postgres');
  await withClient(admin, (client) => client.query(`CREATE DATABASE ${name} ${like}`));
  return {
    name,
    url: urlOn(server, name),
    drop: async () => {
      await withClient(admin, (client) =>
        client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
      );
    },
  };
}

export interface ReinstateTestDatabase extends TestDatabase {
  readonly settings: DatabaseSettings;
  /** opened as the runtime role */
  readonly database: Database;
}

/** Reinstate's own database, migrated (copied from the template) and opened as the runtime role. */
export async function createReinstateDatabase(): Promise<ReinstateTestDatabase> {
  const like = `TEMPLATE ${templateDatabase} OWNER reinstate_owner`;
  const created = await createDatabase('own', like);
  const settings = {
    url: ownServerUrl(created.name, { user: 'reinstate_owner', password: 'test-owner' }),
    runtimeUrl: ownServerUrl(created.name, {
      user: 'reinstate_runtime',
      password: 'test-runtime',
    }),
    poolSize: 10,
  };
  const database = await openDatabase(settings, entities);
  return {
    ...created,
    settings,
    database,
    drop: async () => {
      await database.dataSource.destroy();
      await created.drop();
    },
  };
}
