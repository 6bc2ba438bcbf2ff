import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { parseProfile } from '../../src/shops/profile-file.js';
import { PostgresShopAdapter } from '../../src/shops/postgres/postgres-shop-adapter.js';
import { createTestDatabase, withClient, type TestDatabase } from '../support/postgres.js';
import { profileBlocks } from '../support/profile-document.js';

let database: TestDatabase;
let adapter: PostgresShopAdapter;

beforeAll(async () => {
  database = await createTestDatabase();
  const [sql = ''] = await profileBlocks('sql');
  const [example = ''] = await profileBlocks('yaml');
  await withClient(database.url, async (client) => {
    await client.query(sql);
    await client.query(`
      INSERT INTO kiosk.sale VALUES (1, 'K-1', 7, 'ada@example.test', 'paid', 7.50, 'card', now(), now());
      INSERT INTO kiosk.sale_item VALUES (1, 1, 'tea', 3, 2.50);
      INSERT INTO kiosk.payment VALUES (1, 1, 7.50, 'captured');
      INSERT INTO kiosk.stock VALUES ('tea', 10, 3);`);
  });
  adapter = new PostgresShopAdapter({
    profile: parseProfile(example, 'docs/profiles.md'),
    ...{ readUrl: database.url, writeUrl: database.url, concurrency: 1 },
    ...{ lockTimeoutMs: 500, statementTimeoutMs: 5_000, transactionTimeoutMs: 15_000 },
    markerOf: () => '',
    mayWrite: () => Promise.resolve(false),
  });
});
afterAll(async () => {
  await adapter.close();
  await database.drop();
});

it('the worked example of docs/profiles.md fits its tables, as check proves', async () => {
  const report = await adapter.check();
  expect(report.faults.filter(({ severity }) => severity === 'error')).toEqual([]);
  expect(report.ok).toBe(true);
  expect(await adapter.read('1')).toMatchObject({ number: 'K-1', totalMinor: 750, state: 'open' });
});

it('and check names what is wrong once the tables are not as the profile says', async () => {
  await withClient(database.url, (client) => client.query('ALTER TABLE kiosk.sale ADD note text'));
  expect((await adapter.check()).faults).toContainEqual({
    ...{ severity: 'error', where: 'tables["kiosk.sale"].columns.note' },
    message: expect.stringContaining('gives it no role'),
  });
});
