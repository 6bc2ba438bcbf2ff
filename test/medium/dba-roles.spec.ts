import pg from 'pg';
import { STRIKES } from '../../demo/faults/ways.js';
import type { ShopDatabase } from '../../demo/shop/database.js';
import { ReplicationService } from '../../src/intake/replication/replication.service.js';
import { mapShop } from '../../src/intake/replication/interpret/shop-mapping.js';
import { SnapshotReader } from '../../src/intake/replication/source/snapshot-reader.js';
import type { Refusal } from '../../src/intake/replication/attach/judge-shop.js';
import { Fault } from '../../src/platform/errors.js';
import { ShopRegistry } from '../../src/shops/shop-registry.js';
import type { RestoreItem } from '../../src/shops/shop-adapter.js';
import { planOf } from '../support/adapter-scene.js';
import {
  credentialsOfDocument,
  dbaSql,
  rightsOf,
  tracesIn,
  type Right,
} from '../support/dba-document.js';
import { withClient } from '../support/postgres.js';
import { Scene } from './restore-scene.js';

/** The logins are made by the SQL of docs/for-your-dba.md, and taken away by it. */
describe('the four logins of the document', () => {
  let scene: Scene;
  let shop: ShopDatabase;
  let urls: Awaited<ReturnType<typeof credentialsOfDocument>>;
  let before: string[];

  beforeAll(async () => {
    scene = await Scene.create({
      credentialsOf: async (database) => {
        shop = database;
        // an owner of the tables who owned the database too could CREATE anyway
        await asDba(`ALTER DATABASE ${new URL(shop.url).pathname.slice(1)} OWNER TO CURRENT_USER`);
        before = await tracesIn(database);
        urls = await credentialsOfDocument(database);
        return urls;
      },
    });
  });

  afterAll(async () => {
    await scene.close();
  });

  const asDba = (sql: string) => withClient(shop.url, (client) => client.query(sql));
  const adapter = () => scene.get(ShopRegistry).get(scene.shopId).adapter;
  const errors = async () =>
    (await adapter().check()).faults
      .filter(({ severity }) => severity === 'error')
      .map(({ message }) => message);

  /** Runs the work while the right is taken away. */
  async function without<T>(right: Right, work: () => Promise<T>): Promise<T> {
    await asDba(right.revoke);
    try {
      return await work();
    } finally {
      await asDba(right.grant);
    }
  }

  /** A wrongly cancelled order, and what takes it back. */
  async function harmed(way: 'api' | 'steps'): Promise<RestoreItem> {
    const [orderId = ''] = await scene.placePaid([2]);
    const rowsBefore = (await adapter().readRows(orderId))!;
    await STRIKES[way](scene.shop, [orderId]);
    // a cancellation may change these, too; the shop's own ways do not
    await asDba(
      `UPDATE shop.orders SET shipping_minor = shipping_minor + 1, discount_minor = discount_minor + 1 WHERE id = ${orderId}`,
    );
    const after = (await adapter().readRows(orderId))!;
    const { profile } = scene.get(ShopRegistry).get(scene.shopId);
    return planOf(profile, orderId, { before: rowsBefore, after });
  }

  const note = () => Promise.resolve();

  it('are enough for the whole story: check, attach, stream, arm, restore', async () => {
    // attached, armed and followed by now
    const { faults } = await adapter().check();
    // the sample shop's audit is made of triggers
    expect(faults.filter(({ message }) => !message.startsWith('its trigger'))).toEqual([]);
    const orders = await scene.placePaid([1, 2]);
    const asPlaced = await scene.shopState();
    await asDba(`ALTER ROLE ${shop.roles.attach} NOLOGIN`);
    const incident = await scene.harm(orders, 'dba-story');
    const { runId } = await scene.started(incident);
    await scene.runUntil(runId, 'finished');
    expect(Object.values(await scene.itemStates(runId))).toEqual(['verified', 'verified']);
    expect(await scene.shopState()).toEqual(asPlaced);
    await asDba(`ALTER ROLE ${shop.roles.attach} LOGIN`);
  });

  it('each right of the write role is needed: check names the GRANT, which alone mends it', async () => {
    const rights = await rightsOf(shop.url, shop.roles.write);
    expect(rights.length).toBeGreaterThan(25);
    for (const right of rights) {
      const missing = await without(right, errors);
      expect({ [right.what]: missing }).toEqual({
        [right.what]: expect.arrayContaining([expect.stringContaining('GRANT ')]) as unknown,
      });
      if (right.what.includes('SCHEMA')) continue;
      await asDba(right.revoke);
      const named = missing.flatMap((message) => /GRANT .* TO "[^"]+"/.exec(message) ?? []);
      for (const grant of named) await asDba(grant);
      expect({ [right.what]: await errors() }).toEqual({ [right.what]: [] });
    }
    // what check named is what the document grants
    expect(await rightsOf(shop.url, shop.roles.write)).toEqual(rights);
  });

  it('a restore without one of its rights writes nothing, and says so', async () => {
    const items = [await harmed('api'), await harmed('steps')];
    const harm = await scene.shopState();
    const untouched: string[] = [];
    for (const right of await rightsOf(shop.url, shop.roles.write)) {
      const outcomes = await without(right, async () => {
        // a restore that goes through is taken back: the next right is tried on the same orders
        const tried = [];
        for (const item of items)
          tried.push(
            await adapter()
              .restore(item, () => Promise.reject(new Error('enough')))
              .catch(() => 'enough' as const),
          );
        return tried;
      });
      const denied = outcomes.filter((one) => one !== 'enough');
      expect(denied).toEqual(
        denied.map(
          () =>
            expect.objectContaining({ outcome: 'failed', reason: 'permission-denied' }) as unknown,
        ),
      );
      if (denied.length === 0) untouched.push(right.what);
    }
    expect(untouched).toEqual([]);
    expect(await scene.shopState()).toEqual(harm);
    for (const item of items)
      expect(await adapter().restore(item, note)).toMatchObject({ outcome: 'applied' });
  });

  it('each right of the read role is needed', async () => {
    const rights = await rightsOf(shop.url, shop.roles.read);
    expect(rights).toHaveLength(9);
    for (const right of rights) {
      const [, table = ''] = / ON TABLE (.*)$/.exec(right.what) ?? [];
      const missing = await without(right, errors);
      const named = table === '' ? 'GRANT USAGE' : `SELECT ON "${table.replace('.', '"."')}"`;
      expect({ [right.what]: missing.join('\n') }).toEqual({
        [right.what]: expect.stringContaining(named) as unknown,
      });
    }
  });

  it('may do nothing beyond', async () => {
    const denied = async (url: string, sql: string) =>
      withClient(url, (client) => client.query(sql)).then(
        () => `allowed: ${sql}`,
        (error: unknown) => (error instanceof pg.DatabaseError ? error.code : String(error)),
      );
    const beyond = [
      [urls.read, 'SELECT FROM shop.customer'],
      [urls.read, 'UPDATE shop.orders SET status = status'],
      [urls.read, 'SELECT FROM shop.orders FOR UPDATE'],
      [urls.write, 'SELECT FROM shop.customer'],
      [urls.write, 'SELECT FROM shop.product'],
      [urls.write, 'UPDATE shop.orders SET customer_id = customer_id'],
      [urls.write, 'UPDATE shop.payment SET amount_minor = amount_minor'],
      [urls.write, 'UPDATE shop.stock SET on_hand = on_hand'],
      [urls.write, 'DELETE FROM shop.stock_movement'],
      [urls.write, 'DELETE FROM shop.orders'],
      [urls.write, 'TRUNCATE shop.order_history'],
      [urls.write, 'INSERT INTO shop.refund DEFAULT VALUES'],
      [urls.write, 'CREATE TABLE shop.mine ()'],
      [urls.read, 'CREATE TABLE public.mine ()'],
      [urls.replicate, 'SELECT FROM shop.orders'],
    ] as const;
    const outcomes: (string | undefined)[] = [];
    for (const [url, sql] of beyond) outcomes.push(await denied(url, sql));
    expect(outcomes).toEqual(beyond.map(() => '42501'));
  });

  describe('once detached', () => {
    const service = () => scene.get(ReplicationService);
    const attach = { credential: '', allowUnboundedWal: false };

    async function refusals(): Promise<string[]> {
      try {
        await service().attach(scene.people.admin, scene.shopId, {
          ...attach,
          credential: urls.attach,
        });
        return [];
      } catch (fault) {
        if (!(fault instanceof Fault)) throw fault;
        const found = (fault.details.data?.['refusals'] ?? [fault]) as Refusal[];
        return found.map(({ code, message }) => `${code}: ${message}`);
      }
    }

    beforeAll(async () => {
      await service().detach(scene.people.admin, scene.shopId, {
        credential: urls.attach,
        forget: false,
      });
    });

    it('row security that applies to the read role: check names it, attach refuses, reading fails', async () => {
      const { read } = shop.roles;
      const { profile } = scene.get(ShopRegistry).get(scene.shopId);
      const told = async () =>
        (await adapter().check()).faults
          .filter(({ message }) => message.startsWith('row security'))
          .map(({ severity, where }) => `${severity} ${where}`);
      const where = 'tables["shop.refund"]';
      const filtered = {
        what: 'row security',
        // a policy that lets every row through is one all the same
        revoke: `ALTER TABLE shop.refund ENABLE ROW LEVEL SECURITY; CREATE POLICY all_rows ON shop.refund USING (true)`,
        grant: `DROP POLICY all_rows ON shop.refund; ALTER TABLE shop.refund DISABLE ROW LEVEL SECURITY; ALTER ROLE ${read} NOBYPASSRLS`,
      };
      await without(filtered, async () => {
        expect(await told()).toEqual([`error ${where}`]);
        expect(await refusals()).toEqual([
          expect.stringMatching(/^profile-fault: row security .* BYPASSRLS$/),
        ]);
        await withClient(shop.url, async (client) => {
          await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
          const { rows } = await client.query<{ name: string }>(
            'SELECT pg_export_snapshot() AS name',
          );
          const { signal } = new AbortController();
          const reader = await SnapshotReader.open(urls.read, rows[0]!.name, signal);
          const mapping = mapShop(profile);
          const chunks = reader.chunks(mapping, mapping.tables.get('shop.refund')!, 10);
          await expect(chunks.next()).rejects.toMatchObject({ code: '42501' });
          await reader.close();
        });
        await asDba(`ALTER ROLE ${read} BYPASSRLS`);
        // the write role, which is not asked before the shop is armed
        expect(await told()).toEqual([`warning ${where}`]);
      });
      expect(await told()).toEqual([]);
    });

    it('attach needs the owner and CREATE', async () => {
      const owner = shop.roles.owner;
      const owned = {
        what: 'the tables',
        grant: `GRANT ${owner} TO ${shop.roles.attach}`,
        revoke: `REVOKE ${owner} FROM ${shop.roles.attach}`,
      };
      expect(await without(owned, refusals)).toEqual([
        expect.stringMatching(/^may-not-publish: .*does not own shop\.order_history, /),
      ]);
      const [create, ...others] = await rightsOf(shop.url, shop.roles.attach);
      expect(others).toEqual([]);
      expect(await without(create!, refusals)).toEqual([
        expect.stringMatching(/^may-not-publish: .*CREATE in the database/),
      ]);
    });

    it('the replicate role reads no table, and needs REPLICATION alone', async () => {
      expect(await rightsOf(shop.url, shop.roles.replicate)).toEqual([]);
      await asDba(`ALTER ROLE ${shop.roles.replicate} NOREPLICATION`);
      expect(await refusals()).toEqual([expect.stringMatching(/^may-not-replicate: .*ALTER ROLE/)]);
      await asDba(`ALTER ROLE ${shop.roles.replicate} REPLICATION`);
      expect(await refusals()).toEqual([]);
      await service().detach(scene.people.admin, scene.shopId, {
        credential: urls.attach,
        forget: false,
      });
    });

    it('a managed service’s replication role is taken for REPLICATION', async () => {
      const { replicate } = shop.roles;
      await asDba(
        `CREATE ROLE rds_replication; GRANT rds_replication TO ${replicate}; ALTER ROLE ${replicate} NOREPLICATION`,
      );
      // this server itself knows nothing of such a role
      expect(await refusals()).toEqual([
        expect.stringMatching(/^shop-unreachable: .*SQLSTATE 42501/),
      ]);
      await asDba(`ALTER ROLE ${replicate} REPLICATION; DROP ROLE rds_replication`);
    });

    it('the document’s SQL takes the logins away, and nothing is left', async () => {
      await asDba(await dbaSql('Removal', shop));
      expect(await tracesIn(shop)).toEqual(before);
    });
  });
});
