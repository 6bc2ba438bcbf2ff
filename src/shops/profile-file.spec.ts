import { readFile } from 'node:fs/promises';
import { Fault } from '../platform/errors.js';
import { cancellationActor } from './cancellation-actor.js';
import { completenessFaults } from './profile-completeness.js';
import { loadProfile, parseProfile, pathText, profileHash } from './profile-file.js';
import type { Profile } from './profile.js';

const directory = process.cwd();
const shipped = ['sample-shop', 'vendure'];

let sample: string;
beforeAll(async () => {
  sample = await readFile('profiles/sample-shop.yaml', 'utf8');
});

/** The sample profile with one text replaced, and what is then found wrong with it. */
function faultsOf(from: string | RegExp, to: string): string[] {
  const text = sample.replace(from, to);
  expect(text).not.toBe(sample);
  return faultsIn(text);
}

/** A text as a YAML scalar. */
const quoted = (text: string): string => JSON.stringify(text);

function faultsIn(text: string): string[] {
  try {
    parseProfile(text, 'test.yaml');
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    expect(error.code).toBe('profile-invalid');
    return (error.details.fields ?? []).map(({ field, message }) => `${field}: ${message}`);
  }
  return [];
}

describe('profiles that ship', () => {
  test.each(shipped)('%s has no fault', async (name) => {
    const { profile, profileHash: hash, file } = await loadProfile(name, { directory: '/' });
    expect(profile.profile).toBe(name);
    expect(file.endsWith(`/profiles/${name}.yaml`)).toBe(true);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
  });

  test('are also found by path, relative to a directory', async () => {
    const byName = await loadProfile('vendure', { directory });
    const byPath = await loadProfile('profiles/vendure.yaml', { directory });
    expect(byPath).toEqual(byName);
  });

  test.each(['no-such-profile', './no/such.yaml'])(
    '%s is missing, and that is said',
    async (name) => {
      await expect(loadProfile(name, { directory })).rejects.toMatchObject({
        code: 'profile-missing',
      });
    },
  );
});

describe('the hash', () => {
  test('stays with the layout and changes with the meaning', () => {
    const profile = parseProfile(sample, 'a');
    const reordered = parseProfile(
      `# moved\n\n${sample.replace('settle: 3s', 'settle: 3000ms')}`,
      'b',
    );
    const changed = parseProfile(sample.replace('settle: 3s', 'settle: 4s'), 'c');
    expect(profileHash(reordered)).toBe(profileHash(profile));
    expect(profileHash(changed)).not.toBe(profileHash(profile));
  });
});

