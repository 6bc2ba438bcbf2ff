import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import {
  createReinstateCredentials,
  createShopDatabase,
  type ReinstateCredentials,
} from '../../demo/shop/database.js';
import { runCli } from '../../src/cli/run-cli.js';
import { configSchema } from '../../src/config/config.schema.js';
import { ManualClock } from '../../src/platform/clock.js';
import { observationOf, type Observation } from '../../src/shops/observation/observation.js';
import { SeenSoFar } from '../../src/shops/observation/seen-so-far.js';
import { ShopObserver } from '../../src/shops/postgres/shop-observer.js';
import { loadProfile } from '../../src/shops/profile-file.js';
import type { Profile } from '../../src/shops/profile.js';
import { placePaidOrder, seedShop } from '../support/shop-orders.js';
import { testServerUrl, withClient } from '../support/postgres.js';
import { startTestService, testStart, type TestService } from '../support/service.js';
import { toldShops } from '../support/told-events.js';

/** Tables that the profile does not map, one of them hidden from our read role; and triggers of several kinds. */
const moreSql = `
  CREATE TABLE shop.points (order_id bigint, points int);
  CREATE TABLE shop.outbox (id bigint, sent boolean) PARTITION BY LIST (sent);
  CREATE TABLE shop.outbox_open PARTITION OF shop.outbox FOR VALUES IN (false);
  CREATE TABLE shop.secret (id bigint);
  CREATE TABLE shop.session (id bigint);
  GRANT SELECT ON shop.points, shop.outbox, shop.outbox_open, shop.session TO PUBLIC;
  CREATE FUNCTION shop.move_stock() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE shop.stock SET allocated = allocated WHERE product_id = NEW.product_id; RETURN NULL; END $$;
  CREATE TRIGGER line_moves_stock AFTER UPDATE OF quantity ON shop.order_line
    FOR EACH ROW EXECUTE FUNCTION shop.move_stock();
  CREATE TRIGGER line_off AFTER UPDATE ON shop.order_line FOR EACH ROW EXECUTE FUNCTION shop.move_stock();
  ALTER TABLE shop.order_line DISABLE TRIGGER line_off;`;

let profile: Profile;
let shopUrl: string;
let credentials: ReinstateCredentials;
let orderId: string;
let service: TestService<ManualClock>;

beforeAll(async () => {
  ({ profile } = await loadProfile('sample-shop', { directory: process.cwd() }));
  const name = `shop_${randomBytes(5).toString('hex')}`;
  const database = await createShopDatabase(testServerUrl('postgres'), name);
  shopUrl = database.url;
  credentials = await createReinstateCredentials(database);
  await withClient(shopUrl, async (client) => {
    await seedShop(client);
    await client.query(moreSql);
    orderId = await placePaidOrder(client as unknown as pg.PoolClient, [
      {
        ...{ productId: 3, quantity: 2 },
      },
    ]);
  });
  const { replicate, read } = credentials;
  const { shops } = configSchema.parse({
    shops: [
      { id: 'main', name: 'Main', profile: 'sample-shop', postgres: { replicate, read } },
      {
        ...{ id: 'gone', name: 'Gone', profile: 'sample-shop' },
        postgres: { replicate, read: 'postgresql://nobody:wrong@127.0.0.1:1/shop' },
      },
    ],
  });
  service = await startTestService({
    clock: new ManualClock(testStart),
    settings: { shops: [...shops, ...toldShops('told')] },
  });
});
afterAll(async () => {
  await service.stop();
  await withClient(testServerUrl('postgres'), (client) =>
    client.query(`DROP DATABASE ${new URL(shopUrl).pathname.slice(1)} WITH (FORCE)`),
  );
});

/** Each statement list in a transaction of its own. */
async function shopDoes(...statements: readonly string[]): Promise<void> {
  await withClient(shopUrl, async (client) => {
    await client.query('BEGIN');
    for (const statement of statements) await client.query(statement);
    await client.query('COMMIT');
  });
}

const changeOrder = () =>
  `UPDATE shop.orders SET promised_date = '2026-12-24' WHERE id = ${orderId}`;

