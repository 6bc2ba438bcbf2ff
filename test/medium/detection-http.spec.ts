import { SHOP_SCHEMA_SQL } from '../../demo/shop/schema.js';
import { configSchema } from '../../src/config/config.schema.js';
import { ManualClock } from '../../src/platform/clock.js';
import { createTestDatabase, withClient, type TestDatabase } from '../support/postgres.js';
import { startTestService, testStart, type TestService } from '../support/service.js';

let shopDatabase: TestDatabase;
let service: TestService;

beforeAll(async () => {
  shopDatabase = await createTestDatabase();
  const { url } = shopDatabase;
  await withClient(url, (client) => client.query(SHOP_SCHEMA_SQL));
  const settings = configSchema.parse({
    shops: [
      {
        id: 'main',
        name: 'Main shop',
        profile: 'sample-shop',
        postgres: { replicate: url, read: url },
      },
    ],
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

test('a deploy is told by a token of a deploy script, and read by anybody with a token', async () => {
  const script = await service.newcomer({ name: 'Deploys', role: 'ingest' });
  const viewer = await service.newcomer({ name: 'Viewer', role: 'viewer' });
  const told = await script.http.post('/api/v1/changes', {
    what: 'checkout 8.4.1',
    kind: 'deploy',
    shop: 'main',
    where: 'web-1',
    link: 'https://deploys.example/841',
    at: '2026-01-01T10:00:00+02:00',
  });
  expect(told.status).toBe(201);
  expect(told.body).toMatchObject({
    who: 'Deploys',
    shopId: 'main',
    at: '2026-01-01T08:00:00.000Z',
  });
  expect((await viewer.http.post('/api/v1/changes', { what: 'x' })).status).toBe(403);
  const onCall = await service.newcomer({ name: 'On call', role: 'responder' });
  const byHand = await onCall.http.post('/api/v1/changes', {
    what: 'cron switched off',
    shop: 'main',
  });
  expect(byHand).toMatchObject({ status: 201, body: { who: 'On call' } });
  await script.http.post('/api/v1/changes', { what: 'mail server moved' });

  const all = await viewer.http.get('/api/v1/changes?shop=main&limit=1');
  expect(all.body['items']).toMatchObject([
    { what: 'mail server moved', kind: 'other', shopId: null, at: testStart.toISOString() },
  ]);
  const next = String(all.body['nextCursor']);
  const rest = await viewer.http.get(`/api/v1/changes?shop=main&cursor=${next}`);
  expect(rest.body).toMatchObject({
    items: [{ what: 'cron switched off' }, { what: 'checkout 8.4.1' }],
    nextCursor: null,
  });
  const audit = await service.admin.get('/api/v1/audit');
  expect(audit.text).toContain('change.recorded');
});

test('a change that says nothing, or concerns no shop of ours, is refused', async () => {
  expect((await service.admin.post('/api/v1/changes', { what: ' ' })).status).toBe(400);
  const unknown = await service.admin.post('/api/v1/changes', { what: 'x', shop: 'nope' });
  expect(unknown).toMatchObject({ status: 404, body: { code: 'shop-missing' } });
});

test('findings are listed newest first', async () => {
  const measure = {
    slice: {},
    orders: 5,
    paidOrders: 5,
    accounts: 5,
    money: { EUR: 100 },
    since: testStart,
    until: testStart,
    expected: 0.1,
    weeksPerChance: 50,
    rising: false,
    learntDays: 30,
  };
  for (const minute of [1, 2])
    await service.database.database.query(
      `INSERT INTO finding (id, shop_id, detector, fingerprint, state, slice, sentence, measure, first_event_at,
         last_event_at, found_at, closed_at)
       VALUES ($1::uuid, 'main', 'cancellation-scan', $1::text, 'closed', '{}', $2, $3, $4, $4, $5, $5)`,
      [
        `00000000-0000-7000-8000-00000000000${minute}`,
        `finding ${minute}`,
        JSON.stringify(measure),
        testStart,
        new Date(testStart.getTime() + minute * 60_000),
      ],
    );
  const first = await service.admin.get('/api/v1/findings?shop=main&state=closed&limit=1');
  expect(first.body['items']).toMatchObject([
    { sentence: 'finding 2', measure: { orders: 5, since: testStart.toISOString() } },
  ]);
  const next = String(first.body['nextCursor']);
  const second = await service.admin.get(`/api/v1/findings?shop=main&state=closed&cursor=${next}`);
  expect(second.body).toMatchObject({ items: [{ sentence: 'finding 1' }], nextCursor: null });
  expect((await service.admin.get('/api/v1/findings?state=live')).body).toMatchObject({
    items: [],
  });
  expect((await service.admin.get('/api/v1/findings?state=odd')).status).toBe(400);
});
