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

/** URL of a database on the run's throw-away server, as the superuser or as another role. */
export function testServerUrl(
  database: string,
  login?: { user: string; password: string },
): string {
  const base = process.env['REINSTATE_TEST_SERVER'];
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

/** A new empty database, or a copy of `template`. */
export async function createTestDatabase(
  options: { template?: string; owner?: string } = {},
): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  const owner = options.owner === undefined ? '' : `OWNER ${options.owner}`;
  const admin = testServerUrl('postgres');
  await withClient(admin, (client) =>
    client.query(`CREATE DATABASE ${name} TEMPLATE ${options.template ?? 'template0'} ${owner}`),
  );
  return {
    name,
    url: testServerUrl(name),
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
  const created = await createTestDatabase({
    template: templateDatabase,
    owner: 'reinstate_owner',
  });
  const settings = {
    url: testServerUrl(created.name, { user: 'reinstate_owner', password: 'test-owner' }),
    runtimeUrl: testServerUrl(created.name, {
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
