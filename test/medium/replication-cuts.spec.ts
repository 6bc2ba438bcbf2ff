import { Fault } from '../../src/platform/errors.js';
import { FoldCheck } from '../support/fold-check.js';
import { createHarness, until, type Harness } from '../support/replication-harness.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { cancelOrder, createTestShop, placeOrder, type TestShop } from '../support/test-shop.js';

/** Of so many equal parts of an exchange, which one this run takes; all of them: 1/1. */
const [part = 1, parts = 4] = (process.env['REINSTATE_CUTS'] ?? '1/4').split('/').map(Number);

/** All of them take minutes. */
const limitMs = 1_200_000;

/**
 * Attaching looks at much of the shop before it changes anything: the cuts begin a bit before the slot is made, and
 * are fewer. One of the first falls into the server's answer, when the slot is there and nobody knows.
 */
const attachStep = parts * 5;
const messagesOfSlot = 43;

/** What the journal says between a detach and the next attach; nothing is lost there, since the shop rests. */
const detachedReason = 'the shop was not attached for a while';

/** More messages than one look at the shop, a log-in and a scene have. */
const messagesMost = 400;

describe('the network to the shop is cut while it is followed', () => {
  let shop: TestShop;
  let proxy: TcpProxy;
  let harness: Harness;
  let check: FoldCheck;

  beforeAll(async () => {
    shop = await createTestShop();
    const { hostname, port } = new URL(shop.url);
    proxy = await TcpProxy.open({ host: hostname, port: Number(port) });
    const { replicate, read } = shop.credentials;
    const credentials = {
      ...shop.credentials,
      replicate: proxy.through(replicate),
      read: proxy.through(read),
    };
    // small parts, so that a cut also falls between them
    const partLimits = { changes: 4, bytes: 1_000_000 };
    harness = await createHarness({ ...shop, credentials }, { partLimits });
    await shop.run(`INSERT INTO shop.stock VALUES ('tea', 1000, 0)`, placeOrder({ id: 1 }));
    check = await FoldCheck.begin(harness);
    await harness.attach();
    await until('streaming', async () => (await harness.row()).state === 'streaming');
  });

  afterAll(async () => {
    await proxy.close();
    await harness.close();
    await shop.drop();
  });

  /** Everything from the log-in on, and three transactions: small, in parts, and empty for us. */
  async function scene(id: number): Promise<void> {
    await shop.run(`UPDATE shop.orders SET version = version + 1 WHERE id = 1`);
    await shop.run(placeOrder({ id }), cancelOrder(id));
    await shop.run('CREATE TABLE shop.elsewhere (id int)', 'DROP TABLE shop.elsewhere');
    await harness.caughtUp();
  }

  /** The scene from a log-in on, cut once after so many messages; gives how many there were. */
  async function cutAfter(messages: number): Promise<number> {
    proxy.cut();
    proxy.cutOnceAfter(messages);
    await scene(1_000 + messages);
    return proxy.messages;
  }

  it(
    `after any message, and in the middle of the next (part ${part} of ${parts}): nothing is lost or doubled`,
    async () => {
      await scene(999);
      let cuts = 0;
      for (let messages = part - 1; messages < messagesMost; messages += parts) {
        await cutAfter(messages);
        // the exchange was over before it came to that many
        if (proxy.willCut) break;
        cuts += 1;
        if (cuts % 5 === 0) await check.holds();
      }
      proxy.cutOnceAfter(Infinity);
      await check.holds();
      process.stdout.write(`${cuts} cuts, each after another message\n`);
      // a log-in alone has more than twenty, and there are several
      expect(cuts).toBeGreaterThan(60 / parts);
      expect(cuts * parts).toBeLessThan(messagesMost);
      const entries = await harness.entries();
      const cancelled = entries.filter(({ kinds }) => kinds.includes('placed'));
      expect(cancelled).toHaveLength(cuts + 2);
      expect((await harness.row()).slotGeneration).toBe(1);
    },
    limitMs,
  );
});

describe('the network to the shop is cut while it is attached', () => {
  let shop: TestShop;
  let proxy: TcpProxy;
  let harness: Harness;

  beforeAll(async () => {
    shop = await createTestShop();
    const { hostname, port } = new URL(shop.url);
    proxy = await TcpProxy.open({ host: hostname, port: Number(port) });
    const { replicate, read } = shop.credentials;
    const credentials = {
      ...shop.credentials,
      replicate: proxy.through(replicate),
      read: proxy.through(read),
    };
    harness = await createHarness({ ...shop, credentials });
    await shop.run(`INSERT INTO shop.stock VALUES ('tea', 1000, 0)`, placeOrder({ id: 1 }));
  });

  afterAll(async () => {
    await proxy.close();
    await harness.close();
    await shop.drop();
  });

  const slots = () =>
    shop.query('SELECT slot_name FROM pg_replication_slots WHERE database = current_database()');

  /** Cut once after so many messages; true where that was while it was still being attached. */
  async function attachCutAfter(messages: number): Promise<boolean> {
    proxy.cutOnceAfter(messages);
    const refused = await harness.attach().then(
      () => null,
      (error: unknown) => error,
    );
    if (refused === null) return false;
    // the check of the profile tells what it cannot read among the reasons to refuse
    const code = refused instanceof Fault ? refused.code : refused;
    expect(['shop-unreachable', 'attach-refused']).toContain(code);
    expect([messages, await slots()]).toEqual([messages, []]);
    expect(await shop.query('SELECT pubname FROM pg_publication')).toEqual([]);
    expect((await harness.store.read(harness.database, harness.shopId))?.state ?? 'detached').toBe(
      'detached',
    );
    await harness.attach();
    return true;
  }

  /** So that it can be attached anew. */
  async function leave(): Promise<void> {
    await harness.stopAll();
    const { attach: credential } = shop.credentials;
    expect(await harness.attacher.detach(harness.target(), { credential })).toEqual([]);
    expect(await slots()).toEqual([]);
  }

  it(
    `from before its slot up to the end of the first snapshot (part ${part} of ${parts}): nothing is left behind or lost`,
    async () => {
      proxy.cutOnceAfter(Infinity);
      await harness.attach();
      const untilSlot = proxy.messages;
      await leave();
      let refused = 0;
      let later = 0;
      const first = untilSlot - messagesOfSlot + part - 1;
      for (let messages = first; messages < untilSlot + messagesMost; messages += attachStep) {
        const check = await FoldCheck.begin(harness);
        if (await attachCutAfter(messages)) refused += 1;
        await until('streaming', async () => (await harness.row()).state === 'streaming');
        if (proxy.willCut) break;
        later += 1;
        // no new rows: each is a message of the next snapshot
        await shop.run(`UPDATE shop.orders SET total_minor = total_minor + 1 WHERE id = 1`);
        await check.holds({ gaps: true });
        const gaps = (await harness.entries()).filter(({ kinds }) => kinds.includes('gap'));
        expect(gaps.filter(({ reason }) => reason !== detachedReason)).toEqual([]);
        expect(await slots()).toHaveLength(1);
        await leave();
      }
      proxy.cutOnceAfter(Infinity);
      later -= refused;
      process.stdout.write(`${refused} cuts before the slot was made, ${later} after\n`);
      expect(Math.min(refused, later)).toBeGreaterThan(0);
      expect(later * attachStep).toBeLessThan(messagesMost);
      const changed = (await harness.entries()).filter(({ kinds }) => kinds.includes('changed'));
      expect(changed).toHaveLength(refused + later);
    },
    limitMs,
  );
});
