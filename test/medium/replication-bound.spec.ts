import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startLocalPostgres, type LocalPostgres } from '../../local-postgres/local-postgres.js';
import { FoldCheck } from '../support/fold-check.js';
import { withClient } from '../support/postgres.js';
import { createHarness, until, type Harness } from '../support/replication-harness.js';
import { cancelOrder, openTestShop, placeOrder, type TestShop } from '../support/test-shop.js';

const segmentBytes = 16 * 2 ** 20;
const retainedBytesMax = 4 * segmentBytes;

/** A server of its own, which would keep its log for us without end. */
describe('a shop whose server does not bound what a slot holds back', () => {
  let server: LocalPostgres;
  let dataDirectory: string;
  let shop: TestShop;
  let harness: Harness;

  beforeAll(async () => {
    dataDirectory = await mkdtemp(join(tmpdir(), 'reinstate-shop-'));
    server = await startLocalPostgres({ dataDirectory, settings: { wal_level: 'logical' } });
    await withClient(server.url(), (client) => client.query('CREATE DATABASE shop'));
    const drop = () =>
      withClient(server.url(), async (client) => {
        await client.query('DROP DATABASE shop WITH (FORCE)');
      });
    shop = await openTestShop({ name: 'shop', url: server.url('shop'), drop });
    harness = await createHarness(shop, { retainedBytesMax });
    await shop.run(
      `INSERT INTO shop.stock VALUES ('tea', 1000, 0)`,
      ...[1, 2, 3].map((id) => placeOrder({ id })),
    );
  });

  afterAll(async () => {
    await harness.close();
    await shop.drop();
    await server.stop('immediate');
    await rm(server.dataDirectory, { recursive: true, force: true });
    await rm(dataDirectory, { recursive: true, force: true });
  });

  const slots = () => shop.query('SELECT slot_name FROM pg_replication_slots');
  const metric = async (name: string): Promise<number> => {
    const text = await harness.registry.metrics();
    return Number(
      new RegExp(`^reinstate_replication_${name}\\{shop="test-shop"\\} (.*)$`, 'm').exec(text)?.[1],
    );
  };

  it('has one of ours: the slot goes at the bound, though our own database hangs; a gap and a new snapshot follow', async () => {
    const check = await FoldCheck.begin(harness);
    await harness.attach({ allowUnboundedWal: true });
    await until('streaming', async () => (await harness.row()).state === 'streaming');
    await until('bounded', async () => (await metric('wal_bound_bytes')) === retainedBytesMax);
    await shop.run(cancelOrder(1));
    await harness.caughtUp();

    // nothing of ours gets on, so that the shop keeps all of its log for us
    const holding = new pg.Client({ connectionString: harness.reinstate.url });
    await holding.connect();
    await holding.query('BEGIN; LOCK TABLE reinstate.replication_stream IN ACCESS EXCLUSIVE MODE');
    await shop.run(cancelOrder(2));
    await fill(2);
    expect(await slots()).toHaveLength(1);
    await fill(3);
    await until('the slot is gone', async () => (await slots()).length === 0);
    await shop.run(`UPDATE shop.orders SET total_minor = 7 WHERE id = 3`);
    await holding.end();

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
