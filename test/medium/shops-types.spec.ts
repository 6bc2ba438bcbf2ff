import pg from 'pg';
import type { RowImage } from '../../src/orders/row-change.js';
import { PostgresShopAdapter } from '../../src/shops/postgres/postgres-shop-adapter.js';
import { parseProfile } from '../../src/shops/profile-file.js';
import type { Profile } from '../../src/shops/profile.js';
import type { PlannedChange, RestoreItem } from '../../src/shops/shop-adapter.js';
import { expectationsOf } from '../support/adapter-scene.js';
import { oddShopProfileText, oddShopSql } from '../support/odd-shop.js';
import { createTestDatabase, withClient, type TestDatabase } from '../support/postgres.js';

const id = '6f1ed002-ab5d-4d3e-9f3a-1f1f5c3d0001';
const awkward: Record<string, string | null> = {
  state: 'open',
  total: '10.10',
  plain: '{"b":1, "b":2,  "a":[1.0]}',
  tree: '{"a": [1.0, "ü"]}',
  flag: 't',
  exact: '12345678901234567890.000000000000000001',
  rough: '0.1000000000000000055',
  span: '1 year 2 mons -3 days +04:05:06.000007',
  raw: '\\x00ff5c27',
  tags: '{a,"b c","d\\"e\\\\f",NULL}',
  place: '(1.5,-2)',
  doc: '<a b="c">d</a>',
  letters: 'ab   ',
  moment: '2026-03-29 02:30:00.123',
  moment_tz: '2026-10-25 00:30:00.123456+00',
  day: '2026-02-28',
  bits: '101',
  select: 'Robert\'); DROP TABLE "order";--\\',
  found: '',
  counted: '-2147483648',
};

let database: TestDatabase;
let client: pg.Client;
let adapter: PostgresShopAdapter;

beforeAll(async () => {
  database = await createTestDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query(oddShopSql);
  adapter = openAdapter();
});

function openAdapter(profile = parseProfile(oddShopProfileText, 'odd.yaml')): PostgresShopAdapter {
  return new PostgresShopAdapter({
    profile,
    readUrl: database.url,
    writeUrl: database.url,
    lockTimeoutMs: 300,
    statementTimeoutMs: 2_000,
    transactionTimeoutMs: 5_000,
    concurrency: 1,
    markerOf: ({ itemId }) => itemId,
    mayWrite: () => Promise.resolve(true),
  });
}

afterAll(async () => {
  await adapter.close();
  await client.end();
  await database.drop();
});

beforeEach(async () => {
  await client.query(`TRUNCATE public."order", public.line, public.tag, public.shelf`);
  const columns = Object.keys(awkward).map((column) => `"${column}"`);
  const values = columns.map((_, index) => `$${index + 2}`);
  await client.query(
    `INSERT INTO public."order" ("Id", number, ${columns.join(', ')}) VALUES ($1, 7, ${values.join(', ')})`,
    [id, ...Object.values(awkward)],
  );
  await client.query(`INSERT INTO public.line VALUES ($1, 1, 'x', 1.5), ($1, 2, 'y', 2)`, [id]);
  await client.query(`INSERT INTO public.tag ("order", line, word) VALUES ($1, 1, 'kept')`, [id]);
  await client.query(`INSERT INTO public.shelf VALUES ('x', true, 0.1, 0.3)`);
});

async function order(): Promise<RowImage> {
  return (await adapter.readRows(id))!.get('public.order')![0]!;
}

function itemOf(changes: PlannedChange[]): RestoreItem {
  return {
    itemId: crypto.randomUUID(),
    action: 'restore',
    orderId: id,
    expectedStatus: "it's off",
    changes,
    expect: [],
  };
}

