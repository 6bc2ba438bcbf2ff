import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { Refusal } from '../../src/intake/replication/attach/judge-shop.js';
import { Fault } from '../../src/platform/errors.js';
import { FoldCheck } from '../support/fold-check.js';
import { withClient } from '../support/postgres.js';
import { startPrivateServer, type PrivateServer } from '../support/private-server.js';
import { createHarness, until, type Harness } from '../support/replication-harness.js';
import { watchStreams, type StreamWatch } from '../support/stream-watch.js';
import { cancelOrder, openTestShop, placeOrder, type TestShop } from '../support/test-shop.js';

const segmentBytes = 16 * 2 ** 20;
const retainedBytesMax = 4 * segmentBytes;
/** What the server keeps for itself, and the segment that it writes. */
const ownLogBytesMax = 3 * segmentBytes;

const settings = {
  wal_level: 'logical',
  // it keeps next to nothing for later, so that what is there is there for us
  min_wal_size: '32MB',
  max_wal_size: '32MB',
};

/** As no shop is attached: nothing may be decoded, and every slot and sender is taken. */
const unfit = {
  ...settings,
  ...{ wal_level: 'replica', max_replication_slots: '1', max_wal_senders: '0' },
};

/** A server of its own, which would keep its log for us without end. */
describe('a shop whose server does not bound what a slot holds back', () => {
  let server: PrivateServer;
  let dataDirectory: string;
  let shop: TestShop;
  let harness: Harness;
  let watched: StreamWatch;

  beforeAll(async () => {
    dataDirectory = await mkdtemp(join(tmpdir(), 'reinstate-shop-'));
    server = await startPrivateServer({ dataDirectory, settings: unfit });
    await withClient(server.url(), (client) => client.query('CREATE DATABASE shop'));
    const drop = () =>
      withClient(server.url(), async (client) => {
        await client.query('DROP DATABASE shop WITH (FORCE)');
      });
    shop = await openTestShop({ name: 'shop', url: server.url('shop'), drop });
    harness = await createHarness(shop, { retainedBytesMax });
    const urls = { [harness.shopId]: shop.credentials.replicate };
    watched = watchStreams(harness.database, urls, new Date());
    await shop.run(
      `INSERT INTO shop.stock VALUES ('tea', 1000, 0)`,
      ...[1, 2, 3].map((id) => placeOrder({ id })),
    );
  });

  afterAll(async () => {
    await watched.close();
    await harness.close();
    await shop.drop();
    await server.stop('immediate');
    await rm(server.dataDirectory, { recursive: true, force: true });
    await rm(dataDirectory, { recursive: true, force: true });
  });

  async function restart(given: Record<string, string>): Promise<void> {
    await server.stop('fast');
    server = await startPrivateServer({ dataDirectory, port: server.port, settings: given });
  }

  async function refusals(): Promise<string[]> {
    const options = { credential: shop.credentials.attach, allowUnboundedWal: false };
    const refused: unknown = await harness.attacher
      .attach(harness.target(), { ...options, slotLimitMs: 20_000 })
      .catch((fault: unknown) => fault);
    if (!(refused instanceof Fault)) throw refused as Error;
    const found = refused.details.data?.['refusals'] as Refusal[];
    return found.map(({ code, where }) => `${code} ${where}`);
  }

  it('is not attached under its settings, nor as a standby; nothing is left, and what is mended is named no more', async () => {
    await shop.query(`SELECT pg_create_physical_replication_slot('of_others')`);
    const ofSettings = [
      'wal-level-not-logical wal_level',
      'wal-unbounded max_slot_wal_keep_size',
      'no-free-slot max_replication_slots',
      'no-free-sender max_wal_senders',
    ];
    expect(await refusals()).toEqual(ofSettings);

    const signal = join(server.dataDirectory, 'standby.signal');
    await writeFile(signal, '', { mode: 0o644 });
    await restart(unfit);
    expect(await refusals()).toEqual([
      'profile-fault postgres.read',
      'server-is-standby server',
      ...ofSettings,
    ]);
    const { faults } = await harness.target().check();
    expect(faults.map(({ message }) => message).join()).toContain('it leads to a standby');

    await rm(signal);
    await restart(settings);
    expect(await refusals()).toEqual(['wal-unbounded max_slot_wal_keep_size']);
    await shop.query(`SELECT pg_drop_replication_slot('of_others')`);
    expect(await slots()).toEqual([]);
  });

  const slots = () => shop.query('SELECT slot_name FROM pg_replication_slots');
  const metric = async (name: string): Promise<number> => {
    const text = await harness.registry.metrics();
    return Number(
      new RegExp(`^reinstate_replication_${name}\\{shop="test-shop"\\} (.*)$`, 'm').exec(text)?.[1],
    );
  };

  /** All log on the shop's disk, once the server has thrown away what it may. */
  const logBytes = async (): Promise<number> => {
    await shop.query('CHECKPOINT');
    const [log] = await shop.query<{ bytes: number }>(
      'SELECT sum(size)::int AS bytes FROM pg_ls_waldir()',
    );
    return log!.bytes;
  };

  it('has one of ours: the slot goes at the bound, though our own database hangs; a page, a gap and a new snapshot follow', async () => {
    const check = await FoldCheck.begin(harness);
    const stream = await harness.attach({ allowUnboundedWal: true });
    await until('streaming', async () => (await harness.row()).state === 'streaming');
    await watched.look();
    await until('bounded', async () => (await metric('wal_bound_bytes')) === retainedBytesMax);
    await shop.run(cancelOrder(1));
    await harness.caughtUp();

    // nothing of ours gets on, so that the shop keeps all of its log for us
    const holding = new pg.Client({ connectionString: harness.reinstate.url });
    await holding.connect();
    await holding.query('BEGIN; LOCK TABLE reinstate.replication_stream IN EXCLUSIVE MODE');
    await shop.run(cancelOrder(2));
    await fill(3);
    expect(await slots()).toHaveLength(1);
    expect(await logBytes()).toBeGreaterThan(ownLogBytesMax);
    // goes on to note something, which waits for the lock
    const inspecting = harness.inspector.inspect(stream);
    for (const name of ['lag_bytes', 'retained_wal_bytes'])
      await until(name, async () => (await metric(name)) > segmentBytes);
    await holding.query('LOCK TABLE reinstate.replication_stream IN ACCESS EXCLUSIVE MODE');
    await fill(2);
    await until('the slot is gone', async () => (await slots()).length === 0);
    await fill(3);
    expect(await logBytes()).toBeLessThanOrEqual(ownLogBytesMax);
    await shop.run(`UPDATE shop.orders SET total_minor = 7 WHERE id = 3`);
    await holding.end();
    await inspecting;

    await until('a new slot', async () => {
      const row = await harness.row();
      return row.slotGeneration === 2 && row.state === 'streaming';
    });
    await shop.run(cancelOrder(3));
    await harness.caughtUp();
    const entries = await harness.entries();
    const gap = entries.find(({ orderId, kinds }) => orderId === '' && kinds.includes('gap'));
    expect(gap?.reason).toMatch(
      /was dropped by Reinstate, since it held back 64 MiB of write-ahead log or more and the server sets no max_slot_wal_keep_size$/,
    );
    const told = entries.map(({ orderId, kinds }) => `${orderId}:${kinds.join()}`);
    expect(told).toEqual(expect.arrayContaining(['1:cancelled', '3:gap', '3:cancelled']));
    expect(await slots()).toHaveLength(1);
    await check.holds({ gaps: true });
    await watched.look(1);
    await watched.look(1);
    expect(
      (await watched.pages()).map(({ kind, severity, line }) => [kind, severity, line]),
    ).toEqual([
      [
        'stream-alert',
        'high',
        expect.stringContaining('was dropped by Reinstate, since it held back'),
      ],
    ]);
    await harness.inspector.inspect(stream);
    for (const name of ['lag_bytes', 'retained_wal_bytes'])
      expect(await metric(name)).toBeLessThan(segmentBytes);
  });

  it('is left alone once its server has a bound', async () => {
    await shop.query(`ALTER SYSTEM SET max_slot_wal_keep_size = '1GB'`);
    await shop.query('SELECT pg_reload_conf()');
    await until('told', async () => (await metric('wal_bound_bytes')) === 2 ** 30);
    const { slotGeneration } = await harness.row();
    expect((await harness.row()).slotGeneration).toBe(slotGeneration);
  });

  /** Whole segments of log, of which nobody journals anything. */
  async function fill(segments: number): Promise<void> {
    for (let segment = 0; segment < segments; segment += 1)
      await shop.query(`SELECT pg_logical_emit_message(false, 'fill', 'x'), pg_switch_wal()`);
  }
});
