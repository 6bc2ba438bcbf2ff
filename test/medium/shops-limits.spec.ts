import type { Profile } from '../../src/shops/profile.js';
import type { PostgresShopAdapter } from '../../src/shops/postgres/postgres-shop-adapter.js';
import type { RestoreItem } from '../../src/shops/shop-adapter.js';
import { AdapterScene } from '../support/adapter-scene.js';
import { withClient } from '../support/postgres.js';

const note = () => Promise.resolve();
/** Five of everything are kept back, as the shop's product table is made to say. */
const saleable = `SELECT counter.on_hand - p.kept_back FROM shop.product p WHERE p.id = counter.product_id`;

let scene: AdapterScene;
let adapter: PostgresShopAdapter;

beforeAll(async () => {
  scene = await AdapterScene.create();
  await scene.pool.query('ALTER TABLE shop.product ADD COLUMN kept_back int DEFAULT 5');
  adapter = withLimit(saleable);
});

afterAll(async () => {
  await scene.close();
});

function withLimit(sql: string, change: (draft: Profile) => void = () => undefined) {
  const draft = structuredClone(scene.profile);
  draft.tables['shop.stock']!.limits = { saleable: sql };
  const role = draft.tables['shop.stock']!.columns['allocated'];
  if (typeof role !== 'object' || !('delta' in role)) throw new Error('allocated is a counter');
  role.delta.guard.maximum = 'saleable';
  change(draft);
  return scene.open({ profile: draft });
}

async function limited(productId: number): Promise<RestoreItem> {
  const { item } = await scene.wronglyCancelled('api', { productId, quantity: 3 });
  const changes = item.changes.map((change) =>
    change.do === 'move' ? { ...change, maximum: 'saleable' } : change,
  );
  return { ...item, changes };
}

const stock = (productId: number, onHand: string) =>
  scene.pool.query(`UPDATE shop.stock SET on_hand = ${onHand} WHERE product_id = ${productId}`);

test('a counter is moved up to what the shop’s own rule leaves, and not beyond', async () => {
  const item = await limited(7);
  await stock(7, 'allocated + 3 + 4');
  expect(await adapter.restore(item, note)).toMatchObject({
    outcome: 'refused',
    reason: 'stock-gone',
  });
  const script = (await adapter.renderSql([item])).replace(/^\\.*$/m, '');
  await expect(withClient(scene.urls.write, (client) => client.query(script))).rejects.toThrow(
    /^stock-gone: /,
  );
  await stock(7, 'allocated + 3 + 5');
  expect(await adapter.restore(item, note)).toMatchObject({ outcome: 'applied' });
});

test('a limit below zero lets the shop promise what it does not have yet', async () => {
  const item = await limited(8);
  await stock(8, 'allocated + 3 - 2');
  await scene.pool.query('UPDATE shop.product SET kept_back = -2 WHERE id = 8');
  const constraint = 'stock_allocated_is_on_hand';
  const { rows } = await scene.pool.query<{ rule: string }>(
    `SELECT pg_get_constraintdef(oid) AS rule FROM pg_constraint WHERE conname = $1`,
    [constraint],
  );
  await scene.pool.query(`ALTER TABLE shop.stock DROP CONSTRAINT ${constraint}`);
  const lenient = withLimit(saleable, (draft) => {
    draft.invariants = draft.invariants.filter(({ sql }) => !sql.includes('s.on_hand'));
  });
  expect(await lenient.restore(item, note)).toMatchObject({ outcome: 'applied' });
  await stock(8, '1000');
  await scene.pool.query(`ALTER TABLE shop.stock ADD CONSTRAINT ${constraint} ${rows[0]!.rule}`);
});

test('a plan is simulated with the limits as they are now', async () => {
  const key = ['3', 'LEJ'];
  const [counter] = await adapter.readCounters([{ table: 'shop.stock', key }]);
  expect(counter).toMatchObject({ on_hand: '1000', saleable: '995' });
});

describe('check', () => {
  const errors = async (one: PostgresShopAdapter) =>
    (await one.check()).faults
      .filter(({ severity }) => severity === 'error')
      .map(({ where, message }) => `${where}: ${message}`);

  test('passes where the limit gives a number for every counter', async () => {
    expect(await errors(adapter)).toEqual([]);
  });

  test.each([
    ['SELECT FROM WHERE', /limits\.saleable: cannot be run: syntax error/],
    [`SELECT 'many'::text`, /limits\.saleable: gives text and no number/],
    [
      `SELECT kept_back FROM shop.product p WHERE p.id = -counter.product_id`,
      /limits\.saleable: gives NULL for \d+ of \d+ rows/,
    ],
    ['SELECT 1 / (counter.on_hand - counter.on_hand)', /limits\.saleable: fails: SQLSTATE 22012/],
    ['SELECT $1::int', /limits\.saleable: a limit takes no parameters/],
  ])('%s', async (sql, message) => {
    expect((await errors(withLimit(sql))).join('\n')).toMatch(message);
  });

  test('names the tables that only the profile’s SQL reads and the write role may not', async () => {
    await scene.buy();
    const { write } = scene.roles;
    await scene.pool.query(`REVOKE SELECT ON shop.product, shop.customer FROM ${write}`);
    const sql = `SELECT o.customer_id IN (SELECT id FROM shop.customer) FROM shop.orders o WHERE o.id = $1`;
    const found = await errors(
      withLimit(saleable, (draft) => draft.invariants.push({ name: 'it has a customer', sql })),
    );
    await scene.pool.query(`GRANT SELECT ON shop.product, shop.customer TO ${write}`);
    const missing = (table: string) =>
      `tables["shop.${table}"]: a restore needs a right that ${write} does not have: GRANT SELECT ON "shop"."${table}" TO "${write}" (and USAGE on the schema shop)`;
    expect(found.sort()).toEqual([missing('customer'), missing('product')]);
  });
});
