import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { PersonalData, ServiceKey } from '../../src/journal/personal-data.js';
import { PersonalKeyStore } from '../../src/journal/personal-key.store.js';
import { sameValue } from '../../src/orders/row-change.js';
import { ManualClock } from '../../src/platform/clock.js';
import { insertShop } from '../support/order-events.js';
import { createReinstateDatabase, type ReinstateTestDatabase } from '../support/postgres.js';

const clock = new ManualClock(new Date('2026-11-22T03:00:00Z'));
const serviceKey = new ServiceKey(randomBytes(32));
let test: ReinstateTestDatabase;
let personal: PersonalData;

beforeAll(async () => {
  test = await createReinstateDatabase();
  await test.database.query(insertShop, ['shop']);
  personal = new PersonalData(test.database, new PersonalKeyStore(), serviceKey, clock);
});
afterAll(() => test.drop());

const seal = async (keyOf: string, ...values: string[]) => {
  const [sealed] = await test.database.transaction((transaction) =>
    personal.seal(transaction, 'shop', [{ keyOf, values }]),
  );
  return sealed!;
};

it('opens what it sealed, and the sealed form does not show the value', async () => {
  const [name, street] = await seal('customer:1', 'Ann Example', 'Long Street 1');
  expect(JSON.stringify(name)).not.toContain('Ann');
  expect(await personal.open('shop', [name!, street!])).toEqual(['Ann Example', 'Long Street 1']);
});

it('compares equal values as equal without opening them, and never across persons', async () => {
  const [first] = await seal('customer:2', 'Ben');
  const [second] = await seal('customer:2', 'Ben');
  const [other] = await seal('customer:3', 'Ben');
  expect(first?.sealed).not.toBe(second?.sealed);
  expect(sameValue(first!, second!)).toBe(true);
  expect(sameValue(first!, other!)).toBe(false);
});

it('forgets a person for ever once the key is erased, and makes no new key', async () => {
  const [name] = await seal('customer:4', 'Cem');
  await test.database.transaction((transaction) =>
    personal.erase(transaction, 'shop', 'customer:4'),
  );
  expect(await personal.open('shop', [name!])).toEqual([null]);
  const [later] = await seal('customer:4', 'Cem');
  expect(await personal.open('shop', [later!])).toEqual([null]);
});

it('cannot be opened with another service key', async () => {
  const [name] = await seal('customer:5', 'Dee');
  const stranger = new PersonalData(
    test.database,
    new PersonalKeyStore(),
    new ServiceKey(randomBytes(32)),
    clock,
  );
  await expect(stranger.open('shop', [name!])).rejects.toThrow();
});
