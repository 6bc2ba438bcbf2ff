import { entities } from '../../src/entities.js';
import type { RowImage } from '../../src/orders/row-change.js';
import { openDatabase, pinnedSettings } from '../../src/platform/database/connect.js';
import type { Profile } from '../../src/shops/profile.js';
import { withClient } from '../support/postgres.js';
import { createHarness, until, type Harness } from '../support/replication-harness.js';
import {
  createTestShop,
  placeOrder,
  testShopProfile,
  type TestShop,
} from '../support/test-shop.js';

/** What prints every value otherwise than we pin it. */
const otherDefaults: Readonly<Record<string, string>> = {
  TimeZone: 'Asia/Tokyo',
  DateStyle: 'German, DMY',
  IntervalStyle: 'iso_8601',
  extra_float_digits: '-3',
  bytea_output: 'escape',
};

const values = {
  placed_at: '2026-03-04 12:00:00.123456+00',
  weight: '0.30000000000000004',
  lead: '1 day 02:03:04',
  stamp: '\\x0102ff',
  due: '2026-03-04',
} as const;

describe('values of a shop whose roles print them in their own way', () => {
  let shop: TestShop;
  let harness: Harness;

  beforeAll(async () => {
    shop = await createTestShop();
    await shop.run(
      'ALTER TABLE shop.orders ADD weight float8, ADD lead interval, ADD stamp bytea, ADD due date',
      placeOrder({ id: 1 }),
      `UPDATE shop.orders SET placed_at = '2026-03-04T12:00:00.123456Z', weight = 0.1::float8 + 0.2::float8,
         lead = '1 day 2 hours 3 minutes 4 seconds', stamp = '\\x0102ff', due = '2026-03-04'`,
    );
    const roles = Object.values(shop.credentials).map((url) => new URL(url).username);
    for (const [name, value] of Object.entries(otherDefaults)) {
      await shop.query(`ALTER DATABASE ${shop.name} SET ${name} = '${value}'`);
      for (const role of roles) await shop.query(`ALTER ROLE ${role} SET ${name} = '${value}'`);
    }
    harness = await createHarness(shop, { profile: profileWithValues() });
  });

  afterAll(async () => {
    await harness.close();
    await shop.drop();
  });

  it('are the same text in the first snapshot and in the stream, and no gap comes of them', async () => {
    // the settings do take hold of whoever pins nothing
    const [own] = await withClient(shop.credentials.replicate, async (client) => {
      return (
        await client.query<{ text: string }>(`SELECT interval '1 day 02:03:04' || '' AS text`)
      ).rows;
    });
    expect(own?.text).toBe('P1DT2H3M4S');

    const held = await harness.attacher.attach(harness.target(), {
      credential: shop.credentials.attach,
      allowUnboundedWal: false,
      slotLimitMs: 30_000,
    });
    harness.open(profileWithValues()).start(held ?? undefined);
    await until('streaming', async () => (await harness.row()).state === 'streaming');
    const snapshot = (await harness.images()).find(({ table }) => table === 'shop.orders');
    expect(snapshot?.image).toMatchObject(values);

    await shop.run(`UPDATE shop.orders SET total_minor = 7 WHERE id = 1`);
    await shop.run(
      `UPDATE shop.orders SET weight = -1e-300, lead = '-1 month 3 hours', stamp = '\\x00', due = '1999-12-31',
         placed_at = '2026-10-25T01:30:00+01:00'`,
    );
    await harness.caughtUp();
    const entries = await harness.entries();
    expect(entries.map(({ kinds }) => kinds.join())).toEqual(['changed', 'changed']);
    const [first, second] = entries.map(({ rowChanges }) => rowChanges[0]);
    const told: readonly (RowImage | null | undefined)[] = [
      first?.before,
      first?.after,
      second?.before,
    ];
    for (const image of told) expect(image).toMatchObject(values);
    expect(second?.after).toMatchObject({
      placed_at: '2026-10-25 00:30:00+00',
      weight: '-1e-300',
      lead: '-1 mons +03:00:00',
      stamp: '\\x00',
      due: '1999-12-31',
    });
  });

  it('our own database pins its connections, whatever it is set to', async () => {
    const { name, url, settings } = harness.reinstate;
    await withClient(url, async (client) => {
      for (const [setting, value] of Object.entries(otherDefaults))
        await client.query(`ALTER DATABASE ${name} SET ${setting} = '${value}'`);
    });
    const database = await openDatabase(settings, entities);
    try {
      const rows = await database.query<{ name: string; setting: string }>(
        'SELECT name, setting FROM pg_settings WHERE name = ANY($1)',
        [Object.keys(pinnedSettings)],
      );
      const shown = Object.fromEntries(rows.map((row) => [row.name, row.setting]));
      expect(shown).toEqual(pinnedSettings);
    } finally {
      await database.dataSource.destroy();
    }
  });
});

function profileWithValues(): Profile {
  const profile = testShopProfile();
  const orders = profile.tables['shop.orders']!;
  const columns = {
    ...orders.columns,
    ...{ weight: 'value', lead: 'value', stamp: 'value', due: 'value' },
  } as typeof orders.columns;
  return { ...profile, tables: { ...profile.tables, 'shop.orders': { ...orders, columns } } };
}
