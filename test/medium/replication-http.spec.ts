import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { isLater } from '../../src/intake/replication/source/lsn.js';
import { SystemClock } from '../../src/platform/clock.js';
import { configSchema } from '../../src/config/config.schema.js';
import { until } from '../support/replication-harness.js';
import { startTestService, type TestService } from '../support/service.js';
import {
  cancelOrder,
  createTestShop,
  placeOrder,
  testShopProfileText,
  type TestShop,
} from '../support/test-shop.js';

describe('attaching over the API', () => {
  let shop: TestShop;
  let service: TestService;
  let directory: string;

  beforeAll(async () => {
    shop = await createTestShop();
    await shop.run(`INSERT INTO shop.stock VALUES ('tea', 1000, 0)`, placeOrder({ id: 1 }));
    directory = await mkdtemp(join(tmpdir(), 'reinstate-profile-'));
    const profile = join(directory, 'test-shop.yaml');
    await writeFile(profile, testShopProfileText);
    const { replicate, read } = shop.credentials;
    const { shops } = configSchema.parse({
      shops: [
        { id: 'main', name: 'Main shop', profile, postgres: { replicate, read } },
        { id: 'quiet', name: 'Quiet shop', profile, postgres: { replicate, read } },
      ],
    });
    service = await startTestService({ clock: new SystemClock(), settings: { shops } });
  });

  afterAll(async () => {
    await service.stop();
    await shop.drop();
    await rm(directory, { recursive: true, force: true });
  });

  const status = async () => (await service.admin.get('/api/v1/shops/main/status')).body;

  it('from nothing to streaming and back, the credential never shown or kept', async () => {
    expect(await status()).toMatchObject({ state: 'detached', lagBytes: null, problem: null });
    const sql = await service.admin.get('/api/v1/shops/main/attach.sql');
    expect(sql.headers.get('content-type')).toContain('text/plain');
    expect(sql.text).toMatch(/CREATE PUBLICATION "reinstate_main_\w{6}" FOR TABLE/);

    const { attach } = shop.credentials;
    const attached = await service.admin.post('/api/v1/shops/main/attach', { credential: attach });
    expect(attached).toMatchObject({ status: 200, body: { shopId: 'main' } });
    await until('streaming', async () => (await status())['state'] === 'streaming');
    await shop.run(cancelOrder(1));
    await until('journalled', async () => {
      const rows = await service.database.database.query('SELECT FROM journal_entry');
      return rows.length === 2;
    });
    const [now] = await shop.query<{ lsn: string }>('SELECT pg_current_wal_lsn()::text AS lsn');
    await until('the journal is known to have passed the shop', async () => {
      return !isLater(now!.lsn, String((await status())['confirmedLsn']));
    });
    const { lagBytes, ...seen } = await status();
    expect(lagBytes).toBeGreaterThanOrEqual(0);
    expect(seen).toMatchObject({ walStatus: 'reserved', problem: null, snapshotRows: 5 });
    const metrics = await service.admin.get('/metrics');
    expect(metrics.text).toContain(
      'reinstate_journal_entries_total{shop="main",kind="cancelled"} 1',
    );
    expect(metrics.text).toContain('reinstate_replication_state{shop="main",state="streaming"} 1');

    const secret = new URL(attach).username;
    const kept = await service.database.database.query<{ text: string }>(
      `SELECT row_to_json(stream)::text AS text FROM replication_stream stream
       UNION ALL SELECT row_to_json(entry)::text FROM audit_entry entry`,
    );
    expect(kept.length).toBeGreaterThan(1);
    expect(kept.filter(({ text }) => text.includes(secret))).toEqual([]);

    const detached = await service.admin.post('/api/v1/shops/main/detach', { credential: attach });
    expect(detached.body).toMatchObject({ status: { state: 'detached' }, remainingSql: [] });
    const after = await service.admin.get('/metrics');
    expect(after.text).toContain('reinstate_replication_state{shop="main",state="detached"} 1');
    expect(after.text).not.toContain('reinstate_replication_seconds_since_message{shop="main"}');
    const left = await shop.query(
      `SELECT slot_name FROM pg_replication_slots WHERE database = current_database()`,
    );
    expect(left).toEqual([]);
    const again = await service.admin.post('/api/v1/shops/main/detach', {});
    expect(again).toMatchObject({ status: 409, body: { code: 'shop-not-attached' } });
  });

  it('shows every series of a shop before it is attached, with zeros', async () => {
    const { text } = await service.admin.get('/metrics');
    for (const series of [
      'reinstate_replication_lag_bytes{shop="quiet"} 0',
      'reinstate_replication_retained_wal_bytes{shop="quiet"} 0',
      'reinstate_replication_gaps_total{shop="quiet"} 0',
      'reinstate_replication_state{shop="quiet",state="detached"} 1',
      'reinstate_replication_state{shop="quiet",state="lost"} 0',
      'reinstate_journal_entries_total{shop="quiet",kind="cancelled"} 0',
      'reinstate_journal_entries_total{shop="quiet",kind="gap"} 0',
    ])
      expect(text).toContain(series);
    expect(text).not.toContain('reinstate_replication_seconds_since_message{shop="quiet"}');
  });

  it('is for admins only, and names what is wrong with a request', async () => {
    const viewer = await service.newcomer({ name: 'Vera', role: 'viewer' });
    expect((await viewer.http.get('/api/v1/shops/main/status')).status).toBe(200);
    expect((await viewer.http.post('/api/v1/shops/main/attach', {})).status).toBe(403);
    expect((await viewer.http.get('/api/v1/shops/main/attach.sql')).status).toBe(403);
    const wrong = await service.admin.post('/api/v1/shops/main/attach', {
      credential: 'mysql://x',
    });
    expect(wrong).toMatchObject({ status: 400, body: { code: 'input-invalid' } });
    const missing = await service.admin.post('/api/v1/shops/none/attach', {});
    expect(missing).toMatchObject({ status: 404, body: { code: 'shop-missing' } });
    const refused = await service.admin.post('/api/v1/shops/main/attach', {});
    expect(refused).toMatchObject({ status: 409, body: { code: 'attach-refused' } });
    expect(refused.text).toContain('CREATE PUBLICATION');
  });
});

it('the end of the service does not wait for an attach: it is given up and taken back', async () => {
  const shop = await createTestShop();
  const directory = await mkdtemp(join(tmpdir(), 'reinstate-profile-'));
  const profile = join(directory, 'test-shop.yaml');
  await writeFile(profile, testShopProfileText);
  const { replicate, read } = shop.credentials;
  const { shops } = configSchema.parse({
    shops: [{ id: 'main', name: 'Main shop', profile, postgres: { replicate, read } }],
  });
  const service = await startTestService({ clock: new SystemClock(), settings: { shops } });
  const writer = new pg.Client({ connectionString: shop.url });
  await writer.connect();
  await writer.query('BEGIN');
  await writer.query('CREATE TABLE shop.import (id int)');
  const attaching = service.admin
    .post('/api/v1/shops/main/attach', { credential: shop.credentials.attach })
    .catch(() => undefined);
  const slots = () =>
    shop.query(`SELECT FROM pg_replication_slots WHERE database = current_database()`);
  await until('the slot waits', async () => (await slots()).length > 0);
  const started = performance.now();
  await service.stop();
  expect(performance.now() - started).toBeLessThan(15_000);
  await attaching;
  expect(await slots()).toEqual([]);
  expect(await shop.query('SELECT FROM pg_publication')).toEqual([]);
  await writer.query('ROLLBACK');
  await writer.end();
  await shop.drop();
  await rm(directory, { recursive: true, force: true });
});
