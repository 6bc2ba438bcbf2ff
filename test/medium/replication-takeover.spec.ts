import pg from 'pg';
import { isLater } from '../../src/intake/replication/source/lsn.js';
import { FoldCheck } from '../support/fold-check.js';
import { startFollower, type Follower } from '../support/follower.js';
import { createHarness, until, type Harness } from '../support/replication-harness.js';
import { cancelOrder, createTestShop, placeOrder, type TestShop } from '../support/test-shop.js';

/** What the product promises: order changes come in again this soon after their process was stopped. */
const takeoverMs = 10_000;

/** Two processes on one database of ours: the shop has one owner, the other waits. */
describe('the process that follows a shop is stopped', () => {
  let shop: TestShop;
  let harness: Harness;
  let check: FoldCheck;
  const processes: Follower[] = [];

  beforeEach(async () => {
    shop = await createTestShop();
    harness = await createHarness(shop);
    await shop.run(
      `INSERT INTO shop.stock VALUES ('tea', 1000, 0)`,
      ...[1, 2, 3, 4, 5].map((id) => placeOrder({ id })),
    );
    check = await FoldCheck.begin(harness);
    await harness.attach();
    await until('streaming', async () => (await harness.row()).state === 'streaming');
    await harness.stopAll();
  });

  afterEach(async () => {
    for (const follower of processes.splice(0)) await follower.kill();
    await harness.close();
    await shop.drop();
  });

  async function start(): Promise<Follower> {
    const follower = await startFollower(harness);
    processes.push(follower);
    return follower;
  }

  const walsender = async (): Promise<number | null> => {
    const [slot] = await shop.query<{ pid: number | null }>(
      `SELECT active_pid AS pid FROM pg_replication_slots WHERE database = current_database() AND NOT temporary`,
    );
    return slot?.pid ?? null;
  };

  const owner = async (): Promise<string | undefined> => {
    const [lease] = await harness.database.query<{ owner: string }>(
      `SELECT owner FROM work_lease WHERE name LIKE 'replication:%'`,
    );
    return lease?.owner;
  };

  const kindsOf = async () =>
    (await harness.entries()).map(({ orderId, kinds }) => `${orderId}:${kinds.join()}`);

  /** How long it takes until an order that is cancelled now stands in the journal. */
  async function cancelled(id: number): Promise<number> {
    const begun = performance.now();
    await shop.run(cancelOrder(id));
    await until('journalled', async () => (await kindsOf()).includes(`${id}:cancelled`), 60_000);
    return performance.now() - begun;
  }

  it('between its transactions: another takes over within 10 s, and the first does no harm when it wakes', async () => {
    const first = await start();
    await until('the first follows', walsender);
    await cancelled(1);
    const was = { owner: await owner(), walsender: await walsender() };
    await start();
    first.signal('SIGSTOP');
    expect(await cancelled(2)).toBeLessThan(takeoverMs);
    const now = { owner: await owner(), walsender: await walsender() };
    expect(now.owner).not.toBe(was.owner);
    expect(now.walsender).not.toBe(was.walsender);

    first.signal('SIGCONT');
    // long enough for it to try whatever it has in mind, several times over
    for (let id = 3; id <= 5; id += 1) {
      await cancelled(id);
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      expect(await harness.row()).toMatchObject({ state: 'streaming', problem: null });
      expect({ owner: await owner(), walsender: await walsender() }).toEqual(now);
    }
    await check.holds();
    expect((await harness.row()).slotGeneration).toBe(1);
    expect((await kindsOf()).filter((kind) => kind !== ':shared')).toEqual(
      [1, 2, 3, 4, 5].map((id) => `${id}:cancelled`),
    );
  });

  it('in the middle of a transaction of ours: its locks go, and nothing of it is written twice', async () => {
    const first = await start();
    await until('the first follows', walsender);
    await cancelled(1);
    await start();
    // the journal's end is held, so that the first is stopped with the stream locked
    const holding = new pg.Client({ connectionString: harness.reinstate.url });
    await holding.connect();
    await holding.query(
      `BEGIN; SELECT FROM reinstate.shop WHERE id = '${harness.shopId}' FOR UPDATE`,
    );
    await shop.run(cancelOrder(2));
    await until('it waits for the journal', async () => {
      const waiting = await harness.database.query(
        `SELECT FROM pg_locks WHERE NOT granted AND pid IN
           (SELECT pid FROM pg_stat_activity WHERE datname = current_database())`,
      );
      return waiting.length > 0;
    });
    first.signal('SIGSTOP');
    const stoppedAt = performance.now();
    await holding.end();
    await until('journalled', async () => (await kindsOf()).includes('2:cancelled'), 60_000);
    expect(performance.now() - stoppedAt).toBeLessThan(takeoverMs);
    first.signal('SIGCONT');
    await cancelled(3);
    await check.holds();
    expect((await kindsOf()).filter((kind) => kind !== ':shared')).toEqual(
      [1, 2, 3].map((id) => `${id}:cancelled`),
    );
  });

  it('for ever (kill -9): another takes over as soon', async () => {
    const first = await start();
    await until('the first follows', walsender);
    await cancelled(1);
    await start();
    await first.kill();
    expect(await cancelled(2)).toBeLessThan(takeoverMs);
    await check.holds();
  });

  it('whoever has lost the shop to another writes nothing any more, whatever it still has in mind', async () => {
    await start();
    await until('another follows', walsender);
    await cancelled(1);
    const { incarnation } = await harness.row();
    const { shopId, writer, store, database } = harness;
    const { mapping } = harness.target();
    const lost = { shopId, mapping, incarnation: incarnation!, owner: 'first', unseen: [] };
    // far beyond all that was journalled: nothing but the lease tells that it is not to be written
    const at = { commitLsn: 'FF/0', transactionId: 1, committedAt: '2026-11-23T12:00:00.000000Z' };
    const transactions = [{ ...at, endLsn: 'FF/100', changes: [], messages: [] }];
    const part = { commitLsn: at.commitLsn, number: 0, changes: [] };
    for (const work of [
      () => writer.write({ ...lost, transactions }),
      () => writer.spool({ ...lost, transactions }),
      () => writer.keepPart(lost, part),
      () => writer.drainSpool(lost),
    ])
      await expect(work()).rejects.toThrow('another process follows the shop');
    const note = { ...lost, lsn: 'FF/100', seenUntil: null, now: new Date() };
    expect(await store.confirm(database, note)).toBe(false);
    expect(await database.query('SELECT FROM replication_part')).toEqual([]);
    expect(isLater((await harness.row()).confirmedLsn ?? '', 'FE/0')).toBe(false);
    await cancelled(2);
    await check.holds();
  });
});
