import { FoldCheck } from '../support/fold-check.js';
import { createHarness, until, type Harness } from '../support/replication-harness.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { cancelOrder, createTestShop, placeOrder, type TestShop } from '../support/test-shop.js';

/** Of so many equal parts of an exchange, which one this run takes; all of them: 1/1. */
const [part = 1, parts = 4] = (process.env['REINSTATE_CUTS'] ?? '1/4').split('/').map(Number);

/** More messages than one look at the shop, a log-in and a scene have. */
const messagesMost = 400;

describe('the network to the shop is cut', () => {
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

  it(`after any message, and in the middle of the next (part ${part} of ${parts}): nothing is lost or doubled`, async () => {
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
  });
});
