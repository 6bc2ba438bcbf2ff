import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { createSlot, SlotBlocked } from '../../src/intake/replication/source/slot.js';
import { shopProblem } from '../../src/intake/replication/source/shop-problem.js';
import {
  readSource,
  shopConnection,
  withShop,
} from '../../src/intake/replication/source/shop-server.js';
import { FoldCheck } from '../support/fold-check.js';
import { createHarness, until, type Harness } from '../support/replication-harness.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { cancelOrder, createTestShop, placeOrder, type TestShop } from '../support/test-shop.js';

/** How long `work` takes until it is over, one way or the other. */
async function msOf(work: Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work.catch(() => undefined);
  return performance.now() - started;
}

describe('a shop that goes silent', () => {
  let shop: TestShop;
  let proxy: TcpProxy;
  let harness: Harness;

  beforeEach(async () => {
    shop = await createTestShop();
    const { hostname, port } = new URL(shop.url);
    proxy = await TcpProxy.open({ host: hostname, port: Number(port) });
    const { replicate, read } = shop.credentials;
    harness = await createHarness({
      ...shop,
      credentials: {
        ...shop.credentials,
        replicate: proxy.through(replicate),
        read: proxy.through(read),
      },
    });
    await shop.run(
      `INSERT INTO shop.stock VALUES ('tea', 1000, 0)`,
      placeOrder({ id: 1 }),
      placeOrder({ id: 2 }),
    );
  });

  afterEach(async () => {
    // first: a server waits a minute for a log-in that was cut off, and drops no database meanwhile
    await proxy.close();
    await harness.close();
    await shop.drop();
  });

  const streaming = () =>
    until('streaming', async () => (await harness.row()).state === 'streaming');

  /** A transaction that a new slot has to wait for. */
  async function holdUp(): Promise<pg.Client> {
    const writer = new pg.Client({ connectionString: shop.url, application_name: 'import' });
    await writer.connect();
    await writer.query('BEGIN');
    await writer.query('CREATE TABLE shop.import (id int)');
    return writer;
  }

  const slots = () =>
    shop.query<{ slot_name: string }>(
      `SELECT slot_name FROM pg_replication_slots WHERE database = current_database()`,
    );

  /** What a scrape tells of how long ago the shop was heard, and all of it journalled. */
  async function seconds() {
    const text = await harness.registry.metrics();
    const read = (name: string): number =>
      Number(
        new RegExp(`^reinstate_replication_${name}\\{shop="test-shop"\\} (.*)$`, 'm').exec(
          text,
        )?.[1],
      );
    return {
      seconds_since_message: read('seconds_since_message'),
      lag_seconds: read('lag_seconds'),
    };
  }

  it('is noticed while it lasts, said, and nothing is lost when it speaks again', async () => {
    const check = await FoldCheck.begin(harness);
    await harness.attach();
    await streaming();
    await shop.run(cancelOrder(1));
    await harness.caughtUp();
    const before = await seconds();
    proxy.silence();
    await shop.run(cancelOrder(2));
    const row = await until('noticed', async () => {
      const now = await harness.row();
      return now.state === 'interrupted' && now;
    });
    expect(row.problem).toContain('has gone silent');
    const silent = await seconds();
    for (const name of ['seconds_since_message', 'lag_seconds'] as const) {
      // that it is silent was noticed after five seconds
      expect([name, silent[name] > 4]).toEqual([name, true]);
      expect([name, silent[name] > before[name]]).toEqual([name, true]);
    }
    proxy.speak();
    await harness.caughtUp();
    await until('heard again', async () => {
      const now = await seconds();
      return now.seconds_since_message < 4 && now.lag_seconds < 4;
    });
    const entries = await harness.entries();
    expect(entries.map(({ orderId, kinds }) => `${orderId}:${kinds.join()}`)).toEqual([
      '1:cancelled',
      ':shared',
      '2:cancelled',
      ':shared',
    ]);
    expect(await until('well again', async () => (await harness.row()).problem === null)).toBe(
      true,
    );
    expect((await harness.row()).slotGeneration).toBe(1);
    await check.holds();
  });

  it('does not hold up the end of the service, neither while streaming nor while connecting', async () => {
    const stream = await harness.attach();
    await streaming();
    await shop.run(cancelOrder(1));
    await harness.caughtUp();
    proxy.silence();
    expect(await msOf(stream.stop())).toBeLessThan(4_000);

    const again = harness.open();
    again.start();
    await sleep(500);
    expect(proxy.connections).toBeGreaterThan(0);
    expect(await msOf(again.stop())).toBeLessThan(1_000);
    expect(proxy.connections).toBe(0);
  });

  it('does not hold up a look at its catalogue for longer than its limit', async () => {
    const url = proxy.through(shop.credentials.read);
    const work = withShop(shopConnection(url, { statementLimitMs: 300 }), async (client) => {
      proxy.silence();
      return client.query('SELECT 1');
    });
    const problem = await work.then(() => '', shopProblem);
    expect(problem).toBe('the server does not answer, or hung up');
    proxy.speak();
    const slow = withShop(shopConnection(url, { statementLimitMs: 300 }), (client) =>
      client.query('SELECT pg_sleep(10)'),
    );
    expect(await slow.then(() => '', shopProblem)).toBe(
      'a statement took too long and was given up (SQLSTATE 57014)',
    );
    // every session has a limit unless it asks for none
    expect(shopConnection(url).query_timeout).toBeGreaterThan(0);
    proxy.silence();
    const giveUp = AbortSignal.timeout(300);
    expect(
      await msOf(readSource(proxy.through(shop.credentials.replicate), 'any', { signal: giveUp })),
    ).toBeLessThan(2_000);
  });

  it('a slot that waits for the shop is given up at once at the end of the service; none is left', async () => {
    const writer = await holdUp();
    // as after a loss: the stream makes its own new slot
    await harness.store.prepare(harness.database, {
      shopId: harness.shopId,
      name: 'reinstate_waiting',
      identities: {},
      now: new Date(),
    });
    await shop
      .run(`CREATE PUBLICATION reinstate_waiting FOR TABLES IN SCHEMA shop`)
      .catch(() => shop.query(`CREATE PUBLICATION reinstate_waiting FOR ALL TABLES`));
    await harness.store.begin(harness.database, { shopId: harness.shopId, now: new Date() });
    const stream = harness.open();
    stream.start();
    // other tests write to this server too: whom else it waits for at first is theirs
    await until('said', async () => {
      const { problem } = await harness.row();
      return problem?.includes('waits for') === true && problem.includes('import');
    });
    expect(await msOf(stream.stop())).toBeLessThan(5_000);
    await writer.query('ROLLBACK');
    await writer.end();
    await sleep(500);
    expect(await slots()).toEqual([]);
    const waiting = await shop.query(
      `SELECT FROM pg_stat_activity WHERE query LIKE 'CREATE_REPLICATION_SLOT%' AND datname = current_database()`,
    );
    expect(waiting).toEqual([]);
  });

  it('a loss stays a loss for as long as its new slot waits for the shop', async () => {
    const first = await harness.attach();
    await streaming();
    await first.stop();
    await shop.query(
      `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()`,
    );
    const writer = await holdUp();
    harness.open().start();
    const row = await until('said', async () => {
      const now = await harness.row();
      return now.problem?.includes('waits for') === true && now;
    });
    expect(row.state).toBe('lost');
    await writer.query('ROLLBACK');
    await writer.end();
    await streaming();
    expect((await harness.row()).slotGeneration).toBe(2);
  });

  it('an attach that waits for the shop is given up when told so, and takes everything back', async () => {
    const writer = await holdUp();
    const giveUp = new AbortController();
    const attaching = harness.attacher.attach(harness.target(), {
      credential: shop.credentials.attach,
      allowUnboundedWal: false,
      slotLimitMs: 60_000,
      signal: giveUp.signal,
    });
    await until('the slot waits', async () => ((await slots()).length > 0 ? true : undefined));
    giveUp.abort(new Error('the service stops'));
    const started = performance.now();
    await expect(attaching).rejects.toThrow('the service stops');
    expect(performance.now() - started).toBeLessThan(10_000);
    await writer.query('ROLLBACK');
    await writer.end();
    expect(await slots()).toEqual([]);
    expect(await shop.query('SELECT FROM pg_publication')).toEqual([]);
    expect((await harness.row()).state).toBe('detached');
  });

  it('a slot that cannot be made in time names who holds it up', async () => {
    const writer = await holdUp();
    const making = createSlot({
      url: shop.credentials.replicate,
      slotName: 'reinstate_late',
      temporary: false,
      limitMs: 1_000,
    });
    await expect(making).rejects.toBeInstanceOf(SlotBlocked);
    await writer.query('ROLLBACK');
    await writer.end();
    expect(await slots()).toEqual([]);
  });
});
