import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SHOP_SCHEMA_SQL } from '../../demo/shop/schema.js';
import { AuditService } from '../../src/access/audit.service.js';
import { AuditStore } from '../../src/access/audit.store.js';
import type { Caller } from '../../src/access/caller.js';
import { configSchema, type ShopConfig } from '../../src/config/config.schema.js';
import { ManualClock } from '../../src/platform/clock.js';
import { newId } from '../../src/platform/ids.js';
import type { ShopRegistry } from '../../src/shops/shop-registry.js';
import { shopSchema } from '../../src/shops/shop.schema.js';
import { MarkerKey } from '../../src/shops/restore-marker.js';
import { ShopService } from '../../src/shops/shop.service.js';
import { ShopStore } from '../../src/shops/shop.store.js';
import { openRegistry } from '../../src/shops/shops.module.js';
import {
  createReinstateDatabase,
  createTestDatabase,
  withClient,
  type ReinstateTestDatabase,
  type TestDatabase,
} from '../support/postgres.js';

const clock = new ManualClock(new Date('2026-11-22T03:00:00Z'));
const store = new ShopStore();
const markerKey = MarkerKey.from(Buffer.alloc(32, 1));
const caller: Caller = {
  personId: newId(),
  name: 'Eva',
  kind: 'person',
  role: 'admin',
  tokenId: newId(),
};

let own: ReinstateTestDatabase;
let shopDatabase: TestDatabase;
let registry: ShopRegistry;
let service: ShopService;

function configured(
  changes: Partial<ShopConfig['postgres']> = {},
  profile = 'sample-shop',
): ShopConfig[] {
  const { url } = shopDatabase;
  const postgres = { replicate: url, read: url, write: url, ...changes };
  const shop = { id: 'main', name: 'Main shop', profile, postgres };
  return configSchema.parse({ shops: [shop, { ...shop, id: 'second' }] }).shops;
}

const open = (shops: ShopConfig[], directory = '/') =>
  openRegistry(
    { database: own.database, store, audit: auditOf(), now: clock.now() },
    { shops, directory, markerKey },
  );

const auditOf = () => new AuditService(own.database, new AuditStore());

function serviceOf(of: ShopRegistry): ShopService {
  return new ShopService(own.database, of, store, auditOf(), clock);
}

beforeAll(async () => {
  own = await createReinstateDatabase();
  shopDatabase = await createTestDatabase();
  await withClient(shopDatabase.url, (client) => client.query(SHOP_SCHEMA_SQL));
  await own.database.query(
    `INSERT INTO person (id, name, kind, created_at) VALUES ($1, $2, 'person', $3)`,
    [caller.personId, caller.name, clock.now()],
  );
  registry = await open(configured());
  service = serviceOf(registry);
});

afterAll(async () => {
  await registry.onModuleDestroy();
  await own.drop();
  await shopDatabase.drop();
});

/** Opened once with a profile of one's own, in which a text is replaced. */
async function openWith(text: string, replacement: string): Promise<ShopRegistry> {
  const directory = await mkdtemp(join(tmpdir(), 'reinstate-profile-'));
  const shipped = await readFile('profiles/sample-shop.yaml', 'utf8');
  await writeFile(join(directory, 'mine.yaml'), shipped.replace(text, replacement));
  const changed = await open(configured({}, './mine.yaml'), directory);
  await changed.onModuleDestroy();
  await rm(directory, { recursive: true });
  return changed;
}

const audited = () =>
  own.database.query<{ action: string; data: Record<string, unknown> }>(
    `SELECT action, data FROM audit_entry WHERE subject_kind = 'shop' AND subject_id = 'main' ORDER BY id`,
  );

test('configured shops are written down once, and follow a changed profile', async () => {
  const again = await open(configured());
  await again.onModuleDestroy();
  const rows = await own.database.query<{ id: string; profile_hash: string }>(
    'SELECT id, profile_hash FROM shop ORDER BY id',
  );
  expect(rows.map(({ id }) => id)).toEqual(['main', 'second']);
  expect(rows[0]?.profile_hash).toBe(registry.get('main').profileHash);

  const changed = await openWith('settle: 3s', 'settle: 9s');
  const row = await own.database.queryOne<{ profile_hash: string }>(
    `SELECT profile_hash FROM shop WHERE id = 'main'`,
  );
  expect(row?.profile_hash).toBe(changed.get('main').profileHash);
  expect(row?.profile_hash).not.toBe(registry.get('main').profileHash);
});

test('a shop that is not configured is missing', () => {
  expect(() => registry.get('nope')).toThrow(/no shop nope/);
});

