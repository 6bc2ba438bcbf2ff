import { readFile } from 'node:fs/promises';
import type pg from 'pg';
import { ShopStream } from '../../src/intake/replication/shop-stream.js';
import { shopConnection, withShop } from '../../src/intake/replication/source/shop-server.js';
import { ShopConnections } from '../../src/shops/postgres/shop-connections.js';
import { AdapterScene } from '../support/adapter-scene.js';
import { withClient } from '../support/postgres.js';
import {
  createHarness,
  quickTimings,
  until,
  type Harness,
} from '../support/replication-harness.js';
import { ShopGate, type Held } from '../support/shop-gate.js';
import { createTestShop, placeOrder, type TestShop } from '../support/test-shop.js';

/** Table locks by mode: the tables of the schema `shop` on which a role holds it. */
type Locks = Record<string, string[]>;

async function locksOf(url: string, role: string): Promise<Locks> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ mode: string; tables: string[] }>(
      `SELECT mode, array_agg(DISTINCT relname::text ORDER BY relname::text) AS tables
         FROM pg_locks locks JOIN pg_class class ON class.oid = relation JOIN pg_stat_activity activity USING (pid)
        WHERE usename = $1 AND relnamespace = to_regnamespace('shop') AND relkind IN ('r', 'p') AND granted
        GROUP BY mode ORDER BY mode`,
      [role],
    );
    return Object.fromEntries(rows.map(({ mode, tables }) => [mode, tables]));
  });
}

/** The lock modes that a row of the document's table tells. */
async function told(moment: string): Promise<string[]> {
  const text = await readFile('docs/for-your-dba.md', 'utf8');
  const row = text.split('\n').find((line) => line.startsWith(`| ${moment} |`));
  if (row === undefined) throw new Error(`the document has no row "${moment}"`);
  const [, , cell = ''] = row.split('|');
  return [...cell.matchAll(/`(\w+)`/g)].map(([, mode = '']) => `${mode}Lock`).sort();
}

const roleOf = (url: string) => decodeURIComponent(new URL(url).username);

/** Lets the message with this text pass, and holds the COMMIT after it. */
async function commitAfter(gate: ShopGate, held: Held): Promise<Held> {
  await held.reached;
  const commit = gate.holdAt('COMMIT');
  held.release();
  await commit.reached;
  return commit;
}

describe('the locks that the document tells: attaching, following, detaching', () => {
  let shop: TestShop;
  let harness: Harness;
  let gate: ShopGate;
  const tables = [
    'history',
    'order_line',
    'orders',
    'payment',
    'refund',
    'stock',
    'stock_movement',
  ];

  beforeEach(async () => {
    shop = await createTestShop();
    harness = await createHarness(shop);
    await shop.run(`INSERT INTO shop.stock VALUES ('tea', 1000, 0)`, placeOrder({ id: 1 }));
  });

  afterEach(async () => {
    await harness.close();
    await gate.close();
    await shop.drop();
  });

  const attach = (credential: string) =>
    harness.attacher.attach(harness.target(), {
      credential,
      allowUnboundedWal: false,
      slotLimitMs: 20_000,
    });
  const locks = (url: string) => locksOf(shop.url, roleOf(url));

  /** So many dead rows of the stock VACUUM cannot remove yet. */
  async function keptDead(): Promise<number> {
    return withClient(shop.url, async (client) => {
      const said: string[] = [];
      client.on('notice', ({ message = '' }) => said.push(message));
      await client.query('VACUUM (VERBOSE) shop.stock');
      const [, count] = /(\d+) are dead but not yet removable/.exec(said.join('\n')) ?? [];
      return Number(count);
    });
  }

  it('attach holds one table at a time, and then all of them against changes of their structure alone', async () => {
    const { attach: owner } = shop.credentials;
    gate = await ShopGate.open(owner);
    const limiting = gate.holdAt(`SET lock_timeout = '500ms'`);
    const attached = attach(gate.url);
    await limiting.reached;
    const altering = gate.holdAt('REPLICA IDENTITY');
    limiting.release();
    const first = await commitAfter(gate, altering);
    const held = await locks(owner);
    expect(Object.keys(held)).toEqual(await told('attach: the identity of one table'));
    expect([...new Set(Object.values(held).flat())]).toHaveLength(1);
    const publishing = gate.holdAt('CREATE PUBLICATION');
    first.release();
    const second = await commitAfter(gate, publishing);
    const published = await locks(owner);
    expect(Object.keys(published)).toEqual(await told('attach: the publication'));
    for (const held of Object.values(published)) expect(held).toEqual(tables);
    // the shop goes on reading and writing meanwhile
    await shop.run(placeOrder({ id: 2 }));
    second.release();
    await (await attached)?.release();
    expect(await locks(owner)).toEqual({});
  });

  it('reading the first images holds no write up; following holds no table', async () => {
    const { read, replicate } = shop.credentials;
    gate = await ShopGate.open(read);
    const slot = await attach(shop.credentials.attach);
    const stream = new ShopStream(
      { ...harness.target(), readUrl: gate.url },
      harness,
      quickTimings,
    );
    const reading = gate.holdAt('CLOSE reinstate_snapshot');
    stream.start(slot ?? undefined);
    await reading.reached;
    const held = await locks(read);
    expect(Object.keys(held)).toEqual(await told('first images'));
    const [table = ''] = Object.values(held).flat();
    await shop.run(placeOrder({ id: 2 }));
    // but VACUUM leaves what the shop has replaced meanwhile, and the structure stays
    expect(await keptDead()).toBeGreaterThan(0);
    await expect(
      shop.query(`SET lock_timeout = '100ms'; ALTER TABLE shop.${table} ADD COLUMN shelf text`),
    ).rejects.toMatchObject({ code: '55P03' });
    reading.release();
    await until('streaming', async () => (await harness.row()).state === 'streaming');
    await harness.caughtUp();
    await until('VACUUM to clear away', async () => (await keptDead()) === 0);
    expect(await locks(read)).toEqual({});
    expect(Object.keys(await locks(replicate))).toEqual(await told('following'));
    await stream.stop();
  });

  it('detach holds one table at a time', async () => {
    const { attach: owner } = shop.credentials;
    await (await attach(owner))?.release();
    gate = await ShopGate.open(owner);
    const dropping = gate.holdAt('DROP PUBLICATION');
    const detached = harness.attacher.detach(harness.target(), { credential: gate.url });
    const first = await commitAfter(gate, dropping);
    expect(Object.keys(await locks(owner))).toEqual(await told('detach: the publication'));
    await shop.run(placeOrder({ id: 2 }));
    const altering = gate.holdAt('REPLICA IDENTITY');
    first.release();
    const second = await commitAfter(gate, altering);
    const held = await locks(owner);
    expect(Object.keys(held)).toEqual(await told('detach: the identity of one table'));
    expect([...new Set(Object.values(held).flat())]).toHaveLength(1);
    second.release();
    expect(await detached).toEqual([]);
  });
});

