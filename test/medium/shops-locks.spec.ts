import type pg from 'pg';
import { runRestore, type RestoreAttempt } from '../../src/shops/postgres/restore-transaction.js';
import type { PostgresShopAdapter } from '../../src/shops/postgres/postgres-shop-adapter.js';
import type { Profile } from '../../src/shops/profile.js';
import type { RestoreItem } from '../../src/shops/shop-adapter.js';
import { AdapterScene } from '../support/adapter-scene.js';
import { beforeSeventeen } from '../support/older-server.js';
import { withClient } from '../support/postgres.js';
import { ShopGate } from '../support/shop-gate.js';

const note = () => Promise.resolve();

let scene: AdapterScene;
const gates: ShopGate[] = [];

beforeAll(async () => {
  scene = await AdapterScene.create();
});

afterAll(async () => {
  await scene.close();
  await Promise.all(gates.map((gate) => gate.close()));
});

async function openGate(): Promise<ShopGate> {
  const gate = await ShopGate.open(scene.urls.write);
  gates.push(gate);
  return gate;
}

/** Everything of a script but its first line, which is for psql. */
async function scriptOf(
  item: RestoreItem,
  adapter: PostgresShopAdapter = scene.adapter,
): Promise<string> {
  return (await adapter.renderSql([item])).split('\n').slice(1).join('\n');
}

const byHand = (script: string) => withClient(scene.urls.write, (client) => client.query(script));

/** The shop's own transaction, with a lock that it holds until the work is done. */
async function shopHolding(sql: string, work: (shop: pg.Client) => Promise<void>): Promise<void> {
  await withClient(scene.database.url, async (shop) => {
    await shop.query('BEGIN');
    await shop.query(sql);
    await work(shop);
    await shop.query('COMMIT');
  });
}

async function until(what: string, done: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await done())) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Whether a session of this role waits for a lock. */
async function isWaiting(role: string): Promise<boolean> {
  const { rows } = await scene.pool.query(
    `SELECT FROM pg_stat_activity WHERE usename = $1 AND wait_event_type = 'Lock' AND datname = current_database()`,
    [role],
  );
  return rows.length > 0;
}

const owner = () => decodeURIComponent(new URL(scene.database.url).username);
const lockedOrder = (orderId: string) => `SELECT FROM shop.orders WHERE id = ${orderId} FOR UPDATE`;

/** The rows that a restore locks after the order's own, in its order. */
const further: [what: string, message: string, sql: (orderId: string) => string][] = [
  ['a line', 'order_line', (id) => `SELECT FROM shop.order_line WHERE order_id = ${id} FOR UPDATE`],
  [
    'a shipping line',
    'shipping_line',
    (id) => `SELECT FROM shop.shipping_line WHERE order_id = ${id} FOR UPDATE`,
  ],
  ['a payment', 'payment', (id) => `SELECT FROM shop.payment WHERE order_id = ${id} FOR UPDATE`],
  ['a counter', 'stock', () => `SELECT FROM shop.stock WHERE product_id = 15 FOR UPDATE`],
];