/** Every value column becomes something else (NULL where it may); the plan takes it back. */
async function spoiled(): Promise<{ before: RowImage; item: RestoreItem }> {
  const before = await order();
  const nulls = Object.keys(awkward).filter((column) => !['state', 'total'].includes(column));
  await client.query(
    `UPDATE public."order" SET state = 'it''s off', total = 0, ${nulls.map((column) => `"${column}" = NULL`).join(', ')}`,
  );
  const after = await order();
  const pick = (image: RowImage) =>
    Object.fromEntries(Object.keys(awkward).map((column) => [column, image[column] ?? null]));
  const set: PlannedChange = {
    do: 'set',
    table: 'public.order',
    key: [id],
    expected: pick(after),
    to: pick(before),
  };
  return { before, item: itemOf([set]) };
}

const note = () => Promise.resolve();
const kept = (image: RowImage) =>
  Object.fromEntries(
    Object.entries(image).filter(
      ([column]) => !['touched', 'touched_day', 'revision'].includes(column),
    ),
  );

test('the profile fits', async () => {
  const { faults } = await adapter.check();
  expect(faults.filter(({ severity }) => severity === 'error')).toEqual([]);
});

test('every type comes back to the letter', async () => {
  const { before, item } = await spoiled();
  expect(await adapter.restore(item, note)).toMatchObject({ outcome: 'applied' });
  const restored = await order();
  expect(kept(restored)).toEqual(kept(before));
  expect(restored).toMatchObject({ revision: '8', plain: awkward['plain'] });
  expect(Object.keys(restored)).toContain('doubled');
  expect(await adapter.verify(item)).toEqual([]);
});

test('every type comes back to the letter by the script as well', async () => {
  const { before, item } = await spoiled();
  const [, ...lines] = (await adapter.renderSql([item])).split('\n');
  await withClient(database.url, (session) => session.query(lines.join('\n')));
  expect(kept(await order())).toEqual(kept(before));
});

test.each(Object.keys(awkward).filter((column) => column !== 'state'))(
  'a change of %s is seen, and named',
  async (column) => {
    const { item } = await spoiled();
    const restoreAgain = { ...item, itemId: crypto.randomUUID() };
    await client.query(`UPDATE public."order" SET "${column}" = $1`, [others[column]]);
    expect(await adapter.restore(restoreAgain, note)).toMatchObject({
      outcome: 'refused',
      reason: 'changed-since',
      detail: `public.order ${id}: ${column}`,
    });
  },
);

const others: Record<string, string> = {
  total: '0.01',
  plain: '{"b":1}',
  tree: '{"a": [1, "ü"]}',
  flag: 'f',
  exact: '12345678901234567890.00000000000000001',
  rough: '0.1000000000000000333',
  span: '1 day',
  raw: '\\x01',
  tags: '{}',
  place: '(0,0)',
  doc: '<a/>',
  letters: 'a',
  moment: '2026-01-01',
  moment_tz: '2026-01-01',
  day: '2026-01-01',
  bits: '000',
  select: '',
  found: 'x',
  counted: '0',
};