describe('a faulty profile', () => {
  test('has all its faults named at once, each with line and column', () => {
    const text = sample
      .replace('settle: 3s', 'settle: soon')
      .replace('profile: sample-shop', 'profile: Sample Shop')
      .replace('      status: value', '      status: vaule');
    const faults = faultsIn(text);
    expect(faults).toHaveLength(3);
    expect(faults.join('\n')).toMatch(/^profile: line 2, column 10: /m);
    expect(faults.join('\n')).toMatch(/cancellation\.settle: line \d+, column 11: a duration is/);
    expect(faults.join('\n')).toMatch(
      /tables\["shop\.orders"\]\.columns\.status: .*one of key, value, touch/,
    );
  });

  test('that is no YAML says where', () => {
    expect(faultsIn('order: [unclosed\n  - x: {')[0]).toMatch(/line \d+, column \d+/);
    expect(faultsIn('')[0]).toMatch(/line 1, column 1/);
  });

  test('names a missing part at the place that should hold it', () => {
    expect(faultsOf('  product: sku\n', '')).toEqual([
      expect.stringMatching(/^lines\.product: line 3\d, column 3: /),
    ]);
  });

  test.each<[string, string | RegExp, string, RegExp]>([
    [
      'an unmapped table',
      '  table: shop.refund',
      '  table: shop.refunds',
      /^refunds\.table: .*not mapped under `tables`/,
    ],
    [
      'an unmapped column',
      '  quantity: quantity\n',
      '  quantity: pieces\n',
      /^lines: .*column pieces is not mapped/,
    ],
    [
      'a personal number',
      '      number: value',
      '      number: { value: personal }',
      /^order\.number: .*personal data/,
    ],
    [
      'a status that does not come back',
      '      status: value',
      '      status: { ignore: whatever }',
      /order\.status\.column: .*role `value`/,
    ],
    [
      'a status that is both',
      'open: [pending_payment,',
      'open: [cancelled,',
      /order\.status: .*cannot be cancelled and not cancelled/,
    ],
    [
      'a claim on an unmapped column',
      'updated: [note]',
      'updated: [remark]',
      /claims\["shop\.payment"\]\.updated\[0\]/,
    ],
    [
      'a claim on a shared table',
      '    shop.payment:\n      updated: [note]',
      '    shop.stock:\n      updated: [allocated]',
      /shared tables are not claimed/,
    ],
    ['locks without the order', 'locks: [shop.orders, ', 'locks: [', /^locks: .*must be locked/],
    [
      'locks without the payments',
      ', shop.payment]',
      ']',
      /^locks: .*the payments' table shop\.payment must be locked/,
    ],
    [
      'a shared lock',
      'locks: [shop.orders, ',
      'locks: [shop.orders, shop.stock, ',
      /^locks\[1\]: .*shared/,
    ],
    ['a lock twice', 'locks: [shop.orders, ', 'locks: [shop.orders, shop.orders, ', /named twice/],
    [
      'a key without the role',
      '    key: [product_id, warehouse]',
      '    key: [product_id, on_hand]',
      /the role `key`/,
    ],
    [
      'the role key outside the key',
      '    key: [product_id, warehouse]',
      '    key: [product_id]',
      /only columns listed under `key`/,
    ],
    [
      'an unmapped parent',
      'parent: shop.payment }',
      'parent: shop.payments }',
      /order\.parent: .*not mapped/,
    ],
    [
      'a shared parent',
      'parent: shop.payment }',
      'parent: shop.stock }',
      /order\.parent: .*shared/,
    ],
    [
      'a value in a shared row',
      /on_hand: \{ ignore.*\}/,
      'on_hand: value',
      /a shared row is never set back/,
    ],
    [
      'a delta from an unmapped table',
      'from: shop.stock_movement',
      'from: shop.movement',
      /delta\.from/,
    ],
    [
      'a delta that picks no one row',
      'match: { product_id: product_id, warehouse: warehouse }',
      'match: { product_id: product_id }',
      /warehouse is missing/,
    ],
    [
      'a counter without a guard',
      'guard: { minimum: 0, maximum: on_hand }',
      'guard: {}',
      /minimum or a maximum/,
    ],
    ['an unmapped guard', 'maximum: on_hand', 'maximum: shelf', /column shelf is not mapped/],
    [
      'a template from nowhere',
      'quantity: { row: quantity }',
      'quantity: { row: pieces }',
      /with\.quantity: .*column pieces/,
    ],
    [
      'a template for a column that there is not',
      'actor: { value: reinstate }',
      'agent: { value: reinstate }',
      /append\[0\]\.agent/,
    ],
    [
      'an appended row that copies a row',
      'actor: { value: reinstate }',
      'actor: { row: actor }',
      /no row that it could be taken from/,
    ],
    [
      'an attribute of an unmapped table',
      '    region: region\n',
      '    region: { table: shop.address, column: region }\n',
      /^order\.attributes\.region\.table: .*shop\.address is not mapped under `tables`/,
    ],
    [
      'an attribute of an unmapped column',
      '    region: region\n',
      '    region: { table: shop.payment, column: region }\n',
      /^order\.attributes\.region: .*column region is not mapped under tables\["shop\.payment"\]/,
    ],
    [
      'an attribute of an unmapped column of the order',
      '    region: region\n',
      '    region: district\n',
      /^order\.attributes\.region: .*column district is not mapped/,
    ],
    [
      'an attribute by an unmapped column',
      '    region: region\n',
      '    region: { table: shop.payment, column: provider, where: { kind: [x] } }\n',
      /^order\.attributes\.region\.where\.kind: .*column kind is not mapped/,
    ],
    [
      'an attribute of a shared table',
      '    region: region\n',
      '    region: { table: shop.stock, column: warehouse }\n',
      /^order\.attributes\.region\.table: .*shop\.stock is shared/,
    ],
    [
      'a personal attribute',
      '    region: region\n',
      '    region: { table: shop.orders, column: ship_city }\n',
      /^order\.attributes\.region: .*personal data/,
    ],
    [
      'shipping lines that are not mapped',
      '  method: method\n',
      '  method: carrier\n',
      /^shipping_lines: .*column carrier is not mapped/,
    ],
    [
      'a phrase that says two things',
      '  longest: 2m\n',
      '  longest: 2m\n  reasons: { wish: [на прохання], unpaid: [На прохання] }\n',
      /^cancellation\.reasons\.unpaid\[0\]: .*stands under `wish` already/,
    ],
    [
      'a phrase that fits everything',
      '  longest: 2m\n',
      "  longest: 2m\n  reasons: { wish: ['*'] }\n",
      /^cancellation\.reasons\.wish\[0\]: .*at least two letters/,
    ],
    ['a longest below settle', 'longest: 2m', 'longest: 1s', /cannot be shorter/],
    ['an unknown field', 'title: Sample shop', 'title: Sample shop\nsubtitle: x', /subtitle/],
  ])('%s is refused', (_what, from, to, message) => {
    expect(faultsOf(from, to).join('\n')).toMatch(message);
  });

  test.each([
    ['SELECT true', true],
    ['SELECT true FROM shop.orders WHERE id = $1', true],
    ['SELECT count(*) > 0 FROM shop.order_line WHERE order_id = $1', true],
    ["SELECT 'shop.orders.status' <> '' -- orders.status", true],
    ['SELECT "Status" <> $$orders status$$ FROM shop.orders /* status */', true],
    ['SELECT o.updated_at IS NOT NULL FROM shop.orders o WHERE o.id = $1', true],
    ['SELECT s.allocated >= 0 FROM shop.stock s WHERE $1 IS NOT NULL', true],
    ["SELECT o.STATUS <> '' FROM shop.ORDERS o WHERE o.id = $1", false],
    ['SELECT bool_and("quantity" > 0) FROM "shop"."order_line" WHERE order_id = $1', false],
  ])('an invariant that says nothing of the order is refused: %s', (sql, refused) => {
    const found = faultsOf(
      /^invariants:$/m,
      `invariants:\n  - { name: idle, sql: ${quoted(sql)} }`,
    );
    expect(found).toHaveLength(refused ? 1 : 0);
    if (refused)
      expect(found[0]).toMatch(/^invariants\[0\]: line \d+.*"idle" names no mapped column/);
  });

  test('parents in a circle are refused, and found out', () => {
    const text = sample.replace(
      '    order: { column: order_id }\n    columns:\n      id: key\n      order_id: value\n      provider',
      '    order: { column: order_id, parent: shop.refund }\n    columns:\n      id: key\n      order_id: value\n      provider',
    );
    expect(text).not.toBe(sample);
    expect(faultsIn(text).join('\n')).toMatch(/circle/);
  });
});

