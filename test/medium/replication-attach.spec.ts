import pg from 'pg';
import type { AttachOptions } from '../../src/intake/replication/attach/shop-attacher.js';
import type { Refusal } from '../../src/intake/replication/attach/judge-shop.js';
import { ReplicationSettings } from '../../src/intake/replication/replication.settings.js';
import { StreamInspector } from '../../src/intake/replication/stream-inspector.js';
import { Fault } from '../../src/platform/errors.js';
import type { Profile } from '../../src/shops/profile.js';
import { withClient } from '../support/postgres.js';
import { createHarness, until, type Harness } from '../support/replication-harness.js';
import {
  cancelOrder,
  createTestShop,
  placeOrder,
  testShopProfile,
  type TestShop,
} from '../support/test-shop.js';

describe('attaching a shop', () => {
  let shop: TestShop;
  let harness: Harness;

  beforeEach(async () => {
    shop = await createTestShop();
    harness = await createHarness(shop);
    await shop.run(`INSERT INTO shop.stock VALUES ('tea', 1000, 0)`, placeOrder({ id: 1 }));
  });

  afterEach(async () => {
    await harness.close();
    await shop.drop();
  });

  /** What attach changes in a shop: identities, publications, slots. */
  async function traces(): Promise<unknown[]> {
    return shop.query(
      `SELECT relname AS name, relreplident::text AS value FROM pg_class
         WHERE relnamespace = 'shop'::regnamespace AND relkind IN ('r', 'p')
       UNION ALL SELECT 'publication', pubname FROM pg_publication
       UNION ALL SELECT 'slot', slot_name FROM pg_replication_slots WHERE database = current_database()
       ORDER BY 1, 2`,
    );
  }

  async function attach(
    options: Partial<AttachOptions> & { profile?: Profile } = {},
  ): Promise<{ refusals: readonly Refusal[]; fault?: Fault }> {
    try {
      const held = await harness.attacher.attach(harness.target(options.profile), {
        credential: shop.credentials.attach,
        allowUnboundedWal: false,
        slotLimitMs: 20_000,
        ...options,
      });
      await held?.release();
      return { refusals: [] };
    } catch (fault) {
      if (!(fault instanceof Fault)) throw fault;
      return { fault, refusals: (fault.details.data?.['refusals'] ?? []) as Refusal[] };
    }
  }

  const codes = (refusals: readonly Refusal[]) =>
    refusals.map(({ code, where }) => `${code} ${where}`).sort();

  it('publishes the mapped tables, whole and by name, under a full identity; detach takes all of it back', async () => {
    const before = await traces();
    expect(await attach()).toEqual({ refusals: [] });
    const { slotName: name } = await harness.row();
    expect(name).toMatch(/^reinstate_test_shop_[0-9a-f]{6}$/);
    expect(await traces()).toEqual([
      ...['history', 'order_line', 'orders', 'payment'].map((name) => ({ name, value: 'f' })),
      { name: 'publication', value: name },
      { name: 'refund', value: 'f' },
      { name: 'slot', value: name },
      ...['stock', 'stock_movement'].map((name) => ({ name, value: 'f' })),
    ]);
    expect(
      await shop.query(
        `SELECT puballtables AS everything, pubviaroot AS root, (SELECT count(*)::int FROM pg_publication_rel WHERE prattrs IS NOT NULL) AS lists FROM pg_publication`,
      ),
    ).toEqual([{ everything: false, root: true, lists: 0 }]);
    expect(
      await harness.attacher.detach(harness.target(), { credential: shop.credentials.attach }),
    ).toEqual([]);
    expect(await traces()).toEqual(before);
    expect((await harness.row()).state).toBe('detached');
    // and again, as if nothing had been
    expect(await attach()).toEqual({ refusals: [] });
    expect((await harness.row()).identities['shop.orders']).toBe('d');
  });

  it('attached again later: what was missed in between is a gap, and each order that changed says so', async () => {
    const streaming = () =>
      until('streaming', async () => (await harness.row()).state === 'streaming');
    const first = await harness.attach();
    await streaming();
    await first.stop();
    expect(
      await harness.attacher.detach(harness.target(), { credential: shop.credentials.attach }),
    ).toEqual([]);
    await shop.run(`UPDATE shop.orders SET status = 'cancelled' WHERE id = 1`);
    await harness.attach();
    await streaming();
    const entries = await harness.entries();
    expect(entries.map(({ orderId, kinds }) => `${orderId}:${kinds.join()}`)).toEqual([
      ':gap',
      '1:gap',
    ]);
    expect(entries[0]?.reason).toBe('the shop was not attached for a while');
    expect(entries[1]).toMatchObject({ statusBefore: null, statusAfter: 'cancelled' });
  });

  it('refuses a table without a key, with the way out; nothing is left, and the shop’s updates go on', async () => {
    await shop.run(`ALTER TABLE shop.refund DROP CONSTRAINT refund_pkey`);
    await shop.run(`INSERT INTO shop.refund VALUES (1, 1, 100)`);
    const before = await traces();
    const { refusals, fault } = await attach();
    expect(codes(refusals)).toContain('table-without-key shop.refund');
    const way = refusals.find(({ code }) => code === 'table-without-key')?.message;
    expect(way).toContain('ALTER TABLE shop.refund ADD PRIMARY KEY (id)');
    expect(fault?.message).not.toContain('test@');
    expect(await traces()).toEqual(before);
    await shop.run(`UPDATE shop.refund SET amount_minor = 5`, cancelOrder(1));
  });

  it('names everything that stands in the way at once', async () => {
    await shop.run(
      `ALTER TABLE shop.payment ADD COLUMN doubled bigint GENERATED ALWAYS AS (amount_minor * 2) STORED`,
      `ALTER TABLE shop.history DROP CONSTRAINT history_pkey, ADD PRIMARY KEY (id, order_id)`,
      `REVOKE SELECT ON shop.refund FROM ${new URL(shop.credentials.read).username}`,
    );
    await shop.query(`ALTER ROLE ${new URL(shop.credentials.replicate).username} NOREPLICATION`);
    const { refusals } = await attach({ credential: shop.credentials.write });
    expect(codes(refusals)).toEqual(
      expect.arrayContaining([
        'generated-column shop.payment',
        'key-differs shop.history',
        'may-not-publish attach',
        'may-not-read read',
        'may-not-replicate replicate',
      ]),
    );
  });

  it('a generated column is fine under its key’s identity, and a unique index will do as a key', async () => {
    await shop.run(
      `ALTER TABLE shop.payment ADD COLUMN doubled bigint GENERATED ALWAYS AS (amount_minor * 2) STORED`,
      `ALTER TABLE shop.refund DROP CONSTRAINT refund_pkey, ALTER COLUMN id SET NOT NULL`,
      `CREATE UNIQUE INDEX refund_by_id ON shop.refund (id)`,
    );
    const profile = testShopProfile('key');
    const columns = { ...profile.tables['shop.payment']!.columns, doubled: { ignore: 'computed' } };
    const tables = {
      ...profile.tables,
      'shop.payment': { ...profile.tables['shop.payment']!, columns },
    };
    expect(await attach({ profile: { ...profile, tables } })).toEqual({ refusals: [] });
    expect(await traces()).toEqual(
      expect.arrayContaining([
        { name: 'orders', value: 'd' },
        { name: 'refund', value: 'i' },
      ]),
    );
    await shop.run(
      `INSERT INTO shop.refund VALUES (1, 1, 100)`,
      `UPDATE shop.payment SET state = 'x'`,
    );
    await shop.run(`UPDATE shop.refund SET amount_minor = 5`);
    expect(
      await harness.attacher.detach(harness.target(), { credential: shop.credentials.attach }),
    ).toEqual([]);
    expect(await traces()).toEqual(expect.arrayContaining([{ name: 'refund', value: 'd' }]));
  });

  it('never breaks an update, where somebody else’s publication does not go with our identity: only the trial tells', async () => {
    await shop.query(`CREATE PUBLICATION warehouse FOR TABLE shop.payment (id, amount_minor)`);
    const before = await traces();
    // a table that comes later is locked: what was changed before it would be seen for seconds
    const reader = new pg.Client({ connectionString: shop.credentials.attach });
    await reader.connect();
    await reader.query('BEGIN; SELECT FROM shop.stock_movement');
    const failed: unknown[] = [];
    let updates = 0;
    const attaching = { over: false };
    const selling = (async () => {
      while (!attaching.over) {
        await shop
          .run(`UPDATE shop.payment SET state = 'captured'`)
          .catch((e: unknown) => failed.push(e));
        updates += 1;
      }
    })();
    const { refusals } = await attach().finally(() => (attaching.over = true));
    await selling;
    await reader.end();
    expect(codes(refusals)).toEqual(['write-would-fail shop.payment']);
    expect(failed).toEqual([]);
    expect(updates).toBeGreaterThan(1);
    expect(await traces()).toEqual(before);
  });

  it('refuses a profile that does not fit the shop', async () => {
    await shop.run(`ALTER TABLE shop.orders ADD COLUMN gift boolean`);
    const { refusals } = await attach();
    expect(refusals.map(({ code }) => code)).toEqual(['profile-fault']);
    expect(refusals[0]?.where).toContain('shop.orders');
    expect(await traces()).not.toContainEqual(expect.objectContaining({ name: 'publication' }));
  });

  /** When statements of ours began that wait for the table now: each try is one of its own. */
  async function waitsForRefund(): Promise<string[]> {
    const waiting = await shop.query<{ since: string }>(
      `SELECT query_start::text AS since FROM pg_stat_activity
       WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'ALTER TABLE%refund%'`,
    );
    return waiting.map(({ since }) => since);
  }

  it('gives up on a locked table, names who holds it, and leaves nothing behind', async () => {
    const before = await traces();
    const reader = new pg.Client({
      connectionString: shop.url,
      application_name: 'month-end report',
    });
    await reader.connect();
    await reader.query('BEGIN');
    await reader.query('SELECT FROM shop.refund');
    const state = { over: false };
    const attaching = attach().finally(() => (state.over = true));
    const tries = new Set<string>();
    while (!state.over) for (const one of await waitsForRefund()) tries.add(one);
    const { refusals } = await attaching;
    expect(tries.size).toBe(8);
    expect(refusals).toMatchObject([{ code: 'table-locked', where: 'shop.refund' }]);
    expect(refusals[0]?.message).toContain('month-end report');
    expect(await traces()).toEqual(before);
    await reader.end();
    expect(await attach()).toEqual({ refusals: [] });
  });

  it('waits briefly at a time for a locked table, again and again, and is done once it is free', async () => {
    const reader = new pg.Client({ connectionString: shop.url });
    await reader.connect();
    await reader.query('BEGIN; SELECT FROM shop.refund');
    const state = { over: false };
    const attaching = attach().finally(() => (state.over = true));
    const tries = new Set<string>();
    while (!state.over && tries.size < 3) for (const one of await waitsForRefund()) tries.add(one);
    await reader.end();
    expect(await attaching).toEqual({ refusals: [] });
    expect(tries.size).toBe(3);
  });

  it('gives up on a slot that has to wait, names who holds it up, and leaves nothing behind', async () => {
    const before = await traces();
    const writer = new pg.Client({
      connectionString: shop.url,
      application_name: 'nightly import',
    });
    await writer.connect();
    await writer.query('BEGIN');
    await writer.query('CREATE TABLE shop.import (id int)');
    const { refusals } = await attach({ slotLimitMs: 3_000 });
    expect(refusals).toMatchObject([{ code: 'slot-blocked' }]);
    expect(refusals[0]?.message).toContain('nightly import');
    await writer.query('ROLLBACK');
    await writer.end();
    expect(await traces()).toEqual(before);
  });

  it('the same as SQL: a DBA runs it, and attach needs no credential then', async () => {
    const { refusals, fault } = await attach({ credential: null });
    expect(refusals).toMatchObject([{ code: 'not-prepared' }]);
    const script = await harness.attacher.script(harness.target());
    expect(fault?.details.data?.['sql']).toBe(script);
    await withClient(shop.credentials.attach, (client) => client.query(script));
    expect(await attach({ credential: null })).toEqual({ refusals: [] });
    const left = await harness.attacher.detach(harness.target(), { credential: null });
    expect(left).toEqual([
      `DROP PUBLICATION IF EXISTS "${(await harness.row()).publicationName}";`,
    ]);
    expect(await traces()).not.toContainEqual(expect.objectContaining({ name: 'slot' }));
  });

  it('a partitioned table: its partitions are sent under its name', async () => {
    await shop.run(
      `DROP TABLE shop.refund`,
      `CREATE TABLE shop.refund (id bigint PRIMARY KEY, payment_id bigint NOT NULL, amount_minor bigint NOT NULL) PARTITION BY RANGE (id)`,
      `CREATE TABLE shop.refund_low PARTITION OF shop.refund FOR VALUES FROM (0) TO (100)`,
      `GRANT SELECT ON shop.refund TO ${new URL(shop.credentials.read).username}, ${new URL(shop.credentials.write).username}`,
    );
    await harness.attach();
    await until('streaming', async () => (await harness.row()).state === 'streaming');
    expect(await traces()).toEqual(expect.arrayContaining([{ name: 'refund_low', value: 'f' }]));
    await shop.run(
      `CREATE TABLE shop.refund_high PARTITION OF shop.refund FOR VALUES FROM (100) TO (200)`,
    );
    await shop.run(`INSERT INTO shop.refund VALUES (5, 1, 50), (105, 1, 60)`);
    await shop.run(`UPDATE shop.refund SET amount_minor = amount_minor + 1`);
    await harness.caughtUp();
    const entries = await harness.entries();
    expect(entries.map(({ orderId, kinds }) => [orderId, ...kinds])).toEqual([
      ['1', 'refunded'],
      ['1', 'changed'],
    ]);
    expect(entries[1]?.rowChanges).toMatchObject([
      { table: 'shop.refund', before: { amount_minor: '50' }, after: { amount_minor: '51' } },
      { table: 'shop.refund', before: { amount_minor: '60' }, after: { amount_minor: '61' } },
    ]);
  });

  it('a key that the shop drops later is noticed: its updates fail, and the status says why', async () => {
    const profile = testShopProfile('key');
    const held = await harness.attacher.attach(harness.target(profile), {
      credential: shop.credentials.attach,
      allowUnboundedWal: false,
      slotLimitMs: 20_000,
    });
    const stream = harness.open(profile);
    stream.start(held ?? undefined);
    await until('streaming', async () => (await harness.row()).state === 'streaming');
    const inspector = new StreamInspector(
      harness.database,
      harness.store,
      harness.metrics,
      harness.clock,
      new ReplicationSettings(2 ** 30),
    );
    await inspector.inspect(stream);
    expect((await harness.row()).problem).toBeNull();
    await shop.run(`ALTER TABLE shop.refund DROP CONSTRAINT refund_pkey`);
    await expect(shop.run(`UPDATE shop.refund SET amount_minor = 1`)).rejects.toThrow(
      'does not have a replica identity',
    );
    const inspected = async (): Promise<string | null> => {
      await inspector.inspect(stream);
      return (await harness.row()).problem;
    };
    await until('said', async () =>
      (await inspected())?.includes('updates of shop.refund fail in the shop'),
    );
    await shop.run(`ALTER TABLE shop.refund ADD PRIMARY KEY (id)`);
    expect(await inspected()).toBeNull();
  });

  it('says when a credential does not connect, without showing it', async () => {
    const wrong = new URL(shop.credentials.attach);
    wrong.password = 'not-the-password';
    const { fault } = await attach({ credential: wrong.href });
    expect(fault?.code).toBe('shop-unreachable');
    expect(JSON.stringify([fault?.message, fault?.details])).not.toContain('not-the-password');
  });
});
