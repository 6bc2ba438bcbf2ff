import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { isLater } from '../../src/intake/replication/source/lsn.js';
import { FoldCheck } from '../support/fold-check.js';
import { withClient } from '../support/postgres.js';
import { startPrivateServer, type PrivateServer } from '../support/private-server.js';
import { createHarness, until, type Harness } from '../support/replication-harness.js';
import { startServiceProcess, type ServiceProcess } from '../support/service-process.js';
import {
  cancelOrder,
  openTestShop,
  placeOrder,
  testShopProfile,
  testShopProfileText,
  type TestShop,
} from '../support/test-shop.js';

const serverSettings = {
  wal_level: 'logical',
  max_slot_wal_keep_size: '32MB',
  min_wal_size: '32MB',
  max_wal_size: '64MB',
  // keep-alives come often, and a silent client is dropped soon
  wal_sender_timeout: '3s',
};

/** These tests restart and starve the shop's server, so they have one of their own. */
describe('replication when things fail', () => {
  let server: PrivateServer;
  let dataDirectory: string;
  let shop: TestShop;
  let harness: Harness;
  let check: FoldCheck;
  let databases = 0;

  beforeAll(async () => {
    dataDirectory = await mkdtemp(join(tmpdir(), 'reinstate-shop-'));
    server = await startPrivateServer({ dataDirectory, settings: serverSettings });
  });

  afterAll(async () => {
    await server.stop('immediate');
    await rm(server.dataDirectory, { recursive: true, force: true });
    await rm(dataDirectory, { recursive: true, force: true });
  });

  beforeEach(async () => {
    databases += 1;
    const name = `shop_${databases}`;
    await withClient(server.url(), (client) => client.query(`CREATE DATABASE ${name}`));
    const drop = () =>
      withClient(server.url(), async (client) => {
        await client.query(`DROP DATABASE ${name} WITH (FORCE)`);
      });
    shop = await openTestShop({ name, url: server.url(name), drop });
    harness = await createHarness(shop);
    await shop.run(
      `INSERT INTO shop.stock VALUES ('tea', 1000, 0)`,
      placeOrder({ id: 1 }),
      placeOrder({ id: 2 }),
    );
    check = await FoldCheck.begin(harness);
  });

  afterEach(async () => {
    await harness.close();
    await shop.drop();
  });

  const streaming = () =>
    until('streaming', async () => (await harness.row()).state === 'streaming');

  const slot = async () => {
    const [row] = await shop.query<{ confirmed: string; pid: number | null }>(
      `SELECT confirmed_flush_lsn::text AS confirmed, active_pid AS pid FROM pg_replication_slots
       WHERE database = current_database()`,
    );
    return row;
  };

  const currentLsn = async () =>
    (await shop.query<{ lsn: string }>('SELECT pg_current_wal_lsn()::text AS lsn'))[0]!.lsn;

  /** What the shop's server keeps for us ends with the slot's own position, whatever we noted ourselves. */
  async function slotPasses(): Promise<void> {
    const lsn = await currentLsn();
    await until('the slot itself has got on', async () => {
      const { confirmed = '0/0' } = (await slot()) ?? {};
      return !isLater(lsn, confirmed);
    });
  }

  const kindsOf = async () =>
    (await harness.entries()).map(({ orderId, kinds }) => `${orderId}:${kinds.join()}`);

  /** The whole service in a process of its own, which goes on with the attached shop. */
  async function followInProcess(): Promise<ServiceProcess> {
    const { shopId: id, reinstate } = harness;
    const profile = join(dataDirectory, 'test-shop.yaml');
    await writeFile(profile, testShopProfileText);
    const { replicate, read } = shop.credentials;
    const { url, runtimeUrl } = reinstate.settings;
    return startServiceProcess({
      directory: dataDirectory,
      config: {
        http: { port: 0 },
        database: { url, runtime_url: runtimeUrl },
        encryption_key: Buffer.alloc(32, 7).toString('base64'),
        shops: [{ id, name: 'Shop', profile, postgres: { replicate, read } }],
      },
    });
  }

  /** Holds the journal up, as a database of ours does that does not get on; gives what ends it. */
  async function holdJournal(): Promise<() => Promise<void>> {
    const client = new pg.Client({ connectionString: harness.reinstate.url });
    await client.connect();
    await client.query('BEGIN');
    // a lock without a transaction id: others on this server can still make slots
    await client.query('LOCK TABLE reinstate.replication_stream IN EXCLUSIVE MODE');
    return () => client.end();
  }

  it('kill -9, 15 s after an unjournalled change, loses nothing: only what is journalled is confirmed', async () => {
    const stream = await harness.attach();
    await streaming();
    await stream.stop();
    const service = await followInProcess();
    try {
      const pid = await until('connected', async () => (await slot())?.pid);
      await harness.caughtUp();
      const release = await holdJournal();
      await shop.run(cancelOrder(1));
      const committed = await currentLsn();
      // other tables of the server go on: the stream is far past the change, as keep-alives say
      for (let second = 0; second < 15; second += 1) {
        await shop.query(`SELECT pg_logical_emit_message(false, 'other', repeat('x', 1000))`);
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        const { confirmed, pid: now } = (await slot())!;
        expect(isLater(committed, confirmed)).toBe(true);
        // five times wal_sender_timeout, and the server still takes the process for alive
        expect(now).toBe(pid);
      }
      await service.kill();
      await release();
    } finally {
      await service.kill();
    }
    await until('the server has noticed', async () => (await slot())?.pid === null);
    expect(await harness.entries()).toEqual([]);

    harness.open().start();
    await harness.caughtUp();
    expect(await kindsOf()).toEqual(['1:cancelled', ':shared']);
    expect((await harness.row()).slotGeneration).toBe(1);
  });

  it('a journal that fails is tried again until it works, in order and once', async () => {
    await harness.attach();
    await streaming();
    const rename = (from: string, to: string) =>
      withClient(harness.reinstate.url, (client) =>
        client.query(`ALTER TABLE reinstate.${from} RENAME TO ${to}`),
      );
    await rename('row_image', 'row_image_away');
    await shop.run(cancelOrder(1));
    await shop.run(cancelOrder(2));
    const row = await until('interrupted', async () => {
      const now = await harness.row();
      return now.state === 'interrupted' && now;
    });
    expect(row.problem).toContain('Reinstate’s own database: a table is missing (SQLSTATE 42P01)');
    expect(await harness.entries()).toEqual([]);
    await rename('row_image_away', 'row_image');
    await harness.caughtUp();
    expect(await kindsOf()).toEqual(['1:cancelled', ':shared', '2:cancelled', ':shared']);
    await until('no problem any more', async () => (await harness.row()).problem === null);
  });

  it('a commit that begins right where the confirmed one ends is not passed over', async () => {
    const stream = await harness.attach();
    await streaming();
    const [one, other] = [1, 2].map(
      () => new pg.Client({ connectionString: shop.credentials.attach }),
    ) as [pg.Client, pg.Client];
    for (const [id, client] of [one, other].entries()) {
      await client.connect();
      await client.query(`BEGIN; UPDATE shop.orders SET total_minor = 1 WHERE id = ${id + 1}`);
    }
    await one.query('COMMIT');
    await harness.caughtUp();
    await stream.stop();
    await other.query('COMMIT');
    await one.end();
    await other.end();
    harness.open().start();
    await harness.caughtUp();
    expect(await kindsOf()).toEqual(['1:changed', '2:changed']);
  });

  it.each(['fast', 'immediate'] as const)(
    'the shop’s server stops (%s) and comes back',
    async (mode) => {
      await harness.attach();
      await streaming();
      await shop.run(cancelOrder(1));
      const stopping = performance.now();
      await server.stop(mode);
      // a shutdown waits for its replication clients; we must not hold it up
      expect(performance.now() - stopping).toBeLessThan(10_000);
      await until('interrupted', async () => (await harness.row()).state === 'interrupted');
      server = await startPrivateServer({
        dataDirectory,
        port: server.port,
        settings: serverSettings,
      });
      await shop.run(cancelOrder(2));
      await harness.caughtUp();
      expect(await kindsOf()).toEqual(['1:cancelled', ':shared', '2:cancelled', ':shared']);
      expect(await harness.row()).toMatchObject({ slotGeneration: 1, problem: null });
    },
  );

  it('a dropped slot: a gap, a new slot, new images, and on it goes', async () => {
    const first = await harness.attach();
    await streaming();
    await shop.run(cancelOrder(1));
    await harness.caughtUp();
    await first.stop();
    await shop.query(
      `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()`,
    );
    await shop.run(`UPDATE shop.orders SET total_minor = 7 WHERE id = 2`);
    await shop.run(placeOrder({ id: 3 }));

    harness.open().start();
    await until('a new slot', async () => {
      const now = await harness.row();
      return now.slotGeneration === 2 && now.state === 'streaming';
    });
    await shop.run(cancelOrder(2));
    await harness.caughtUp();
    expect(await kindsOf()).toEqual([
      '1:cancelled',
      ':shared',
      ':gap',
      '2:gap',
      // a new order is told for each of its tables
      ...['3:gap', '3:gap', '3:gap', '3:gap'],
      '2:cancelled',
      ':shared',
    ]);
    const entries = await harness.entries();
    expect(entries[2]?.reason).toContain('is gone: somebody dropped it');
    expect(entries[2]?.source.incarnation).toMatch(/\/2$/);
    // an order that changed meanwhile says that nobody knows what it was before
    expect(entries[3]).toMatchObject({
      orderNumber: 'S-2',
      statusBefore: null,
      statusAfter: 'paid',
      snapshot: null,
      rowChanges: [{ table: 'shop.orders', before: null, after: { total_minor: '7' } }],
    });
    expect(entries[3]?.reason).toContain('what it was before each change is not known');
    const placed = entries.filter(({ orderId }) => orderId === '3');
    expect(placed[0]).toMatchObject({
      orderNumber: 'S-3',
      statusAfter: 'paid',
      snapshot: null,
      rowChanges: [{ table: 'shop.orders', operation: 'insert', before: null }],
    });
    expect(placed[0]?.reason).toMatch(/^first seen after changes were lost at the source/);
    expect(placed.flatMap(({ rowChanges }) => rowChanges).map(({ table }) => table)).toEqual([
      ...['shop.orders', 'shop.order_line', 'shop.payment', 'shop.stock_movement'],
    ]);
    const before = entries.at(-2)?.rowChanges.find(({ table }) => table === 'shop.orders')?.before;
    expect(before?.['total_minor']).toBe('7');
    expect(await harness.registry.metrics()).toContain(
      'reinstate_replication_gaps_total{shop="test-shop"} 1',
    );
    await check.holds({ gaps: true });
  });

  it('a slot that the server gave up: the shop’s disk was bounded, a gap says what that cost', async () => {
    const first = await harness.attach();
    await streaming();
    await first.stop();
    await shop.run(cancelOrder(1));
    for (let segment = 0; segment < 6; segment += 1) {
      await shop.query(`SELECT pg_logical_emit_message(false, 'fill', 'x'), pg_switch_wal()`);
      await shop.query('CHECKPOINT');
    }
    const [lost] = await shop.query<{ status: string }>(
      `SELECT wal_status AS status FROM pg_replication_slots WHERE database = current_database()`,
    );
    expect(lost?.status).toBe('lost');
    const [log] = await shop.query<{ bytes: number }>(
      'SELECT sum(size)::int AS bytes FROM pg_ls_waldir()',
    );
    // six segments came since the slot's: what is left is what the server may keep, and the one that it writes
    expect(log?.bytes).toBeLessThanOrEqual(80 * 2 ** 20);
    harness.open().start();
    await until('a new slot', async () => (await harness.row()).slotGeneration === 2);
    await streaming();
    await shop.run(cancelOrder(2));
    await harness.caughtUp();
    expect(await kindsOf()).toEqual([
      ...[':gap', '1:gap', '1:gap', '1:gap', '1:gap', '2:cancelled', ':shared'],
    ]);
    const [whole, order, line, ...came] = (await harness.entries()).slice(0, 5);
    expect(whole?.reason).toContain('max_slot_wal_keep_size');
    expect([order, line].map((entry) => entry?.rowChanges.map(({ table }) => table))).toEqual([
      ['shop.orders'],
      ['shop.order_line'],
    ]);
    // rows of a known order that came in the gap
    expect(came.flatMap(({ rowChanges }) => rowChanges)).toMatchObject([
      { table: 'shop.history', operation: 'insert', before: null },
      { table: 'shop.stock_movement', operation: 'insert', after: { kind: 'RELEASE' } },
    ]);
    await check.holds({ gaps: true });
  });

  it('our own database set back: the slot has gone further, which is a gap and no silent loss', async () => {
    const first = await harness.attach();
    await streaming();
    const { confirmedLsn } = await harness.row();
    await shop.run(cancelOrder(1));
    await harness.caughtUp();
    await first.stop();
    await harness.database.query('UPDATE replication_stream SET confirmed_lsn = $1::pg_lsn', [
      confirmedLsn,
    ]);
    harness.open().start();
    await until('a new slot', async () => (await harness.row()).slotGeneration === 2);
    expect(await kindsOf()).toEqual(['1:cancelled', ':shared', ':gap']);
    await check.holds({ gaps: true });
  });

  it('a snapshot after a loss that is cut off: each order that changed is told once', async () => {
    await shop.run(
      `INSERT INTO shop.history (order_id, kind) SELECT 1, 'NOTE' FROM generate_series(1, 10000)`,
    );
    check = await FoldCheck.begin(harness);
    const first = await harness.attach();
    await streaming();
    await first.stop();
    await shop.query(
      `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()`,
    );
    await shop.run(
      `UPDATE shop.orders SET total_minor = 7 WHERE id = 2`,
      `DELETE FROM shop.history`,
      `INSERT INTO shop.history (order_id, kind) SELECT 1, 'NOTE' FROM generate_series(1, 10000)`,
    );
    const second = harness.open();
    second.start();
    await until('some rows', async () => {
      const row = await harness.row();
      return row.slotGeneration === 2 && row.snapshotRows >= 2_000;
    });
    await second.stop();
    harness.open().start();
    await until('a third slot', async () => {
      const row = await harness.row();
      return row.slotGeneration >= 3 && row.state === 'streaming';
    });
    const told = await kindsOf();
    expect(told.filter((kinds) => kinds !== '1:gap')).toEqual([':gap', '2:gap']);
    const changes = (await harness.entries())
      .filter(({ orderId }) => orderId === '1')
      .flatMap(({ rowChanges }) => rowChanges);
    for (const wanted of ['delete', 'insert']) {
      const keys = changes.flatMap(({ operation, key }) =>
        operation === wanted ? [key.join()] : [],
      );
      expect([wanted, keys.length, new Set(keys).size]).toEqual([wanted, 10_000, 10_000]);
    }
    const images = await harness.images();
    expect(images.filter(({ table }) => table === 'shop.history')).toHaveLength(10_000);
    const [stale] = await harness.database.query('SELECT FROM row_image WHERE stale LIMIT 1');
    expect(stale).toBeUndefined();
    await check.holds({ gaps: true });
  });

  it('another server in its place (a fail-over, a restored backup): a gap, and positions that repeat are no doubles', async () => {
    const first = await harness.attach();
    await streaming();
    await shop.run(cancelOrder(1));
    await harness.caughtUp();
    await first.stop();
    await harness.database.query(
      `UPDATE replication_stream SET incarnation = regexp_replace(incarnation, '/\\d+/', '/9/')`,
    );
    harness.open().start();
    await until('a new slot', async () => (await harness.row()).slotGeneration === 2);
    await streaming();
    expect(await kindsOf()).toEqual(['1:cancelled', ':shared', ':gap']);
    expect((await harness.entries())[2]?.reason).toContain('is another one, or was set back');
    await check.holds({ gaps: true });
  });

  it('an end in the middle of the snapshot: begun again with a new slot', async () => {
    await shop.run(
      `INSERT INTO shop.history (order_id, kind) SELECT 1, 'NOTE' FROM generate_series(1, 20000)`,
    );
    const first = await harness.attach();
    await until('some rows', async () => (await harness.row()).snapshotRows >= 2_000);
    await first.stop();
    expect(await harness.row()).toMatchObject({ state: 'snapshot', slotGeneration: 1 });
    await shop.run(cancelOrder(1));
    harness.open().start();
    await streaming();
    const row = await harness.row();
    expect(row.slotGeneration).toBe(2);
    const images = await harness.images();
    expect(images).toHaveLength(row.snapshotRows);
    expect(images.filter(({ table }) => table === 'shop.history')).toHaveLength(20_001);
    await shop.run(cancelOrder(2));
    await harness.caughtUp();
    expect(await kindsOf()).toEqual(['2:cancelled', ':shared']);
  });

  it('a profile that maps another column: the images are read anew, and nothing is lost', async () => {
    const small = testShopProfile();
    const columns = Object.fromEntries(
      Object.entries(small.tables['shop.orders']!.columns).filter(([column]) => column !== 'notes'),
    );
    await shop.run(`ALTER TABLE shop.orders DROP COLUMN notes`);
    const profile = {
      ...small,
      tables: { ...small.tables, 'shop.orders': { ...small.tables['shop.orders']!, columns } },
    };
    const held = await harness.attacher.attach(harness.target(profile), {
      credential: shop.credentials.attach,
      allowUnboundedWal: false,
      slotLimitMs: 10_000,
    });
    const first = harness.open(profile);
    first.start(held ?? undefined);
    await streaming();
    await shop.run(`ALTER TABLE shop.orders ADD COLUMN notes text`);
    await shop.run(`UPDATE shop.orders SET notes = 'call first'`);
    await harness.caughtUp();
    expect(await harness.entries()).toEqual([]);
    await first.stop();
    await shop.run(cancelOrder(1));

    harness.open().start();
    await until('images with the new column', async () =>
      (await harness.images()).some(({ image }) => image['notes'] === 'call first'),
    );
    await shop.run(cancelOrder(2));
    await harness.caughtUp();
    expect(await kindsOf()).toEqual(['1:cancelled', ':shared', '2:cancelled', ':shared']);
    expect((await harness.row()).slotGeneration).toBe(1);
    const entries = await harness.entries();
    const before = entries[2]?.rowChanges.find(({ table }) => table === 'shop.orders')?.before;
    expect(before?.['notes']).toBe('call first');
  });

  it('a mapped column that is gone: changes are kept, the slot goes on, a mended profile reads them', async () => {
    const first = await harness.attach();
    await streaming();
    await shop.run(cancelOrder(1));
    await harness.caughtUp();
    await shop.run(`ALTER TABLE shop.orders DROP COLUMN notes`);
    await shop.run(cancelOrder(2));
    await shop.run(`UPDATE shop.orders SET total_minor = 3 WHERE id = 2`);
    // confirmed, and so not held back in the shop, although nobody can say yet what it means
    await harness.caughtUp();
    await slotPasses();
    await until('said', async () => (await harness.row()).state === 'mismatch');
    expect((await harness.row()).problem).toMatch(
      /^shop.orders has no column notes any more: changes are kept .* mend the profile and restart/,
    );
    expect(await kindsOf()).toEqual(['1:cancelled', ':shared']);
    const [spool] = await harness.database.query<{ rows: number; clear: boolean }>(
      `SELECT count(*) AS rows, bool_or(transaction::text ~ 'unpaid-orders') AS clear FROM replication_spool`,
    );
    expect(spool).toEqual({ rows: 2, clear: false });
    await first.stop();

    const again = harness.open();
    again.start();
    await until('connected', async () => (await slot())?.pid);
    await shop.run(placeOrder({ id: 3 }));
    await harness.caughtUp();
    await slotPasses();
    expect(await kindsOf()).toEqual(['1:cancelled', ':shared']);
    await again.stop();

    const small = testShopProfile();
    const columns = Object.fromEntries(
      Object.entries(small.tables['shop.orders']!.columns).filter(([column]) => column !== 'notes'),
    );
    harness
      .open({
        ...small,
        tables: { ...small.tables, 'shop.orders': { ...small.tables['shop.orders']!, columns } },
      })
      .start();
    await streaming();
    await shop.run(`UPDATE shop.orders SET total_minor = 4 WHERE id = 2`);
    await harness.caughtUp();
    expect(await kindsOf()).toEqual([
      '1:cancelled',
      ':shared',
      '2:cancelled',
      ':shared',
      '2:changed',
      '3:placed,paid',
      ':shared',
      '2:changed',
    ]);
    const entries = await harness.entries();
    expect(entries[2]).toMatchObject({ statusBefore: 'paid', actor: 'unpaid-orders' });
    expect(entries.at(-1)?.rowChanges).toMatchObject([
      { before: { total_minor: '3' }, after: { total_minor: '4' } },
    ]);
  });

  it('an idle shop holds nothing back, whatever else its server writes', async () => {
    await harness.attach();
    await streaming();
    const { confirmed } = (await slot())!;
    await withClient(server.url(), (client) =>
      client.query(
        'CREATE TABLE elsewhere AS SELECT generate_series(1, 50000); DROP TABLE elsewhere',
      ),
    );
    await slotPasses();
    expect(isLater((await slot())!.confirmed, confirmed)).toBe(true);
    expect(await harness.entries()).toEqual([]);
  });

  it('a shop without a bound on its log is refused, unless told otherwise', async () => {
    await shop.query(`ALTER SYSTEM SET max_slot_wal_keep_size = -1`);
    await shop.query('SELECT pg_reload_conf()');
    await until('reloaded', async () => {
      const [row] = await shop.query<{ value: string }>(
        `SELECT current_setting('max_slot_wal_keep_size') AS value`,
      );
      return row?.value === '-1';
    });
    try {
      await expect(harness.attach()).rejects.toMatchObject({
        details: { data: { refusals: [{ code: 'wal-unbounded' }] } },
      });
      await harness.attach({ allowUnboundedWal: true });
      await streaming();
    } finally {
      await shop.query(`ALTER SYSTEM RESET max_slot_wal_keep_size`);
      await shop.query('SELECT pg_reload_conf()');
    }
  });
});