test('nothing may be written before the shop is armed, nor while it is stopped', async () => {
  expect(await store.mayWrite(own.database, 'main')).toBe(false);
  const armed = await service.arm(caller, 'main');
  expect(shopSchema.parse(armed)).toMatchObject({
    armedAt: clock.now(),
    armedBy: caller.personId,
    hasWriteCredential: true,
  });
  expect(JSON.stringify(armed)).not.toMatch(/postgres(ql)?:/);
  expect(await store.mayWrite(own.database, 'main')).toBe(true);
  expect(await store.mayWrite(own.database, 'second')).toBe(false);

  await service.stop(caller, 'main', 'too many failures');
  expect(await service.state('main')).toMatchObject({
    stopReason: 'too many failures',
    armedBy: caller.personId,
  });
  expect(await store.mayWrite(own.database, 'main')).toBe(false);
  await service.resume(caller, 'main');
  expect(await store.mayWrite(own.database, 'main')).toBe(true);
  await service.disarm(caller, 'main');
  expect(await store.mayWrite(own.database, 'main')).toBe(false);
});

test('every change is in the audit once, and a repeated one is none', async () => {
  const before = (await audited()).length;
  clock.advance(1000);
  await service.arm(caller, 'main');
  const first = await service.view('main');
  clock.advance(1000);
  expect(await service.arm(caller, 'main')).toEqual(first);
  await service.stop(caller, 'main', 'a');
  await service.stop(caller, 'main', 'b');
  await service.resume(caller, 'main');
  await service.resume(caller, 'main');
  await service.disarm(caller, 'main');
  await service.disarm(caller, 'main');
  const entries = (await audited()).slice(before);
  expect(entries.map(({ action }) => action)).toEqual([
    'shop.armed',
    'shop.stopped',
    'shop.resumed',
    'shop.disarmed',
  ]);
  expect(entries[1]?.data).toMatchObject({ reason: 'a', profile: 'sample-shop' });
});

test('a shop that was armed under another profile is disarmed, and the audit says why', async () => {
  const reopen = async () => (await open(configured())).onModuleDestroy();
  await reopen();
  await service.arm(caller, 'main');
  await reopen();
  expect(await store.mayWrite(own.database, 'main')).toBe(true);

  await openWith('settle: 3s', 'settle: 8s');
  expect(await store.mayWrite(own.database, 'main')).toBe(false);
  expect((await audited()).at(-1)).toMatchObject({
    action: 'shop.disarmed',
    data: { reason: 'profile-changed' },
  });
  const before = (await audited()).length;
  await openWith('settle: 3s', 'settle: 7s');
  expect(await audited()).toHaveLength(before);
});

test('a shop is not armed without a write credential, nor with a profile that does not fit', async () => {
  const observed = await open(configured({ write: undefined }));
  await expect(serviceOf(observed).arm(caller, 'main')).rejects.toMatchObject({
    code: 'no-write-credential',
  });
  await observed.onModuleDestroy();

  await withClient(shopDatabase.url, (client) =>
    client.query('ALTER TABLE shop.orders ADD COLUMN risk text'),
  );
  await expect(service.arm(caller, 'main')).rejects.toMatchObject({
    code: 'check-failed',
    details: { fields: [{ field: 'tables["shop.orders"].columns.risk' }] },
  });
  expect(await store.mayWrite(own.database, 'main')).toBe(false);
  await withClient(shopDatabase.url, (client) =>
    client.query('ALTER TABLE shop.orders DROP COLUMN risk'),
  );
});

test('the restore itself asks: an adapter of a disarmed shop writes nothing', async () => {
  const item = {
    itemId: newId(),
    action: 'restore',
    orderId: '1',
    expectedStatus: 'cancelled',
    changes: [],
    expect: [],
  } as const;
  const { adapter } = registry.get('main');
  expect(await adapter.restore(item, () => Promise.resolve())).toMatchObject({
    reason: 'permission-denied',
    detail: expect.stringMatching(/not armed/) as unknown,
  });
  await service.arm(caller, 'main');
  expect(await adapter.restore(item, () => Promise.resolve())).toMatchObject({
    reason: 'changed-since',
  });
  await service.disarm(caller, 'main');
});

test('an order is found by its number or its id', async () => {
  await withClient(shopDatabase.url, (client) =>
    client.query(`
      INSERT INTO shop.customer (id, name, email, street, postal_code, city, region, country) VALUES (1, 'A', 'a', 's', 'p', 'c', 'r', 'DE');
      INSERT INTO shop.orders (id, number, customer_id, status, currency, subtotal_minor, shipping_minor, tax_minor, total_minor, delivery_method,
        ship_name, ship_street, ship_postal_code, ship_city, contact_email, region, country, channel, app_version, payment_method, warehouse, placed_at)
      VALUES (5, 'S-7', 1, 'cancelled', 'EUR', 0, 0, 0, 0, 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'web', '1', 'card', 'LEJ', now())`),
  );
  const byNumber = await service.order('main', 'S-7');
  expect(byNumber).toMatchObject({
    order: { orderId: '5', state: 'cancelled' },
    capability: { way: 'reopen' },
  });
  expect(await service.order('main', '5')).toEqual(byNumber);
  await expect(service.order('main', 'S-8')).rejects.toMatchObject({
    kind: 'missing',
    code: 'order-missing',
  });
});
