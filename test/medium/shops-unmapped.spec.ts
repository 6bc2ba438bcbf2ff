import type { RestoreItem } from '../../src/shops/shop-adapter.js';
import { AdapterScene } from '../support/adapter-scene.js';
import { withClient } from '../support/postgres.js';

const note = () => Promise.resolve();
const adding = `ALTER TABLE shop.orders ADD COLUMN reserved_until timestamptz DEFAULT '2026-12-01'`;
const dropping = 'ALTER TABLE shop.orders DROP COLUMN IF EXISTS reserved_until';

let scene: AdapterScene;

beforeAll(async () => {
  scene = await AdapterScene.create();
});

afterEach(() => scene.pool.query(dropping));

afterAll(() => scene.close());

describe('a column that a deploy adds while the service runs', () => {
  /** A cancelled order whose cancellation also cleared the new column. */
  async function clearedOrder(): Promise<{ orderId: string; item: RestoreItem }> {
    const { orderId, item } = await scene.wronglyCancelled();
    await scene.pool.query(adding);
    await scene.pool.query('UPDATE shop.orders SET reserved_until = NULL WHERE id = $1', [orderId]);
    return { orderId, item };
  }

  const refusal = {
    reason: 'evidence-missing',
    detail: expect.stringMatching(
      /no role to reserved_until of shop\.orders: .*map it .*`ignore` it with a reason, then arm/,
    ) as unknown,
  };

  test.each(['restore', 'undo'] as const)('has no role, so a %s is refused', async (action) => {
    const { item } = await clearedOrder();
    const before = await scene.dump();
    const outcome = await scene.adapter.restore({ ...item, action }, note);
    expect(outcome).toMatchObject({ outcome: 'refused', ...refusal });
    expect(await scene.dump()).toEqual(before);
    await scene.pool.query(dropping);
    expect(await scene.adapter.restore(item, note)).toMatchObject({ outcome: 'applied' });
  });

  test('leaves the order to a person, until it is gone', async () => {
    const { orderId } = await clearedOrder();
    expect(await scene.adapter.capabilities(orderId)).toEqual({ way: 'person', ...refusal });
    await scene.pool.query(dropping);
    expect(await scene.adapter.capabilities(orderId)).toEqual({ way: 'reopen' });
  });

  test('stops the script, also one that was written before', async () => {
    const { item } = await scene.wronglyCancelled();
    const script = (await scene.adapter.renderSql([item])).split('\n').slice(1).join('\n');
    await scene.pool.query(adding);
    const before = await scene.dump();
    await expect(withClient(scene.urls.write, (client) => client.query(script))).rejects.toThrow(
      /^evidence-missing: .* reserved_until of shop\.orders: /,
    );
    expect(await scene.dump()).toEqual(before);
    await scene.pool.query(dropping);
    await withClient(scene.urls.write, (client) => client.query(script));
    expect(await scene.adapter.verify(item)).toEqual([]);
  });

  test('is seen where it is committed while the restore waits for the order', async () => {
    const { item } = await scene.wronglyCancelled();
    const patient = scene.open({ lockTimeoutMs: 4_000, statementTimeoutMs: 5_000 });
    await patient.readRows(item.orderId);
    await withClient(scene.database.url, async (deploy) => {
      await deploy.query('BEGIN');
      await deploy.query(adding);
      const restored = patient.restore(item, note);
      await isWaiting();
      await deploy.query('COMMIT');
      expect(await restored).toMatchObject({ outcome: 'refused', ...refusal });
    });
  });

  test('all of them are named, and only those of the order’s own tables', async () => {
    const { item } = await scene.wronglyCancelled();
    await scene.pool.query(adding);
    await scene.pool.query(
      `ALTER TABLE shop.payment ADD COLUMN "odd'one" text, ADD COLUMN gone text;
       ALTER TABLE shop.payment DROP COLUMN gone; ALTER TABLE shop.stock ADD COLUMN shelf text`,
    );
    expect(await scene.adapter.restore(item, note)).toMatchObject({
      outcome: 'refused',
      detail: expect.stringContaining(
        `no role to reserved_until of shop.orders, odd'one of shop.payment: `,
      ) as unknown,
    });
    await scene.pool.query(
      `ALTER TABLE shop.payment DROP COLUMN "odd'one"; ALTER TABLE shop.stock DROP COLUMN shelf`,
    );
  });

  test('may be ignored with a reason', async () => {
    const { orderId, item } = await clearedOrder();
    const profile = structuredClone(scene.profile);
    profile.tables['shop.orders']!.columns['reserved_until'] = { ignore: 'the shop sets it anew' };
    const again = scene.open({ profile });
    expect(await again.capabilities(orderId)).toEqual({ way: 'reopen' });
    expect(await again.restore(item, note)).toMatchObject({ outcome: 'applied' });
  });
});

/** Resolves once a session of the write role waits for a lock. */
async function isWaiting(): Promise<void> {
  const deadline = Date.now() + 3_000;
  for (;;) {
    const { rows } = await scene.pool.query(
      `SELECT FROM pg_stat_activity WHERE usename = $1 AND wait_event_type = 'Lock'`,
      [scene.roles.write],
    );
    if (rows.length > 0) return;
    if (Date.now() > deadline) throw new Error('the restore never waited');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
