import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startLocalPostgres, type LocalPostgres } from '../../local-postgres/local-postgres.js';
import { PostgresShopAdapter } from '../../src/shops/postgres/postgres-shop-adapter.js';
import { runRestore } from '../../src/shops/postgres/restore-transaction.js';
import { parseProfile } from '../../src/shops/profile-file.js';
import { oddShopProfileText } from '../support/odd-shop.js';
import { withClient } from '../support/postgres.js';

const settings = { wal_level: 'logical' };

let server: LocalPostgres;
let dataDirectory: string;
let adapter: PostgresShopAdapter;

/** A login without any right of its own, as the read and write roles may be. */
function plainUrl(): string {
  const url = new URL(server.url());
  url.username = 'plain';
  url.password = 'p';
  return url.href;
}

beforeAll(async () => {
  dataDirectory = await mkdtemp(join(tmpdir(), 'reinstate-promoted-'));
  server = await startLocalPostgres({ dataDirectory, settings });
  adapter = new PostgresShopAdapter({
    profile: parseProfile(oddShopProfileText, 'odd.yaml'),
    readUrl: plainUrl(),
    writeUrl: plainUrl(),
    lockTimeoutMs: 300,
    statementTimeoutMs: 2_000,
    transactionTimeoutMs: 5_000,
    concurrency: 1,
    markerOf: ({ itemId }) => itemId,
    mayWrite: () => Promise.resolve(true),
  });
  await withClient(server.url(), (client) =>
    client.query(`CREATE ROLE plain LOGIN PASSWORD 'p'; CREATE TABLE public.much (filler text)`),
  );
});

afterAll(async () => {
  await adapter.close();
  await server.stop('immediate');
  for (const directory of [server.dataDirectory, dataDirectory])
    await rm(directory, { recursive: true, force: true });
});

/** What the intake asks, over the replication protocol. */
async function identified(): Promise<string> {
  const options = { connectionString: server.url(), replication: 'database' };
  const client = new pg.Client(options);
  await client.connect();
  const { rows } = await client.query<{ systemid: string; timeline: number | string }>(
    'IDENTIFY_SYSTEM',
  );
  await client.end();
  return `${rows[0]!.systemid}/${rows[0]!.timeline}`;
}

/** What a restore's transaction notes of the server that it runs on. */
async function noted(): Promise<{ transactionId: number; incarnation: string }> {
  const pool = new pg.Pool({ connectionString: plainUrl() });
  const outcome = await runRestore(() => pool.connect(), {
    steps: [],
    noteTransaction: () => Promise.resolve(),
    timeouts: { lockMs: 300, statementMs: 2_000, transactionMs: 5_000 },
    counters: [],
    flushElsewhere: () => Promise.resolve(),
  });
  await pool.end();
  if (outcome.outcome !== 'applied') throw new Error(`the transaction ${outcome.outcome}`);
  return outcome;
}

/** Crashed with much that no checkpoint has written, so that the one after the promotion takes its time. */
async function promoteCopy(): Promise<void> {
  await withClient(server.url(), async (client) => {
    await client.query('CHECKPOINT');
    await client.query(
      `INSERT INTO public.much SELECT repeat('x', 1000) FROM generate_series(1, 20000)`,
    );
  });
  await server.stop('immediate');
  await writeFile(join(server.dataDirectory, 'standby.signal'), '');
  server = await startLocalPostgres({ dataDirectory, port: server.port, settings });
  await withClient(server.url(), (client) => client.query('SELECT pg_promote(true)'));
}

async function checkpointed(): Promise<string> {
  const sql = `SELECT timeline_id::text AS timeline FROM pg_control_checkpoint()`;
  return await withClient(server.url(), async (client) => {
    const { rows } = await client.query<{ timeline: string }>(sql);
    return rows[0]!.timeline;
  });
}

test('a promoted server is known for another one before its first checkpoint', async () => {
  const before = await noted();
  expect(before.incarnation).toBe(await identified());
  expect(before.incarnation).toMatch(/^\d+\/1$/);
  expect((await adapter.currentPosition()).incarnation).toBe(before.incarnation);
  expect(await adapter.outcomeOf(before)).toBe('committed');

  await promoteCopy();

  const after = await noted();
  const { incarnation } = await adapter.currentPosition();
  // a transaction of the other history may have had this id: nobody says that it was committed
  expect(await adapter.outcomeOf(before)).toBe('unknown');
  expect(await adapter.outcomeOf(after)).toBe('committed');
  expect(await checkpointed()).toBe('1');
  expect(after.incarnation).toMatch(/^\d+\/2$/);
  expect(incarnation).toBe(after.incarnation);
  expect(await identified()).toBe(after.incarnation);
});
