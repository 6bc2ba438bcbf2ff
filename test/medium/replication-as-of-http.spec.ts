import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from '../../src/cli/run-cli.js';
import { configSchema } from '../../src/config/config.schema.js';
import { orderAtSchema, type OrderAt } from '../../src/incidents/order-as-of.js';
import { SystemClock } from '../../src/platform/clock.js';
import { until } from '../support/replication-harness.js';
import { startTestService, type TestService } from '../support/service.js';
import {
  cancelOrder,
  createTestShop,
  placeOrder,
  testShopProfileText,
  type TestShop,
} from '../support/test-shop.js';

describe('an order as of a time, over the API and the command line', () => {
  let shop: TestShop;
  let service: TestService;
  let directory: string;
  let placed: string;
  let cancelled: string;
  const order = '/api/v1/shops/main/orders/S-1';

  beforeAll(async () => {
    shop = await createTestShop();
    await shop.run(`INSERT INTO shop.stock VALUES ('tea', 1000, 0)`, placeOrder({ id: 1 }));
    directory = await mkdtemp(join(tmpdir(), 'reinstate-profile-'));
    const profile = join(directory, 'test-shop.yaml');
    await writeFile(profile, testShopProfileText);
    const { replicate, read, attach: credential } = shop.credentials;
    const { shops } = configSchema.parse({
      shops: [{ id: 'main', name: 'Main shop', profile, postgres: { replicate, read } }],
    });
    service = await startTestService({ clock: new SystemClock(), settings: { shops } });
    await service.admin.post('/api/v1/shops/main/attach', { credential });
    await until('streaming', async () => (await status())['state'] === 'streaming');
    placed = await now();
    await shop.run(cancelOrder(1));
    cancelled = await now();
    await until('told', async () => (await at(cancelled)).asOf.standing === 'known');
  });

  afterAll(async () => {
    const { attach: credential } = shop.credentials;
    await service.admin.post('/api/v1/shops/main/detach', { credential });
    await service.stop();
    await shop.drop();
    await rm(directory, { recursive: true, force: true });
  });

  const status = async () => (await service.admin.get('/api/v1/shops/main/status')).body;

  async function now(): Promise<string> {
    const [row] = await shop.query<{ at: Date }>('SELECT clock_timestamp() AS at');
    return row!.at.toISOString();
  }

  async function at(moment: string): Promise<OrderAt> {
    const { status: code, body } = await service.admin.get(
      `${order}?at=${encodeURIComponent(moment)}`,
    );
    expect(code).toBe(200);
    return orderAtSchema.parse(body);
  }

  it('answers by number what it was then, and without a time what the shop has now', async () => {
    const then = await at(placed);
    expect(then.order).toMatchObject({ orderId: '1', status: 'paid', totalMinor: 1_000 });
    expect(then.asOf).toMatchObject({ standing: 'known', position: null, gap: null });
    const later = await at(cancelled);
    expect(later.order).toMatchObject({ status: 'cancelled', totalMinor: 0 });
    expect(later.asOf.changedAt).toBe(then.asOf.nextChangeAt);
    const present = await service.admin.get(order);
    expect(present.body).toMatchObject({
      order: { status: 'cancelled' },
      capability: { way: expect.any(String) as string },
    });
    expect(present.body).not.toHaveProperty('asOf');
  });

  it('names personal values and shows none of them', async () => {
    const { rows } = await at(placed);
    const own = rows.find(({ table }) => table === 'shop.orders');
    expect(own?.image).toMatchObject({ ship_name: '(personal)', number: 'S-1' });
  });

  it('refuses an unknown order and what is no time', async () => {
    const unknown = await service.admin.get(`/api/v1/shops/main/orders/none?at=${placed}`);
    expect(unknown).toMatchObject({ status: 404, body: { code: 'order-missing' } });
    const never = await service.admin.get(`${order}?at=yesterday`);
    expect(never).toMatchObject({ status: 400, body: { code: 'input-invalid' } });
    const early = await at('2001-01-01T00:00:00+02:00');
    expect(early.asOf).toMatchObject({ at: '2000-12-31T22:00:00.000000Z', standing: 'not-placed' });
    expect(early).toMatchObject({ order: null, rows: [] });
  });

  it('is told by the command line', async () => {
    const written: string[] = [];
    const code = await runCli(['order', 'show', 'main', 'S-1', '--at', placed], {
      environment: { url: service.url, token: service.adminToken, attachUrl: undefined },
      version: '1.2.3',
      write: (text) => written.push(text),
      writeError: (text) => written.push(text),
      signal: new AbortController().signal,
    });
    const out = written.join('');
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/^order +S-1\nstatus +paid\ntotal +EUR 10\.00/m),
    ]);
    expect(out).toMatch(/^which is +known$/m);
  });
});