/** Other databases of the server have transactions open that began later and have ids. */
async function othersUnderWay(work: () => Promise<void>): Promise<void> {
  const url = testServerUrl('postgres');
  await withClient(url, (one) =>
    withClient(url, async (other) => {
      for (const client of [one, other]) await client.query('BEGIN; SELECT pg_current_xact_id()');
      await work();
      for (const client of [one, other]) await client.query('ROLLBACK');
    }),
  );
}

/** What is told of what the shop does meanwhile, looked at as often as the test says. */
async function observed(meanwhile: (seen: SeenSoFar) => Promise<void>): Promise<Observation> {
  const observer = await ShopObserver.open(credentials.read);
  try {
    const seen = await SeenSoFar.begin(observer, Object.keys(profile.tables));
    await meanwhile(seen);
    await othersUnderWay(() => seen.lookAtTables('all'));
    return observationOf(profile, seen.sightings(), 1);
  } finally {
    await observer.close();
  }
}

const table = (told: Observation, name: string) => told.unmapped.find((one) => one.table === name);

async function sessions(): Promise<number> {
  return withClient(testServerUrl('postgres'), async (client) => {
    const { rows } = await client.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = 'reinstate-observe'
         AND datname = $1`,
      [new URL(shopUrl).pathname.slice(1)],
    );
    return rows[0]?.count ?? -1;
  });
}

async function until(what: string, done: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await done())) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

describe('what is seen of a shop', () => {
  it('unmapped tables in the transactions of mapped ones, by their newest rows; partitions as one table', async () => {
    const told = await observed(async () => {
      await shopDoes(changeOrder(), `INSERT INTO shop.points VALUES (${orderId}, 5)`);
      await shopDoes(
        changeOrder(),
        `INSERT INTO shop.points VALUES (${orderId}, 6)`,
        'INSERT INTO shop.outbox VALUES (1, false)',
      );
      await shopDoes('INSERT INTO shop.session VALUES (1)');
    });
    expect(table(told, 'shop.points')).toMatchObject({ together: 1, with: ['shop.orders'] });
    expect(table(told, 'shop.outbox')).toMatchObject({ together: 1, with: ['shop.orders'] });
    expect(table(told, 'shop.outbox_open')).toBeUndefined();
    expect(table(told, 'shop.session')?.together ?? 0).toBe(0);
    expect(table(told, 'shop.orders')).toBeUndefined();
  });

  it('also such that the read role may not look at, while the transaction is open; its savepoints are one', async () => {
    const told = await observed(async (seen) => {
      const client = new pg.Client({ connectionString: shopUrl });
      await client.connect();
      await client.query(
        `BEGIN; ${changeOrder()}; SAVEPOINT a; INSERT INTO shop.secret VALUES (1)`,
      );
      await seen.lookAtTransactions();
      await client.query('ROLLBACK');
      await client.end();
      await shopDoes('LOCK TABLE shop.session IN ROW EXCLUSIVE MODE');
    });
    expect(told.transactions).toBe(1);
    expect(table(told, 'shop.secret')).toMatchObject({ together: 1, with: ['shop.orders'] });
  });

  it('triggers that would move again what a restore moves, and whether they fired', async () => {
    const told = await observed(async () => {
      await withClient(shopUrl, async (client) => {
        await client.query('UPDATE shop.order_line SET quantity = quantity WHERE order_id = $1', [
          orderId,
        ]);
        await client.query('SELECT pg_stat_force_next_flush()').catch(() => undefined);
      });
    });
    const ofLines = told.triggers.filter((one) => one.table === 'shop.order_line');
    expect(ofLines).toEqual([
      {
        ...{ trigger: 'line_moves_stock', table: 'shop.order_line', writes: 'shop.stock' },
        ...{ restores: 'counter', together: 1, fired: expect.any(Number) },
      },
    ]);
  });

  it('and nothing is left at the shop, not even after a kill', async () => {
    const before = await sessions();
    const observer = await ShopObserver.open(credentials.read);
    await expect(observer.relations()).resolves.not.toHaveLength(0);
    await withClient(testServerUrl('postgres'), (client) =>
      client.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'reinstate-observe' AND datname = $1`,
        [new URL(shopUrl).pathname.slice(1)],
      ),
    );
    await expect(observer.underWay()).rejects.toThrow();
    await observer.close();
    await until('the session to be gone', async () => (await sessions()) === before);
    const [row] = await withClient(shopUrl, async (client) => {
      const left = await client.query(
        `SELECT (SELECT count(*)::int FROM pg_publication) AS publications,
                (SELECT count(*)::int FROM pg_replication_slots WHERE database = current_database()) AS slots`,
      );
      return left.rows as object[];
    });
    expect(row).toEqual({ publications: 0, slots: 0 });
  });
});

