import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { pastEvents } from '../../src/detection/history.js';
import { HistoryStore } from '../../src/detection/history.store.js';
import { PersonalData, ServiceKey } from '../../src/journal/personal-data.js';
import { PersonalKeyStore } from '../../src/journal/personal-key.store.js';
import { ManualClock } from '../../src/platform/clock.js';
import { Database } from '../../src/platform/database/database.js';
import { parseProfile } from '../../src/shops/profile-file.js';
import type { Profile } from '../../src/shops/profile.js';
import { insertShop } from '../support/order-events.js';
import { createReinstateDatabase, type ReinstateTestDatabase } from '../support/postgres.js';

const orders = 4_500;
const ordersAtOnce = 2_000;
const end = new Date('2026-06-29T00:00:00Z');

let test: ReinstateTestDatabase;
let profile: Profile;

beforeAll(async () => {
  test = await createReinstateDatabase();
  const path = 'profiles/sample-shop.yaml';
  profile = parseProfile(await readFile(path, 'utf8'), path);
  profile.order.attributes = {
    channel: 'channel',
    carrier: {
      ...{ table: 'shop.shipping_line', column: 'method' },
      where: { kind: ['SHIP', null], state: ['SENT'] },
    },
  };
  await test.database.query(insertShop, ['shop']);
  await test.database.query(
    `INSERT INTO row_image (shop_id, table_name, row_key, order_id, image)
     SELECT 'shop', 'shop.orders', 'o' || n, n::text, jsonb_build_object('id', n::text, 'customer_id', n::text,
       'status', CASE WHEN n % 10 = 0 THEN 'cancelled' ELSE 'delivered' END, 'currency', 'EUR', 'total_minor', '4200',
       'channel', 'web', 'placed_at', ($1::timestamptz - n * interval '1 minute')::text,
       'cancelled_at', CASE WHEN n % 10 = 0 THEN ($1::timestamptz - n * interval '1 minute')::text END)
     FROM generate_series(1, $2::int) n`,
    [end, orders],
  );
  // three of them tell a carrier: a kind that is left out or null will do, one that stands sealed will not
  await addRows('shop.shipping_line', [
    `{"id": "1", "kind": "SHIP", "state": "SENT", "method": "express"}`,
    `{"id": "2", "kind": "RETURN", "state": "SENT", "method": "post"}`,
    `{"id": "3", "state": "SENT", "method": "pickup"}`,
    `{"id": "4", "kind": null, "state": "SENT", "method": "drone"}`,
    `{"id": "5", "kind": {"sealed": "x", "keyOf": "c"}, "state": "SENT", "method": "owl"}`,
    `{"id": "6", "kind": "SHIP", "state": "LOST", "method": "rail"}`,
  ]);
  await addRows('shop.order_history', [
    `{"id": "1", "type": "NOTE", "actor_kind": "staff", "actor": "ann", "created_at": "2026-06-29 00:00:01+00"}`,
    `{"id": "2", "type": "CANCELLED", "actor_kind": "job", "actor": "unpaid", "created_at": "2026-06-29 00:00:00+00"}`,
  ]);
});
afterAll(() => test.drop());

/** Each order has one row of each of these images. */
async function addRows(table: string, images: readonly string[]): Promise<void> {
  await test.database.query(
    `INSERT INTO row_image (shop_id, table_name, row_key, order_id, image)
     SELECT 'shop', $1, n || ' ' || (image ->> 'id'), n::text, image
     FROM generate_series(1, $2::int) n, unnest($3::jsonb[]) image`,
    [table, orders, images],
  );
}

/** Counts the rows of each answer, by the table that was asked for. */
class Counting extends Database {
  readonly answers = new Map<unknown, number[]>();

  override async query<T extends object>(
    sql: string,
    parameters: readonly unknown[] = [],
  ): Promise<T[]> {
    const rows = await super.query<T>(sql, parameters);
    const counts = this.answers.get(parameters[1]) ?? [];
    this.answers.set(parameters[1], [...counts, rows.length]);
    return rows;
  }
}

it('a long past is read a few orders at a time, and of them the rows that tell something', async () => {
  const reader = new Counting(test.database.dataSource);
  const key = new ServiceKey(Buffer.alloc(32, 1));
  const clock = new ManualClock(end);
  const personal = new PersonalData(test.database, new PersonalKeyStore(), key, clock);
  const past = await new HistoryStore(personal).read(reader, { id: 'shop', profile }, new Date(0));
  expect(past).toHaveLength(orders);

  const lines = reader.answers.get('shop.shipping_line') ?? [];
  expect(lines).toEqual([3 * ordersAtOnce, 3 * ordersAtOnce, 3 * (orders - 2 * ordersAtOnce)]);
  const history = reader.answers.get('shop.order_history') ?? [];
  expect(history.reduce((sum, count) => sum + count, 0)).toBe(orders / 10);

  const attributes = { channel: 'web', carrier: 'drone, express, pickup' };
  const events = pastEvents(profile, past, end);
  expect(events).toHaveLength(orders + orders / 10);
  const cancelled = events.filter(({ kind }) => kind === 'cancelled');
  const placed = events.filter(({ kind }) => kind === 'placed');
  for (const event of placed) expect(event.attributes).toEqual(attributes);
  for (const event of cancelled)
    expect(event.attributes).toMatchObject({ ...attributes, actor_kind: 'job', actor: 'unpaid' });
});
