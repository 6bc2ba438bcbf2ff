import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isLater } from '../../src/intake/replication/source/lsn.js';
import { FoldCheck } from '../support/fold-check.js';
import { withClient } from '../support/postgres.js';
import { startPrivateServer, type PrivateServer } from '../support/private-server.js';
import { createHarness, until, type Harness } from '../support/replication-harness.js';
import { cancelOrder, openTestShop, placeOrder, type TestShop } from '../support/test-shop.js';

const run = promisify(execFile);
const settings = { wal_level: 'logical', max_slot_wal_keep_size: '256MB' };

/**
 * A shop's server that is not the one it was: positions of its log come a second time, and mean something
 * else. What is told there must never be taken for what was journalled before.
 */
describe('a shop’s server with another history', () => {
  let server: PrivateServer;
  let dataDirectory: string;
  let backup: string;
  let shop: TestShop;
  let harness: Harness;
  let check: FoldCheck;

  beforeEach(async () => {
    dataDirectory = await mkdtemp(join(tmpdir(), 'reinstate-shop-'));
    server = await startPrivateServer({ dataDirectory, settings });
    backup = `${server.dataDirectory}.backup`;
    await withClient(server.url(), (client) => client.query('CREATE DATABASE shop'));
    const drop = () => Promise.resolve();
    shop = await openTestShop({ name: 'shop', url: server.url('shop'), drop });
    harness = await createHarness(shop);
    await shop.run(
      `INSERT INTO shop.stock VALUES ('tea', 1000, 0)`,
      ...[1, 2, 3].map((id) => placeOrder({ id })),
    );
    check = await FoldCheck.begin(harness);
  });

  afterEach(async () => {
    await harness.close();
    await server.stop('immediate');
    for (const directory of [server.dataDirectory, backup, dataDirectory])
      await rm(directory, { recursive: true, force: true });
  });

  const restart = async (): Promise<void> => {
    server = await startPrivateServer({ dataDirectory, port: server.port, settings });
  };
  /** What the server tells of itself to those who stream: what it has only written does not count yet. */
  const currentLsn = async () =>
    (await shop.query<{ lsn: string }>('SELECT pg_current_wal_flush_lsn()::text AS lsn'))[0]!.lsn;
  const kindsOf = async () =>
    (await harness.entries()).map(({ orderId, kinds }) => `${orderId}:${kinds.join()}`);

  /**
   * Journals changes, of which the shop then knows nothing any more: its files are again those of before.
   * Gives how far the journal was.
   */
  async function loseHistory(): Promise<string> {
    const stream = await harness.attach();
    await until('streaming', async () => (await harness.row()).state === 'streaming');
    await shop.run(cancelOrder(1));
    await harness.caughtUp();
    await server.stop('fast');
    await run('cp', ['-a', server.dataDirectory, backup]);
    await restart();
    await until('streaming', async () => (await harness.row()).state === 'streaming');
    // enough that what is done anew comes to stand where this stood
    for (let index = 0; index < 50; index += 1)
      await shop.run(`UPDATE shop.orders SET notes = repeat('${index}', 500) WHERE id = 3`);
    await shop.run(cancelOrder(2));
    await harness.caughtUp();
    await stream.stop();
    const { confirmedLsn } = await harness.row();
    await server.stop('fast');
    await rm(server.dataDirectory, { recursive: true });
    await run('mv', [backup, server.dataDirectory]);
    return confirmedLsn!;
  }

  /** What the shop does on its new history, before anybody follows it. */
  async function goOn(): Promise<void> {
    const [row] = await shop.query<{ status: string }>(
      'SELECT status FROM shop.orders WHERE id = 2',
    );
    expect(row?.status).toBe('paid');
    await shop.run(`UPDATE shop.orders SET total_minor = 7 WHERE id = 2`);
  }

  async function followAnew(): Promise<void> {
    harness.open().start();
    await until('a new slot', async () => {
      const row = await harness.row();
      return row.slotGeneration === 2 && row.state === 'streaming';
    });
    await shop.run(cancelOrder(2));
    await harness.caughtUp();
  }

  async function newestAreOfAnotherHistory(): Promise<void> {
    const told = await kindsOf();
    const since = told.slice(told.indexOf(':gap'));
    // an order that changed is told for each table in which the snapshot finds it changed
    expect(new Set(since.slice(1, -2))).toEqual(new Set(['2:gap', '3:gap']));
    expect(since.slice(-2)).toEqual(['2:cancelled', ':shared']);
    const entries = await harness.entries();
    const ofOrder = entries.filter(({ orderId }) => orderId === '2');
    // the first cancellation is no longer true, and the second one found what the shop had made of it
    expect(ofOrder.map(({ kinds }) => kinds.join())).toEqual(
      expect.arrayContaining(['cancelled', 'gap', 'cancelled']),
    );
    const before = entries.at(-2)?.rowChanges.find(({ table }) => table === 'shop.orders')?.before;
    expect(before).toMatchObject({ status: 'paid', total_minor: '7' });
    await check.holds({ gaps: true });
  }

  it('set back to a copy of its files: a gap, and what repeats is no double', async () => {
    const journalled = await loseHistory();
    await restart();
    await goOn();
    expect(isLater(journalled, await currentLsn())).toBe(true);
    await followAnew();
    await newestAreOfAnotherHistory();
    const gap = (await harness.entries()).find(({ kinds }) => kinds.includes('gap'));
    expect(gap?.reason).toContain('was set back');
  });

  it('set back, and gone on past what was journalled: known by what it sends again', async () => {
    const journalled = await loseHistory();
    await restart();
    await goOn();
    while (!isLater(await currentLsn(), journalled))
      await shop.query(`SELECT pg_logical_emit_message(false, 'fill', repeat('x', 1000))`);
    await followAnew();
    await newestAreOfAnotherHistory();
    const gap = (await harness.entries()).find(({ kinds }) => kinds.includes('gap'));
    expect(gap?.reason).toContain('was set back, and has gone on since');
  });

  it('a promoted copy, which lacked the newest: a new timeline, a gap, and nothing is swallowed', async () => {
    const journalled = await loseHistory();
    await run('touch', [join(server.dataDirectory, 'standby.signal')]);
    await restart();
    await withClient(server.url(), (client) => client.query('SELECT pg_promote(true)'));
    await goOn();
    // far beyond what was journalled: only the timeline tells that this is another history
    while (!isLater(await currentLsn(), journalled))
      await shop.query(`SELECT pg_logical_emit_message(false, 'fill', repeat('x', 10000))`);
    await followAnew();
    await newestAreOfAnotherHistory();
    const gap = (await harness.entries()).find(({ kinds }) => kinds.includes('gap'));
    expect(gap?.reason).toMatch(
      /is another one, or was set back: it was \d+\/1\/1, it is \d+\/2\/1/,
    );
    expect((await harness.row()).incarnation).toMatch(/^\d+\/2\/2$/);
  });
});
