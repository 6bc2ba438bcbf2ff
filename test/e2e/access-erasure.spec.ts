import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { runCli } from '../../src/cli/run-cli.js';
import { SystemClock } from '../../src/platform/clock.js';
import { LogLines } from '../support/log-lines.js';
import { insertShop } from '../support/order-events.js';
import { withClient } from '../support/postgres.js';
import { startTestService, type TestService } from '../support/service.js';

const lines = new LogLines();
let service: TestService;
beforeAll(async () => {
  const settings = { log_level: 'info' as const };
  service = await startTestService({ clock: new SystemClock(), settings, logStream: lines });
  await withClient(service.database.url, async (client) => {
    await client.query(insertShop, ['main']);
    await client.query(
      `INSERT INTO reinstate.personal_key (shop_id, key_of, wrapped_key, created_at)
       SELECT 'main', key_of, '\\x00', now() FROM unnest(ARRAY['customer:a/b c', 'customer:7', 'order:9']) AS key_of`,
    );
  });
});
afterAll(() => service.stop());

const path = (customer: string, reason = 'request 118') =>
  `/api/v1/shops/main/customers/${encodeURIComponent(customer)}/personal-data?reason=${encodeURIComponent(reason)}`;

async function keyOf(keyOf: string): Promise<unknown> {
  const [row] = await service.database.database.query(
    'SELECT wrapped_key FROM personal_key WHERE key_of = $1',
    [keyOf],
  );
  return row?.['wrapped_key'];
}

const audited = async () =>
  ((await service.admin.get('/api/v1/audit')).body['items'] as Record<string, unknown>[]).filter(
    ({ action }) => action === 'personal-data.erased',
  );

it('erases a customer once, answers the same when asked again, and audits it once', async () => {
  const first = await service.admin.delete(path('a/b c'));
  expect(first.status).toBe(200);
  expect(first.body).toEqual({
    shopId: 'main',
    kind: 'customer',
    id: 'a/b c',
    erasedAt: expect.any(String),
    alreadyErased: false,
  });
  expect(await keyOf('customer:a/b c')).toBeNull();
  const second = await service.admin.delete(path('a/b c', 'asked again'));
  expect([second.status, second.body]).toEqual([200, { ...first.body, alreadyErased: true }]);
  expect(await audited()).toEqual([
    expect.objectContaining({
      person: 'admin',
      subjectKind: 'customer',
      subjectId: 'main/a/b c',
      data: { reason: 'request 118' },
    }),
  ]);
  expect(lines.of('personal-data-erased')).toEqual([expect.objectContaining({ shop: 'main' })]);
  expect(lines.raw).not.toContain('a%2Fb');
});

it('erases only who is meant: a customer is no order', async () => {
  const wrong = await service.admin.delete(path('9'));
  expect([wrong.status, wrong.body['code']]).toEqual([404, 'nothing-personal']);
  const guest = '/api/v1/shops/main/orders/9/personal-data?reason=request%20119';
  expect((await service.admin.delete(guest)).body).toMatchObject({ kind: 'order', id: '9' });
  expect(await keyOf('order:9')).toBeNull();
  expect(await keyOf('customer:7')).not.toBeNull();
});

it('is for admins alone, and asks for a reason and a shop that is there', async () => {
  const { http } = await service.newcomer({ name: 'Approves', role: 'approver' });
  expect((await http.delete(path('7'))).status).toBe(403);
  const silent = await service.admin.delete(path('7', ' '));
  expect([silent.status, silent.body['code']]).toEqual([400, 'input-invalid']);
  const elsewhere = await service.admin.delete(path('7').replace('main', 'other'));
  expect([elsewhere.status, elsewhere.body['code']]).toEqual([404, 'shop-unknown']);
  expect(await keyOf('customer:7')).not.toBeNull();
});

it('on the command line wants a yes', async () => {
  let told = '';
  const run = (...more: string[]) =>
    runCli(['shop', 'erase-customer', 'main', '7', '--reason', 'request 120', ...more], {
      environment: { url: service.url, token: service.adminToken, attachUrl: undefined },
      version: '0',
      write: (text) => (told += text),
      writeError: (text) => (told += text),
      signal: new AbortController().signal,
    });
  expect(await run()).toBe(2);
  expect(told).toContain('--yes');
  expect(await keyOf('customer:7')).not.toBeNull();
  expect(await run('--yes')).toBe(0);
  expect(await run('--yes')).toBe(0);
  expect(told).toMatch(/Erased: names, .*\nErased before, at /s);
  expect(await keyOf('customer:7')).toBeNull();
});
