import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { FAULT_WAYS } from '../../demo/faults/fault-report.js';
import type { RestoreItem } from '../../src/shops/shop-adapter.js';
import { AdapterScene, differences, leftBehind } from '../support/adapter-scene.js';
import { withClient } from '../support/postgres.js';

let scene: AdapterScene;

beforeAll(async () => {
  scene = await AdapterScene.create();
});

afterAll(async () => {
  await scene.close();
});

describe('the script for a DBA', () => {
  async function script(item: RestoreItem): Promise<string> {
    const text = await scene.adapter.renderSql([item]);
    expect(text.split('\n')[0]).toBe('\\set ON_ERROR_STOP on');
    return text.split('\n').slice(1).join('\n');
  }

  test.each(FAULT_WAYS)(
    'does the same by hand (%s), in whatever settings the session has',
    async (way) => {
      const { item, before } = await scene.wronglyCancelled(way);
      const sql = await script(item);
      await withClient(scene.urls.write, async (client) => {
        await client.query(
          `SET DateStyle = 'German'; SET TimeZone = 'America/New_York'; SET IntervalStyle = 'sql_standard'`,
        );
        await client.query(sql);
        const { rows } = await client.query<{ zone: string }>(
          `SELECT current_setting('TimeZone') AS zone`,
        );
        expect(rows).toEqual([{ zone: 'America/New_York' }]);
      });
      expect(differences(before, await scene.dump()).sort()).toEqual(leftBehind[way]);
      expect(await scene.adapter.verify(item)).toEqual([]);
      await expect(withClient(scene.urls.write, (client) => client.query(sql))).rejects.toThrow(
        /not-cancelled-any-more: its status is paid/,
      );
    },
  );

  test.each([
    [
      'stock-gone',
      'UPDATE shop.stock SET on_hand = allocated + 1 WHERE product_id = 9',
      'UPDATE shop.stock SET on_hand = 1000 WHERE product_id = 9',
    ],
    ['changed-since', `UPDATE shop.order_line SET quantity = 1 WHERE product_id = 9`, undefined],
  ])('stops with %s and writes nothing', async (reason, sql, undo) => {
    const { item } = await scene.wronglyCancelled('api', { productId: 9, quantity: 3 });
    const text = await script(item);
    await scene.pool.query(sql);
    const before = await scene.dump();
    await expect(withClient(scene.urls.write, (client) => client.query(text))).rejects.toThrow(
      new RegExp(`^${reason}: `),
    );
    expect(await scene.dump()).toEqual(before);
    if (undo !== undefined) await scene.pool.query(undo);
  });

  test('stops with invariant-broken and writes nothing', async () => {
    const { orderId, item } = await scene.wronglyCancelled('api');
    await scene.pool.query(`UPDATE shop.payment SET state = 'voided' WHERE order_id = $1`, [
      orderId,
    ]);
    const text = await script(await scene.plannedAnew(item));
    const before = await scene.dump();
    await expect(withClient(scene.urls.write, (client) => client.query(text))).rejects.toThrow(
      /^invariant-broken: /,
    );
    expect(await scene.dump()).toEqual(before);
  });

  /** psql where the machine has one; else a plain client, for which the first line is left out. */
  async function runByHand(text: string): Promise<void> {
    const psql = promisify(execFile)('psql', [
      '--no-psqlrc',
      '--quiet',
      '--file',
      '-',
      scene.urls.write,
    ]);
    psql.child.stdin?.on('error', () => undefined).end(text);
    try {
      await psql;
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ENOENT') throw error;
      const plain = text.split('\n').slice(1).join('\n');
      await withClient(scene.urls.write, (client) => client.query(plain));
    }
  }

  test('runs as a file, several orders one after the other, and stops at the first that cannot be', async () => {
    const [first, second, third] = [
      await scene.wronglyCancelled('api'),
      await scene.wronglyCancelled('steps'),
      await scene.wronglyCancelled('sql'),
    ];
    await scene.pool.query(`UPDATE shop.orders SET status = 'picking' WHERE id = $1`, [
      second.orderId,
    ]);
    const text = await scene.adapter.renderSql([first.item, second.item, third.item]);
    await expect(runByHand(text)).rejects.toThrow(/not-cancelled-any-more: its status is picking/);
    expect(await scene.adapter.verify(first.item)).toEqual([]);
    expect(await scene.adapter.verify(third.item)).not.toEqual([]);
    await runByHand(await scene.adapter.renderSql([third.item]));
    expect(await scene.adapter.verify(third.item)).toEqual([]);
  });
});
