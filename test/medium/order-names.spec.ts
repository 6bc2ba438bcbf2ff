import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runCli } from '../../src/cli/run-cli.js';
import { configSchema } from '../../src/config/config.schema.js';
import { OrderFinder } from '../../src/incidents/order-finder.service.js';
import { OrderNameStore } from '../../src/incidents/order-name.store.js';
import { SystemClock } from '../../src/platform/clock.js';
import { ShopRegistry, type Shop } from '../../src/shops/shop-registry.js';
import { shopOf } from '../support/incident-harness.js';
import { until } from '../support/replication-harness.js';
import { startTestService, type TestService } from '../support/service.js';
import {
  cancelOrder,
  createTestShop,
  placeOrder,
  testShopProfileText,
  type TestShop,
} from '../support/test-shop.js';

const orders = '/api/v1/shops/main/orders';

/** A shop that counts its orders' numbers apart from their ids: order 1 has the number 2, and order 2 the number 9. */
describe('an order whose number is another one’s id', () => {
  let shop: TestShop;
  let service: TestService;
  let directory: string;

  beforeAll(async () => {
    shop = await createTestShop();
    await shop.run(
      `INSERT INTO shop.stock VALUES ('tea', 1000, 0)`,
      ...[1, 2, 3].map((id) => placeOrder({ id })),
      `UPDATE shop.orders SET number = CASE id WHEN 1 THEN '2' WHEN 2 THEN '9' ELSE '3' END`,
    );
    directory = await mkdtemp(join(tmpdir(), 'reinstate-profile-'));
    const profile = join(directory, 'test-shop.yaml');
    await writeFile(profile, testShopProfileText);
    const { replicate, read, attach: credential } = shop.credentials;
    const { shops } = configSchema.parse({
      shops: [{ id: 'main', name: 'Main shop', profile, postgres: { replicate, read } }],
    });
    service = await startTestService({ clock: new SystemClock(), settings: { shops } });
    await service.admin.post('/api/v1/shops/main/attach', { credential });
    await until('streaming', async () => {
      const { body } = await service.admin.get('/api/v1/shops/main/status');
      return body['state'] === 'streaming';
    });
  });

  afterAll(async () => {
    const { attach: credential } = shop.credentials;
    await service.admin.post('/api/v1/shops/main/detach', { credential });
    await service.stop();
    await shop.drop();
    await rm(directory, { recursive: true, force: true });
  });

  const get = (path: string) => service.admin.get(`${orders}/${path}`);
  const ambiguous = {
    status: 409,
    body: {
      code: 'order-ambiguous',
      data: { byNumber: { orderId: '1' }, byId: { orderId: '2' } },
    },
  };
  const shown = async (path: string) =>
    ((await get(path)).body['order'] as { orderId: string } | undefined)?.orderId;

  const away = shopOf('postgresql://nobody@127.0.0.1:1/none', 'main');
  const finderOf = (given: Shop) =>
    new OrderFinder(service.database.database, new ShopRegistry([given]), new OrderNameStore());

  async function journalled(id: string): Promise<void> {
    await shop.run(cancelOrder(Number(id)));
    await until('journalled', async () => (await get(`${id}/journal?by=id`)).status === 200);
  }

  async function cli(...words: string[]): Promise<{ code: number; text: string }> {
    const written: string[] = [];
    const code = await runCli(words, {
      environment: { url: service.url, token: service.adminToken, attachUrl: undefined },
      version: '1.2.3',
      write: (text) => written.push(text),
      writeError: (text) => written.push(text),
      signal: new AbortController().signal,
    });
    return { code, text: written.join('') };
  }

  it('is not guessed: as it stands now, and as it stood', async () => {
    expect(await get('2')).toMatchObject(ambiguous);
    expect([await shown('2?by=number'), await shown('2?by=id')]).toEqual(['1', '2']);
    expect([await shown('1'), await shown('9'), await shown('3')]).toEqual(['1', '2', '3']);
    expect((await get('1?by=number')).body).toMatchObject({ status: 404, code: 'order-missing' });
    expect((await get('9?by=id')).body).toMatchObject({ status: 404, code: 'order-missing' });
    const at = `at=${encodeURIComponent(new Date().toISOString())}`;
    expect(await get(`2?${at}`)).toMatchObject(ambiguous);
    expect([await shown(`2?${at}&by=number`), await shown(`2?${at}&by=id`)]).toEqual(['1', '2']);
  });

  it('is not guessed where the journal knows but one of the two', async () => {
    await journalled('2');
    expect(await get('2/journal')).toMatchObject(ambiguous);
    expect(await get('2/cases')).toMatchObject(ambiguous);
    expect((await get('2/journal?by=id')).body).toMatchObject({ items: [{ orderId: '2' }] });
    expect((await get('2/journal?by=number')).status).toBe(404);
    expect((await get('9/journal')).body).toMatchObject({ items: [{ orderId: '2' }] });
  });

  it('is not guessed while the shop is away: what is written down tells of it to who says what it is named by', async () => {
    const finder = finderOf(away);
    const unsettled = { kind: 'unavailable', code: 'order-unsettled' };
    await expect(finder.find('main', '2', undefined)).rejects.toMatchObject(unsettled);
    expect(await finder.find('main', '2', 'id')).toBe('2');
    expect(await finder.find('main', '2', 'number')).toBeUndefined();
    expect(await finder.find('main', '9', undefined)).toBe('2');
    expect(await finder.find('main', '77', undefined)).toBeUndefined();
  });

  it('is not guessed while the shop does not answer in time', async () => {
    const adapter = Object.create(away.adapter) as Shop['adapter'];
    adapter.findByNumber = () => new Promise(() => undefined);
    const asked = finderOf({ ...away, adapter }).find('main', '2', undefined);
    await expect(asked).rejects.toMatchObject({ code: 'order-unsettled' });
  });

  it('is no question where the shop numbers its orders by their ids', async () => {
    const { order } = away.profile;
    const key = away.profile.tables[order.table]!.key[0]!;
    const profile = { ...away.profile, order: { ...order, number: key } };
    expect(await finderOf({ ...away, profile }).find('main', '2', undefined)).toBe('2');
  });

  it('is not guessed where the journal knows both', async () => {
    await journalled('1');
    expect(await get('2/journal')).toMatchObject(ambiguous);
    expect((await get('2/journal?by=number')).body).toMatchObject({ items: [{ orderId: '1' }] });
    expect(await get('2/cases')).toMatchObject(ambiguous);
    expect((await get('2/cases?by=number')).status).toBe(200);
  });

  it('is asked back by the command line', async () => {
    const asked = await cli('order', 'show', 'main', '2');
    expect(asked.code).toBe(1);
    expect(asked.text).toContain('on the command line --by');
    const told = await cli('order', 'show', 'main', '2', '--by', 'number');
    expect(told).toMatchObject({ code: 0, text: expect.stringMatching(/^order +2$/m) as unknown });
    expect((await cli('order', 'show', 'main', '2', '--by', 'id')).text).toMatch(/^order +9$/m);
  });

  it('is told of in the API document', async () => {
    const { paths } = (await service.admin.get('/api/openapi.json')).body as {
      paths: Record<string, { get: { description?: string; parameters: { name: string }[] } }>;
    };
    for (const path of ['', '/cases', '/journal']) {
      const { description, parameters } = paths[`/api/v1/shops/{shop}/orders/{order}${path}`]!.get;
      expect(description).toContain('order-ambiguous');
      expect(parameters.map(({ name }) => name)).toContain('by');
    }
  });
});