describe('the locks that the document tells: check and restore', () => {
  let scene: AdapterScene;
  let gate: ShopGate;

  beforeAll(async () => {
    scene = await AdapterScene.create();
  });

  afterAll(async () => {
    await scene.close();
    await gate.close();
  });

  /** Tables of which somebody else holds rows of the order, and how many. */
  async function heldRows(shop: pg.Pool, orderId: string): Promise<Record<string, number>> {
    const held: Record<string, number> = {};
    for (const [table, where] of [
      ['orders', `id = ${orderId}`],
      ['order_line', `order_id = ${orderId}`],
      ['shipping_line', `order_id = ${orderId}`],
      ['payment', `order_id = ${orderId}`],
      ['order_history', `order_id = ${orderId}`],
      ['stock', 'true'],
      ['customer', 'true'],
      ['product', 'true'],
    ] as const) {
      const { rows } = await shop.query<{ held: number }>(
        `WITH free AS MATERIALIZED (SELECT ctid FROM shop.${table} WHERE ${where} FOR UPDATE SKIP LOCKED)
         SELECT (SELECT count(*) FROM shop.${table} WHERE ${where})::int - count(*)::int AS held FROM free`,
      );
      held[table] = rows[0]?.held ?? -1;
    }
    return held;
  }

  it('a restore holds the rows of one order and its counters, until it commits', async () => {
    const { orderId, item } = await scene.wronglyCancelled('steps');
    const other = await scene.buy();
    gate = await ShopGate.open(scene.urls.write);
    // asked just before COMMIT, when all is written
    const commit = gate.holdAt('pg_current_xact_id');
    const outcome = scene.open({ writeUrl: gate.url }).restore(item, () => Promise.resolve());
    await commit.reached;
    const held = await locksOf(scene.database.url, scene.roles.write);
    expect(Object.keys(held)).toEqual(await told('restore of one order'));
    expect(await heldRows(scene.pool, orderId)).toEqual({
      ...{ orders: 1, order_line: 2, shipping_line: 1, payment: 1, order_history: 0 },
      // of each product that the order wants, in its warehouse
      ...{ stock: 2, customer: 0, product: 0 },
    });
    expect(await heldRows(scene.pool, other)).toMatchObject({
      ...{ orders: 0, order_line: 0, shipping_line: 0, payment: 0 },
    });
    commit.release();
    expect(await outcome).toMatchObject({ outcome: 'applied' });
    expect(await locksOf(scene.database.url, scene.roles.write)).toEqual({});
  });

  it('what reads cannot write, and is bounded', async () => {
    const bounds = `SELECT current_setting('statement_timeout') AS longest, current_setting('default_transaction_read_only') AS only`;
    const connections = new ShopConnections({
      ...{ readUrl: scene.urls.read, writeUrl: undefined },
      ...{ writeConnections: 1, statementTimeoutMs: 1_000 },
    });
    expect(await connections.query({ text: bounds, values: [] })).toEqual([
      { longest: '15s', only: 'on' },
    ]);
    await connections.close();
    const shown = await withShop(shopConnection(scene.urls.read), (client) => client.query(bounds));
    expect(shown.rows).toMatchObject([{ longest: '15s' }]);
  });

  it('a check only reads', async () => {
    await gate.close();
    gate = await ShopGate.open(scene.urls.read);
    const ending = gate.holdAt('ROLLBACK');
    const report = scene.open({ readUrl: gate.url }).check();
    const seen = new Set<string>();
    await ending.reached;
    for (let held: Held = ending; ;) {
      for (const mode of Object.keys(await locksOf(scene.database.url, scene.roles.read)))
        seen.add(mode);
      const next = gate.holdAt('ROLLBACK');
      held.release();
      const isOver = await Promise.race([next.reached.then(() => false), report.then(() => true)]);
      if (isOver) break;
      held = next;
    }
    expect([...seen]).toEqual(await told('check'));
    expect((await report).ok).toBe(true);
  });
});