describe('over HTTP', () => {
  const path = '/api/v1/shops/main/observation/events';

  it('tells how far it is, and ends when nobody listens; one at a time; audited', async () => {
    const closing = new AbortController();
    const response = await service.admin.stream(`${path}?seconds=600`, { signal: closing.signal });
    let told = '';
    void (async () => {
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) told += chunk;
    })().catch(() => undefined);
    await until('the first progress', () => told.includes('event: progress'));
    expect(told).toMatch(/"secondsLeft":598,"transactions":\d+,"together":\d+/);
    const second = await service.admin.get(`${path}?seconds=1`);
    expect([second.status, second.body['code']]).toEqual([409, 'observation-under-way']);
    closing.abort();
    await until('the session to be gone', async () => (await sessions()) === 0);
    const audit = await service.admin.get('/api/v1/audit');
    const items = audit.body['items'] as { action: string }[];
    expect(items.filter(({ action }) => action === 'shop.observed')).toMatchObject([
      { subjectKind: 'shop', subjectId: 'main', data: { seconds: 600 } },
    ]);
  });

  it('refuses before it begins', async () => {
    const viewer = await service.newcomer({ name: 'Viewer', role: 'viewer' });
    const ask = async (http = service.admin, query = '', shop = 'main') => {
      const answer = await http.get(`/api/v1/shops/${shop}/observation/events${query}`);
      return [answer.status, answer.body['code']];
    };
    expect(await ask(viewer.http)).toEqual([403, expect.anything()]);
    expect(await ask(service.admin, '?seconds=0')).toEqual([400, 'input-invalid']);
    expect(await ask(service.admin, '?seconds=601')).toEqual([400, 'input-invalid']);
    expect(await ask(service.admin, '', 'nope')).toEqual([404, 'shop-missing']);
    expect(await ask(service.admin, '', 'told')).toEqual([409, 'no-database']);
  });
});

describe('reinstate shop check --observe', () => {
  async function reinstate(...args: string[]) {
    let out = '';
    let err = '';
    const code = await runCli(args, {
      environment: { url: service.url, token: service.admin.token, attachUrl: undefined },
      version: '1.2.3',
      write: (text) => (out += text),
      writeError: (text) => (err += text),
      signal: new AbortController().signal,
    });
    return { code, out, err };
  }

  it('checks, watches, and tells it in words, or as JSON', async () => {
    const { code, out } = await reinstate('shop', 'check', 'main', '--observe', '--for', '3s');
    expect(code).toBe(0);
    expect(out).toMatch(/does not fit the shop|fits the shop/);
    expect(out).toMatch(/1 s to go: \d+ transactions with mapped tables seen/);
    expect(out).toMatch(/Watched for 3 s: \d+ transactions/);
    expect(out).toMatch(/Not mapped, and written in the same transactions:/);
    expect(out).toMatch(/line_moves_stock on shop.order_line writes shop.stock, a counter/);
    const json = await reinstate('shop', 'check', 'main', '--observe', '--for', '1s', '--json');
    expect(JSON.parse(json.out)).toMatchObject({
      check: { serverVersion: expect.any(String) },
      observation: { seconds: 1, triggers: [{ trigger: 'line_moves_stock' }] },
    });
  });

  it('says what was wrong', async () => {
    expect(await reinstate('shop', 'check', 'main', '--observe', '--for', 'ever')).toMatchObject({
      ...{ code: 2, err: expect.stringContaining('--for is a time such as 90s or 2m') },
    });
    const told = await reinstate('shop', 'check', 'told', '--observe');
    expect([told.code, told.err]).toEqual([1, expect.stringContaining('no database to watch')]);
    const gone = await reinstate('shop', 'check', 'gone', '--observe', '--json');
    expect(gone.code).toBe(1);
    expect(gone.err).not.toMatch(/nobody|wrong|127\.0\.0\.1/);
  });
});