describe('a restore that meets a lock of the shop while it holds the order', () => {
  test.each(further)('(%s) does not wait at all', async (_what, table, sql) => {
    const { orderId, item } = await scene.wronglyCancelled('api');
    const gate = await openGate();
    const behind = scene.open({ writeUrl: gate.url });
    const before = await scene.dump();
    await shopHolding(sql(orderId), async () => {
      expect(await behind.restore(item, note)).toMatchObject({
        outcome: 'failed',
        reason: 'locked',
        retry: true,
      });
    });
    // what NOWAIT says; a time-out, however short, would say "canceling statement"
    expect(gate.heard).toContain(`could not obtain lock on row in relation "${table}"`);
    expect(await scene.dump()).toEqual(before);
    expect(await behind.restore(item, note)).toMatchObject({ outcome: 'applied' });
  });

  test.each(further)('(%s) does not wait in the script either', async (_what, table, sql) => {
    const { orderId, item } = await scene.wronglyCancelled('api');
    const script = await scriptOf(item);
    const before = await scene.dump();
    await shopHolding(sql(orderId), async () => {
      await expect(byHand(script)).rejects.toMatchObject({
        code: '55P03',
        message: `could not obtain lock on row in relation "${table}"`,
      });
    });
    expect(await scene.dump()).toEqual(before);
  });

  test('gives way, so that the shop goes on and is nobody’s victim', async () => {
    const { orderId, item } = await scene.wronglyCancelled('api');
    const gate = await openGate();
    const behind = scene.open({ writeUrl: gate.url });
    // the shop goes the other way round: stock first, then the order, as it does when it cancels
    await shopHolding(`SELECT FROM shop.stock WHERE product_id = 15 FOR UPDATE`, async (shop) => {
      const held = gate.holdAt('lock_timeout');
      const second = await secondMessage(gate, held, () => behind.restore(item, note));
      const locking = shop.query(lockedOrder(orderId));
      await until('the shop to wait', () => isWaiting(owner()));
      second.release();
      expect(await second.outcome).toMatchObject({
        outcome: 'failed',
        reason: 'locked',
        retry: true,
      });
      await locking;
      await shop.query(`UPDATE shop.orders SET coupon_code = 'SHOP' WHERE id = $1`, [orderId]);
    });
    expect((await scene.rowsOf(orderId)).get('shop.orders')?.[0]).toMatchObject({
      coupon_code: 'SHOP',
      status: 'cancelled',
    });
  });
});

/** Lets the settings pass, and holds the restore where it has locked the order and nothing else. */
async function secondMessage<T>(
  gate: ShopGate,
  settings: ReturnType<ShopGate['holdAt']>,
  start: () => Promise<T>,
): Promise<{ outcome: Promise<T>; release: () => void }> {
  const outcome = start();
  await settings.reached;
  const next = gate.holdAt('"shop"."order_line" AS t');
  settings.release();
  await next.reached;
  return { outcome, release: () => next.release() };
}

describe('the first lock of the script', () => {
  test('is waited for no longer than the lock time, and then nothing is done', async () => {
    const { orderId, item } = await scene.wronglyCancelled('api');
    const script = await scriptOf(item, scene.open({ statementTimeoutMs: 60_000 }));
    const before = await scene.dump();
    await shopHolding(lockedOrder(orderId), async () => {
      const startedAt = performance.now();
      await expect(byHand(script)).rejects.toMatchObject({
        code: '55P03',
        message: 'canceling statement due to lock timeout',
      });
      expect(performance.now() - startedAt).toBeGreaterThan(290);
    });
    expect(await scene.dump()).toEqual(before);
  });

  test('is taken as soon as the shop lets go', async () => {
    const { orderId, item } = await scene.wronglyCancelled('api');
    const script = await scriptOf(
      item,
      scene.open({ lockTimeoutMs: 60_000, statementTimeoutMs: 60_000 }),
    );
    let running: Promise<unknown> | undefined;
    await shopHolding(lockedOrder(orderId), async () => {
      running = byHand(script);
      await until('the script to wait', () => isWaiting(scene.roles.write));
    });
    await running;
    expect(await scene.adapter.read(orderId)).toMatchObject({ status: 'paid' });
  });
});