describe('completeness', () => {
  let profile: Profile;
  beforeEach(() => {
    profile = parseProfile(sample, 'sample');
  });
  const messages = () =>
    completenessFaults(profile).map(({ path, message }) => `${pathText(path)}: ${message}`);

  test('a whole profile is complete, and so is one that says why it counts no stock', () => {
    expect(messages()).toEqual([]);
    delete profile.tables['shop.stock'];
    expect(messages()).toEqual([expect.stringMatching(/^stock: .*no stock would be taken again/)]);
    profile.stock = { ignore: 'gift cards only' };
    expect(messages()).toEqual([]);
  });

  test('the status alone is not enough', () => {
    for (const table of ['shop.orders', 'shop.order_line'])
      for (const column of Object.keys(profile.tables[table]!.columns))
        if (!['id', 'status'].includes(column)) profile.tables[table]!.columns[column] = 'touch';
    expect(messages().join('\n')).toMatch(/only the status would come back/);
    expect(messages().join('\n')).toMatch(/no column of the lines would come back/);
    expect(messages().join('\n')).toMatch(/columns\.total_minor: totals and quantities need/);
  });
});

describe('who cancelled, and why', () => {
  let vendure: NonNullable<Profile['history']>;
  beforeAll(async () => {
    vendure = (await loadProfile('vendure', { directory })).profile.history!;
  });

  test('a member of a JSON column, and the kind of actor by what is missing', () => {
    const data = '{"lines":[],"reason":"Payment not received in time"}';
    expect(cancellationActor(vendure, { administratorId: null, data })).toEqual({
      actorKind: 'api',
      actor: null,
      reason: 'Payment not received in time',
    });
    expect(cancellationActor(vendure, { administratorId: '1', data: 'no JSON' })).toEqual({
      actorKind: 'staff',
      actor: '1',
      reason: null,
    });
    expect(
      cancellationActor(vendure, { administratorId: '1', data: '{"reason":7}' }).reason,
    ).toBeNull();
  });

  test('a plain column, a mapped kind, and a kind that nobody named', () => {
    const { history } = parseProfile(sample, 'sample');
    const row = { actor: 'eva', actor_kind: 'staff', reason: 'asked for' };
    expect(cancellationActor(history!, row)).toEqual({
      actorKind: 'staff',
      actor: 'eva',
      reason: 'asked for',
    });
    expect(cancellationActor(history!, { ...row, actor_kind: 'robot' }).actorKind).toBe('unknown');
    expect(cancellationActor({ ...history!, actor_kind: undefined }, row).actorKind).toBe(
      'unknown',
    );
  });
});
