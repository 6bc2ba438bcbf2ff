import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startService, type RunningService } from '../../src/bootstrap.js';
import { configSchema } from '../../src/config/config.schema.js';
import { SystemClock } from '../../src/platform/clock.js';
import { callerOf, type HttpCaller } from '../support/http-caller.js';
import { until } from '../support/replication-harness.js';
import { startTestService, type TestService } from '../support/service.js';
import {
  cancelOrder,
  createTestShop,
  placeOrder,
  testShopProfileText,
  type TestShop,
} from '../support/test-shop.js';

const limitMs = 60_000;

/** Both run before anything is attached; what one does about the shop, the other only learns from the rows. */
describe('two services on one database', () => {
  let shop: TestShop;
  let first: TestService;
  let second: RunningService;
  let atSecond: HttpCaller;
  let directory: string;

  beforeAll(async () => {
    shop = await createTestShop();
    await shop.run(
      `INSERT INTO shop.stock VALUES ('tea', 1000, 0)`,
      ...[1, 2].map((id) => placeOrder({ id })),
    );
    directory = await mkdtemp(join(tmpdir(), 'reinstate-profile-'));
    const profile = join(directory, 'test-shop.yaml');
    await writeFile(profile, testShopProfileText);
    const { replicate, read } = shop.credentials;
    const { shops } = configSchema.parse({
      shops: [{ id: 'main', name: 'Main shop', profile, postgres: { replicate, read } }],
    });
    const clock = new SystemClock();
    first = await startTestService({ clock, settings: { shops } });
    // who runs several processes gives them one key
    const key = await readFile(join(first.config.data_directory, 'encryption-key'), 'utf8');
    const encryption_key = key.trim();
    second = await startService(
      { config: { ...first.config, encryption_key }, directory },
      {
        clock,
        say: () => undefined,
        lost: (error) => {
          throw error;
        },
      },
    );
    atSecond = await callerOf(second.url, first.adminToken);
  });

  afterAll(async () => {
    await second.stop();
    await first.stop();
    await shop.drop();
    await rm(directory, { recursive: true, force: true });
  });

  const state = async () =>
    String((await first.admin.get('/api/v1/shops/main/status')).body['state']);

  const change = (http: HttpCaller, what: 'attach' | 'detach') =>
    http.post(`/api/v1/shops/main/${what}`, { credential: shop.credentials.attach });

  /** Only whoever follows the shop, or would, tells how long ago it was heard. */
  const isFollowedBy = async (http: HttpCaller) =>
    (await http.get('/metrics')).text.includes(
      'reinstate_replication_seconds_since_message{shop="main"}',
    );

  const follower = async () => {
    const [lease] = await first.database.database.query<{ owner: string }>(
      `SELECT owner FROM work_lease WHERE name LIKE 'replication:%'`,
    );
    return lease?.owner;
  };

  it('each looks after what it follows itself, and follows what the other has attached', async () => {
    expect((await change(atSecond, 'attach')).status).toBe(200);
    await until('streaming', async () => (await state()) === 'streaming');
    const owner = await follower();
    expect(await isFollowedBy(atSecond)).toBe(true);

    // the first process was there first: whatever only one of both does, it does
    const [publication] = await shop.query<{ name: string }>(
      `SELECT quote_ident(pubname) AS name FROM pg_publication`,
    );
    await shop.run(`ALTER PUBLICATION ${publication!.name} DROP TABLE shop.payment`);
    await until('it is noticed', async () => (await state()) === 'mismatch', limitMs);
    await shop.run(`ALTER PUBLICATION ${publication!.name} ADD TABLE shop.payment`);
    await until('it is over', async () => (await state()) === 'streaming', limitMs);

    expect((await change(first.admin, 'detach')).status).toBe(200);
    await until('the other lets go', async () => !(await isFollowedBy(atSecond)), limitMs);
    expect((await change(atSecond, 'attach')).status).toBe(200);
    await until('streaming', async () => (await state()) === 'streaming');
    expect(await follower()).not.toBe(owner);

    await second.stop();
    await shop.run(cancelOrder(1));
    await until(
      'the first goes on',
      async () => {
        const rows = await first.database.database.query(
          `SELECT FROM journal_entry WHERE 'cancelled' = ANY (kinds)`,
        );
        return rows.length === 1;
      },
      limitMs,
    );
    expect(await isFollowedBy(first.admin)).toBe(true);
    expect(await state()).toBe('streaming');
  });
});