describe.each([
  ['in the clear', oddShopProfileText],
  [
    'by digests',
    // every column that may be is personal
    Object.keys(others)
      .filter((column) => column !== 'total')
      .reduce(
        (text, column) =>
          text.replace(`      ${column}: value`, `      ${column}: { value: personal }`),
        oddShopProfileText,
      ),
  ],
])('what is only compared, %s', (_how, profileText) => {
  let own: PostgresShopAdapter;
  let profile: Profile;

  beforeAll(() => {
    profile = parseProfile(profileText, 'odd.yaml');
    own = openAdapter(profile);
  });

  afterAll(() => own.close());

  async function planned(): Promise<RestoreItem> {
    await client.query(`UPDATE public."order" SET state = 'it''s off'`);
    const set = { do: 'set', table: 'public.order', key: [id] } as const;
    const item = itemOf([{ ...set, expected: { state: "it's off" }, to: { state: 'open' } }]);
    return { ...item, expect: expectationsOf(profile, (await own.readRows(id))!) };
  }

  test('is the same where nothing changed, by run and by script, NULL and all', async () => {
    const item = await planned();
    const [, ...lines] = (await own.renderSql([item])).split('\n');
    await withClient(database.url, async (session) => {
      await session.query(
        `SET DateStyle = 'German'; SET TimeZone = 'Asia/Tokyo'; SET bytea_output = 'escape'`,
      );
      await session.query(lines.join('\n'));
    });
    await client.query(
      `UPDATE public."order" SET state = 'it''s off', "select" = NULL, day = NULL`,
    );
    expect(await own.restore(await planned(), note)).toMatchObject({ outcome: 'applied' });
  });

  test.each(Object.entries(others))('is seen to change in %s', async (column, other) => {
    const item = await planned();
    for (const value of [other, null]) {
      if (value === null && column === 'total') continue;
      await client.query(`UPDATE public."order" SET "${column}" = $1`, [value]);
      expect(await own.restore(item, note)).toMatchObject({
        outcome: 'refused',
        reason: 'changed-since',
        detail: `public.order ${id}: ${column}`,
      });
    }
  });

  test('is seen to change in rows with keys of two columns', async () => {
    const item = await planned();
    await client.query(`INSERT INTO public.line VALUES ($1, 3, 'z', 1)`, [id]);
    expect(await own.restore(item, note)).toMatchObject({
      detail: `public.line ${id}/3: the row was added`,
    });
    await client.query('DELETE FROM public.line WHERE place > 1');
    expect(await own.restore(item, note)).toMatchObject({
      detail: `public.line ${id}/2: the row is gone`,
    });
  });
});

test('equal numbers that are written differently are not the same', async () => {
  const { item } = await spoiled();
  await client.query(`UPDATE public."order" SET exact = '1.0'`);
  const [set] = item.changes as [Extract<PlannedChange, { do: 'set' }>];
  const expected = { ...set.expected, exact: '1.00' };
  expect(await adapter.restore(itemOf([{ ...set, expected }]), note)).toMatchObject({
    reason: 'changed-since',
  });
});

test('a touched timestamp is in the zone that the shop’s own sessions write in', async () => {
  await client.query(`ALTER DATABASE ${database.name} SET TimeZone = 'Asia/Tokyo'`);
  const inTokyo = openAdapter();
  const { before, item } = await spoiled();
  expect(await inTokyo.restore(item, note)).toMatchObject({ outcome: 'applied' });
  await inTokyo.close();
  await client.query(`ALTER DATABASE ${database.name} RESET TimeZone`);
  expect(kept(await order())).toEqual(kept(before));
  const { rows } = await client.query<{ fits: boolean }>(
    `SELECT abs(extract(epoch FROM touched - (now() AT TIME ZONE 'Asia/Tokyo'))) < 60
        AND touched_day = (now() AT TIME ZONE 'Asia/Tokyo')::date AS fits FROM public."order"`,
  );
  expect(rows).toEqual([{ fits: true }]);
});

test('rows that were deleted come back with their keys, and added ones go', async () => {
  const rows = (await adapter.readRows(id))!;
  const [tag] = rows.get('public.tag')!;
  const [line] = rows.get('public.line')!;
  await client.query(`DELETE FROM public.tag; DELETE FROM public.line WHERE place = 1`);
  await client.query(`INSERT INTO public.tag ("order", line, word) VALUES ($1, 2, 'added')`, [id]);
  await client.query(`UPDATE public."order" SET state = 'it''s off'`);
  const added = (await adapter.readRows(id))!.get('public.tag')![0]! as Record<string, string>;
  const { id: addedId, ...expected } = added;
  const item = itemOf([
    {
      do: 'set',
      table: 'public.order',
      key: [id],
      expected: { state: "it's off" },
      to: { state: 'open' },
    },
    { do: 'delete', table: 'public.tag', key: [addedId!], expected },
    { do: 'insert', table: 'public.line', row: line!, compensates: null },
    { do: 'insert', table: 'public.tag', row: tag!, compensates: null },
    {
      do: 'insert',
      table: 'public.tag',
      row: { order: id, line: '1', at: { at: 'restore' } },
      compensates: null,
    },
  ]);
  expect(await adapter.restore(item, note)).toMatchObject({ outcome: 'applied' });
  const back = (await adapter.readRows(id))!;
  expect(back.get('public.line')).toEqual(rows.get('public.line'));
  expect(back.get('public.tag')).toHaveLength(2);
  expect(back.get('public.tag')).toContainEqual(tag);
  expect(
    back
      .get('public.tag')!
      .map(({ word }) => word)
      .sort(),
  ).toEqual(['kept', 'none']);
  expect(await adapter.verify(item)).toEqual([]);
  await client.query(`DELETE FROM public.tag WHERE word = 'kept'`);
  expect(await adapter.verify(item)).toEqual(['public.tag: 1 of 1 new rows are missing']);
});