describe('the transaction of a restore is bounded by the server itself', () => {
  const bounds = { lockTimeoutMs: 777, statementTimeoutMs: 1_234, transactionTimeoutMs: 4_321 };

  /** An invariant sees the settings that are in force, and is false where one is not as given. */
  function bounded(settings: Record<string, string>): PostgresShopAdapter {
    const profile: Profile = structuredClone(scene.profile);
    for (const [name, value] of Object.entries(settings))
      profile.invariants.push({
        name: `${name} is ${value}`,
        // a server without the setting (transaction_timeout, before 17) has the executor's own watch
        sql: `SELECT coalesce(current_setting('${name}', true), '${value}') = '${value}' AND $1 IS NOT NULL`,
      });
    return scene.open({ profile, ...bounds });
  }

  const inForce = {
    statement_timeout: '1234ms',
    idle_in_transaction_session_timeout: '1234ms',
    transaction_timeout: '4321ms',
    // the first lock is taken by then, and no other is waited for
    lock_timeout: '100ms',
  };

  test('in a run', async () => {
    const { item } = await scene.wronglyCancelled('api');
    for (const name of Object.keys(inForce))
      expect(await bounded({ [name]: '99min' }).restore(item, note)).toMatchObject({
        reason: 'invariant-broken',
        detail: `it would not hold that ${name} is 99min`,
      });
    expect(await bounded(inForce).restore(item, note)).toMatchObject({ outcome: 'applied' });
  });

  test('in the script', async () => {
    const { item } = await scene.wronglyCancelled('api');
    for (const name of Object.keys(inForce))
      await expect(byHand(await scriptOf(item, bounded({ [name]: '99min' })))).rejects.toThrow(
        `it would not hold that ${name} is 99min`,
      );
    await byHand(await scriptOf(item, bounded(inForce)));
  });

  async function isGone(): Promise<boolean> {
    const { rows } = await scene.pool.query(
      `SELECT FROM pg_stat_activity WHERE usename = $1 AND state = 'idle in transaction'`,
      [scene.roles.write],
    );
    return rows.length === 0;
  }

  test.each([
    [
      'does nothing for too long',
      { statementTimeoutMs: 300, transactionTimeoutMs: 60_000 },
      /25P03/,
    ],
    [
      'takes too long as a whole',
      { statementTimeoutMs: 60_000, transactionTimeoutMs: 3_000 },
      /25P04/,
    ],
  ])(
    'the server ends it where Reinstate %s, and the shop goes on',
    async (_what, given, detail) => {
      const { orderId, item } = await scene.wronglyCancelled('api');
      const before = await scene.dump();
      const adapter = scene.open(given);
      // our own database hangs just before the commit, while the shop's rows are locked
      const outcome = await adapter.restore(item, async () => {
        await shopHolding('SELECT 1', async (shop) => {
          await shop.query(lockedOrder(orderId));
        });
        await until('the server to end it', isGone);
      });
      expect(outcome).toMatchObject({ outcome: 'failed', reason: 'timeout', retry: true });
      expect((outcome as { detail: string }).detail).toMatch(detail);
      expect(await scene.dump()).toEqual(before);
    },
  );

  describe('and by the executor, for servers before 17, which have no time-out of a whole transaction', () => {
    const sleep = {
      kind: 'run',
      title: 'sleep',
      statement: { text: 'SELECT pg_sleep(0.2)', values: [] },
    } as const;
    const write = {
      ...sleep,
      title: 'write',
      statement: { text: `UPDATE shop.orders SET coupon_code = 'LATE'`, values: [] },
    };
    const run = ({
      transactionMs,
      ...given
    }: Pick<RestoreAttempt, 'steps' | 'noteTransaction'> & { transactionMs: number }) =>
      runRestore(async () => beforeSeventeen(await scene.pool.connect()), {
        ...given,
        timeouts: { lockMs: 300, statementMs: 10_000, transactionMs },
        counters: [],
        flushElsewhere: () => Promise.resolve(),
      });

    test.each([
      ['before a step', [[sleep], [write]], 'write'],
      ['before a step of what else goes together', [[sleep, write]], 'write'],
      ['before the transaction is noted', [[write, sleep]], 'ask for the transaction’s id'],
    ])('%s', async (_where, steps, title) => {
      const before = await scene.dump();
      const noted: unknown[] = [];
      const outcome = await run({
        steps,
        transactionMs: 100,
        noteTransaction: (transaction) => Promise.resolve(void noted.push(transaction)),
      });
      expect(outcome).toMatchObject({ reason: 'timeout', detail: `too slow (${title})` });
      expect(noted).toEqual([]);
      expect(await scene.dump()).toEqual(before);
    });

    test('before the commit', async () => {
      const before = await scene.dump();
      const outcome = await run({
        steps: [[write]],
        transactionMs: 1_000,
        noteTransaction: () => new Promise((resolve) => setTimeout(resolve, 1_100)),
      });
      expect(outcome).toMatchObject({ reason: 'timeout', retry: true });
      expect(await scene.dump()).toEqual(before);
    });
  });
});
