import { loadProfile } from '../profile-file.js';
import type { Profile } from '../profile.js';
import { observationOf, type SeenTrigger, type Sightings } from './observation.js';
import { isNamed, triggerWrites } from './trigger-writes.js';

describe('what the text of a trigger tells', () => {
  const writes = (source: string, language = 'plpgsql') => triggerWrites({ source, language });

  test.each([
    ['INSERT INTO shop.stock_movement (id) VALUES (1);', ['shop.stock_movement']],
    ['update only "Shop"."Stock" SET a = 1; UPDATE STOCK SET b = 2;', ['Shop.Stock', 'stock']],
    ['DELETE\n FROM shop . refund; MERGE INTO t USING u ON true', ['shop.refund', 't']],
    ["-- UPDATE shop.a\n/* UPDATE shop.b */ x := 'it''s UPDATE shop.c'; RETURN NEW;", []],
    ['SELECT * FROM shop.orders; NEW.updated_at := now();', []],
  ])('%j', (source, tables) => {
    expect(writes(source)).toEqual({ tables, opaque: false });
  });

  test('is not all of it where statements are put together, or it is no SQL', () => {
    expect(writes("EXECUTE format('UPDATE %I', x)")).toEqual({ tables: [], opaque: true });
    expect(writes('update_stock', 'c')).toEqual({ tables: [], opaque: true });
  });

  test('a name without schema is any schema’s', () => {
    expect(isNamed('shop.stock', 'stock')).toBe(true);
    expect(isNamed('shop.stock', 'shop.stock')).toBe(true);
    expect(isNamed('shop.stock', 'old.stock')).toBe(false);
    expect(isNamed('shop.live_stock', 'stock')).toBe(false);
  });
});

describe('what a while of watching told', () => {
  let profile: Profile;
  beforeAll(async () => {
    ({ profile } = await loadProfile('sample-shop', { directory: '.' }));
  });

  const nothing: Sightings = {
    written: new Map(),
    transactions: new Map(),
    unreadable: new Set(),
    triggers: [],
  };
  const rows = (inserted: number, updated = 0) => ({ inserted, updated, deleted: 0 });

  test('unmapped tables, those most often written with mapped rows first', () => {
    const told = observationOf(
      profile,
      {
        ...nothing,
        written: new Map([
          ['shop.session', rows(90)],
          ['shop.points', rows(2)],
          ['shop.orders', rows(3)],
        ]),
        transactions: new Map([
          ['1', new Set(['shop.orders', 'shop.points'])],
          ['2', new Set(['shop.order_line', 'shop.points', 'shop.outbox'])],
          ['3', new Set(['shop.session', 'shop.basket'])],
        ]),
        unreadable: new Set(['shop.session']),
      },
      120,
    );
    const points = { table: 'shop.points', ...rows(2), together: 2, readable: true };
    const outbox = { table: 'shop.outbox', ...rows(0), together: 1, readable: true };
    expect(told).toEqual({
      seconds: 120,
      transactions: 2,
      unmapped: [
        { ...points, with: ['shop.order_line', 'shop.orders'] },
        { ...outbox, with: ['shop.order_line'] },
        { table: 'shop.session', ...rows(90), together: 0, with: [], readable: false },
      ],
      triggers: [],
    });
  });

  test('triggers that write what a restore writes by itself, and how often they fired', () => {
    const trigger = (name: string, source: string): SeenTrigger => ({
      ...{ table: 'shop.order_line', trigger: name, source, language: 'plpgsql' },
      on: ['updated'],
    });
    const { triggers } = observationOf(
      profile,
      {
        ...nothing,
        written: new Map([['shop.order_line', rows(5, 3)]]),
        transactions: new Map([['1', new Set(['shop.order_line', 'shop.stock'])]]),
        triggers: [
          trigger('moves stock', 'UPDATE stock SET allocated = 0'),
          trigger('writes the ledger', 'INSERT INTO shop.stock_movement VALUES (1)'),
          trigger('touches the order', 'UPDATE shop.orders SET version = 1'),
          trigger('may do anything', 'EXECUTE what'),
        ],
      },
      2,
    );
    const table = 'shop.order_line';
    expect(triggers).toEqual([
      {
        ...{ trigger: 'moves stock', table, fired: 3, together: 1 },
        ...{ writes: 'shop.stock', restores: 'counter' },
      },
      {
        ...{ trigger: 'writes the ledger', table, fired: 3, together: 0 },
        ...{ writes: 'shop.stock_movement', restores: 'ledger' },
      },
      {
        ...{ trigger: 'may do anything', table, fired: 3, together: 0 },
        ...{ writes: null, restores: null },
      },
    ]);
  });
});