test('a row that changed is not taken away', async () => {
  await client.query(`UPDATE public."order" SET state = 'it''s off'`);
  const { id: tagId, ...expected } = (await adapter.readRows(id))!.get('public.tag')![0]! as Record<
    string,
    string
  >;
  await client.query(`UPDATE public.tag SET word = 'changed'`);
  const item = itemOf([{ do: 'delete', table: 'public.tag', key: [tagId!], expected }]);
  expect(await adapter.restore(item, note)).toMatchObject({
    reason: 'changed-since',
    detail: `public.tag ${tagId}: word`,
  });
});

test.each([
  ['0.2', 'applied', '0.300'],
  ['0.201', 'refused', '0.100'],
])('a counter with decimals moved by %s: %s', async (amount, outcome, held) => {
  await client.query(`UPDATE public."order" SET state = 'it''s off'`);
  const move: PlannedChange = {
    do: 'move',
    table: 'public.shelf',
    key: ['x', 't'],
    column: 'held',
    amount,
    minimum: null,
    maximum: 'room',
  };
  expect(await adapter.restore(itemOf([move]), note)).toMatchObject({ outcome });
  expect(await adapter.readCounters([{ table: 'public.shelf', key: ['x', 't'] }])).toMatchObject([
    { held },
  ]);
});

test('two moves of one counter are proved together', async () => {
  await client.query(`UPDATE public."order" SET state = 'it''s off'`);
  const move = (amount: string): PlannedChange => ({
    do: 'move',
    table: 'public.shelf',
    key: ['x', 't'],
    column: 'held',
    amount,
    minimum: 0,
    maximum: 'room',
  });
  expect(await adapter.restore(itemOf([move('0.05'), move('0.1')]), note)).toMatchObject({
    outcome: 'applied',
  });
  expect(await adapter.readCounters([{ table: 'public.shelf', key: ['x', 't'] }])).toMatchObject([
    { held: '0.250' },
  ]);
});

test('a plan made for other tables is refused, and one for columns that are gone says so', async () => {
  const item = itemOf([{ do: 'set', table: 'public.ghost', key: ['1'], expected: {}, to: {} }]);
  expect(await adapter.restore(item, note)).toMatchObject({
    reason: 'shop-error',
    detail: expect.stringContaining('public.ghost') as unknown,
  });
  await client.query('ALTER TABLE public."order" RENAME COLUMN bits TO beads');
  const { reason } = (await adapter.restore(await spoiledOf('beads'), note)) as { reason: string };
  expect(reason).toBe('shop-error');
  await client.query('ALTER TABLE public."order" RENAME COLUMN beads TO bits');
  const { item: sound } = await spoiled();
  expect(await adapter.restore(sound, note)).toMatchObject({ outcome: 'applied' });
});

/** A plan that was made before a column got another name. */
async function spoiledOf(renamed: string): Promise<RestoreItem> {
  await client.query(`UPDATE public."order" SET state = 'it''s off', "${renamed}" = NULL`);
  return itemOf([
    { do: 'set', table: 'public.order', key: [id], expected: { bits: null }, to: { bits: '101' } },
  ]);
}
