import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startLocalPostgres, type LocalPostgres } from '../../local-postgres/local-postgres.js';
import { PostgresShopAdapter } from '../../src/shops/postgres/postgres-shop-adapter.js';
import { runRestore } from '../../src/shops/postgres/restore-transaction.js';
import { ShopConnections } from '../../src/shops/postgres/shop-connections.js';
import { parseProfile } from '../../src/shops/profile-file.js';
import { oddShopProfileText } from '../support/odd-shop.js';
import { beforeSeventeen } from '../support/older-server.js';
import { withClient } from '../support/postgres.js';

// nothing is on disk but what somebody has asked for
const settings = { wal_level: 'logical', wal_writer_delay: '10s', autovacuum: 'off' };

let server: LocalPostgres;
let adapter: PostgresShopAdapter;
let connections: ShopConnections;

beforeAll(async () => {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'reinstate-crashed-'));
  server = await startLocalPostgres({ dataDirectory, settings });
  await withClient(server.url(), (client) => client.query('CREATE TABLE public.written (by text)'));
  const urls = { readUrl: server.url(), writeUrl: server.url(), statementTimeoutMs: 2_000 };
  connections = new ShopConnections({ ...urls, writeConnections: 1 });
  adapter = new PostgresShopAdapter({
    profile: parseProfile(oddShopProfileText, 'odd.yaml'),
    ...urls,
    lockTimeoutMs: 300,
    transactionTimeoutMs: 30_000,
    concurrency: 1,
    markerOf: ({ itemId }) => itemId,
    mayWrite: () => Promise.resolve(true),
  });
});

afterAll(async () => {
  await adapter.close();
  await connections.close();
  await server.stop('immediate');
  await rm(server.dataDirectory, { recursive: true, force: true });
});

async function crash(): Promise<void> {
  const [pid] = (await readFile(join(server.dataDirectory, 'postmaster.pid'), 'utf8')).split('\n');
  process.kill(Number(pid), 'SIGKILL');
  while (await server.runs()) await new Promise((resolve) => setTimeout(resolve, 20));
  await server.revive();
}

/** The shop goes on: ids of transactions of its own. */
async function othersCommit(): Promise<number[]> {
  return withClient(server.url(), async (client) => {
    const ids: number[] = [];
    for (let times = 0; times < 5; times += 1) {
      const { rows } = await client.query<{ id: string }>(
        `INSERT INTO public.written VALUES ('shop') RETURNING pg_current_xact_id()::text AS id`,
      );
      ids.push(Number(rows[0]!.id));
    }
    return ids;
  });
}

/** The server crashes just after a restore's transaction was noted. */
async function notedThenCrashed(flush: 'by itself' | 'elsewhere') {
  const pool = new pg.Pool({ connectionString: server.url() });
  pool.on('error', () => undefined);
  const noted: { transactionId: number; incarnation: string }[] = [];
  const write = `INSERT INTO public.written VALUES ('restore')`;
  const steps = [
    [{ kind: 'run', title: 'write', statement: { text: write, values: [] } }],
  ] as const;
  const flushElsewhere = () => connections.flush();
  const outcome = await runRestore(
    async () => {
      const client = await pool.connect();
      if (flush === 'elsewhere') beforeSeventeen(client);
      return client;
    },
    {
      steps,
      noteTransaction: async (transaction) => {
        noted.push(transaction);
        await crash();
      },
      timeouts: { lockMs: 300, statementMs: 2_000, transactionMs: 30_000 },
      counters: [],
      flushElsewhere,
    },
  );
  await pool.end();
  expect(outcome.outcome).not.toBe('applied');
  return noted[0]!;
}

test.each(['by itself', 'elsewhere'] as const)(
  'an id that was noted is no other transaction’s after a crash of the shop’s server: flushed %s',
  async (flush) => {
    const noted = await notedThenCrashed(flush);
    expect(await othersCommit()).not.toContain(noted.transactionId);
    expect(await adapter.outcomeOf(noted)).toBe('aborted');
  },
);
