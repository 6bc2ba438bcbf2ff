import { SHOP_SCHEMA_SQL } from '../../demo/shop/schema.js';
import { configSchema } from '../../src/config/config.schema.js';
import { ManualClock } from '../../src/platform/clock.js';
import { checkReportSchema } from '../../src/shops/shop.schema.js';
import { createTestDatabase, withClient, type TestDatabase } from '../support/postgres.js';
import { startTestService, testStart, type TestService } from '../support/service.js';

let shopDatabase: TestDatabase;
let service: TestService;
const shops = '/api/v1/shops';

beforeAll(async () => {
  shopDatabase = await createTestDatabase();
  const { url } = shopDatabase;
  await withClient(url, (client) => client.query(SHOP_SCHEMA_SQL));
  const postgres = { replicate: url, read: url, write: url };
  const settings = configSchema.parse({
    shops: [{ id: 'main', name: 'Main shop', profile: 'sample-shop', postgres }],
  });
  service = await startTestService({
    clock: new ManualClock(testStart),
    settings: { shops: settings.shops },
  });
});

afterAll(async () => {
  await service.stop();
  await shopDatabase.drop();
});

test('shops are listed without their addresses', async () => {
  const { status, body, text } = await service.admin.get(shops);
  expect(status).toBe(200);
  expect(body['items']).toMatchObject([
    { id: 'main', profile: { name: 'sample-shop' }, armedAt: null },
  ]);
  expect(text).not.toMatch(/postgres(ql)?:\/\//);
  expect((await service.admin.get(`${shops}/nope`)).status).toBe(404);
});

test('a check answers what it found', async () => {
  const { status, body } = await service.admin.post(`${shops}/main/check`, {});
  expect(status).toBe(200);
  expect(checkReportSchema.parse(body)).toMatchObject({ ok: true });
});

test('who may arm, stop and resume', async () => {
  const viewer = await service.newcomer({ name: 'Viewer', role: 'viewer' });
  const responder = await service.newcomer({ name: 'Responder', role: 'responder' });
  expect((await viewer.http.get(`${shops}/main`)).status).toBe(200);
  for (const action of ['check', 'arm', 'disarm', 'stop', 'resume'])
    expect((await viewer.http.post(`${shops}/main/${action}`, { reason: 'x' })).status).toBe(403);
  expect((await responder.http.post(`${shops}/main/arm`, {})).status).toBe(403);
  expect((await responder.http.post(`${shops}/main/resume`, {})).status).toBe(403);

  const armed = await service.admin.post(`${shops}/main/arm`, {});
  expect(armed.body).toMatchObject({ armedAt: testStart.toISOString() });
  expect((await responder.http.post(`${shops}/main/stop`, {})).status).toBe(400);
  const stopped = await responder.http.post(`${shops}/main/stop`, { reason: 'wrong orders' });
  expect(stopped.body).toMatchObject({ stopReason: 'wrong orders', stoppedBy: responder.personId });
  expect((await service.admin.post(`${shops}/main/resume`, {})).body).toMatchObject({
    stoppedAt: null,
  });
  expect((await responder.http.post(`${shops}/main/disarm`, {})).body).toMatchObject({
    armedAt: null,
  });
});

test('an order that the shop does not have is missing', async () => {
  const { status, body } = await service.admin.get(`${shops}/main/orders/S-1`);
  expect(status).toBe(404);
  expect(body).toMatchObject({ code: 'order-missing' });
});
