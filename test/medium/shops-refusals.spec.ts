import type { PlannedChange, RestoreItem, RestoreOutcome } from '../../src/shops/shop-adapter.js';
import type { PostgresShopAdapter } from '../../src/shops/postgres/postgres-shop-adapter.js';
import { AdapterScene } from '../support/adapter-scene.js';
import { testServerUrl, withClient } from '../support/postgres.js';

const note = () => Promise.resolve();

let scene: AdapterScene;

beforeAll(async () => {
  scene = await AdapterScene.create();
});

afterAll(async () => {
  await scene.close();
});

const failed = (outcome: RestoreOutcome) =>
  outcome.outcome === 'failed' ? [outcome.reason, outcome.retry] : outcome;

describe('a restore is refused whole', () => {
  async function expectRefusal(item: RestoreItem, reason: string, detail: RegExp): Promise<void> {
    const before = await scene.dump();
    const outcome = await scene.adapter.restore(item, note);
    expect(outcome).toMatchObject({ outcome: 'refused', reason });
    expect((outcome as { detail: string }).detail).toMatch(detail);
    expect(await scene.dump()).toEqual(before);
  }

  test('where the stock has gone to someone else', async () => {
    const { item } = await scene.wronglyCancelled('api', { productId: 7, quantity: 3 });
    await scene.pool.query('UPDATE shop.stock SET on_hand = allocated + 2 WHERE product_id = 7');
    await expectRefusal(item, 'stock-gone', /shop\.stock 7\/LEJ: allocated cannot be moved by 3/);
    await scene.pool.query('UPDATE shop.stock SET on_hand = 1000 WHERE product_id = 7');
  });

  test('where a check of the shop itself says that the stock is gone', async () => {
    const { item } = await scene.wronglyCancelled('api', { productId: 8, quantity: 3 });
    await scene.pool.query('UPDATE shop.stock SET on_hand = allocated + 2 WHERE product_id = 8');
    const unguarded = item.changes.map((change) =>
      change.do === 'move' ? { ...change, maximum: null } : change,
    );
    await expectRefusal(
      { ...item, changes: unguarded },
      'stock-gone',
      /stock_allocated_is_on_hand/,
    );
    await scene.pool.query('UPDATE shop.stock SET on_hand = 1000 WHERE product_id = 8');
  });

  test('where a planned value has changed since, which is named', async () => {
    const { orderId, item } = await scene.wronglyCancelled();
    await scene.pool.query(
      `UPDATE shop.order_line SET quantity = 1 WHERE order_id = $1 AND product_id = 15`,
      [orderId],
    );
    await expectRefusal(item, 'changed-since', /shop\.order_line \d+: quantity$/);
  });

  test('where a planned row is gone', async () => {
    const { orderId, item } = await scene.wronglyCancelled();
    await scene.pool.query('DELETE FROM shop.shipping_line WHERE order_id = $1', [orderId]);
    await expectRefusal(item, 'changed-since', /shop\.shipping_line \d+: the row is gone/);
  });

  test('where the order is not cancelled any more, or was shipped', async () => {
    const { orderId, item } = await scene.wronglyCancelled('sql');
    await scene.pool.query(`UPDATE shop.orders SET status = 'picking' WHERE id = $1`, [orderId]);
    await expectRefusal(item, 'not-cancelled-any-more', /its status is picking/);
    await scene.pool.query(`UPDATE shop.orders SET status = 'shipped' WHERE id = $1`, [orderId]);
    await expectRefusal(item, 'shipped', /its status is shipped/);
  });

  test('where the order is gone', async () => {
    const { item } = await scene.wronglyCancelled('sql');
    await expectRefusal({ ...item, orderId: '999999' }, 'changed-since', /no such order/);
  });

  test('where a personal value is still sealed', async () => {
    const { orderId, item } = await scene.wronglyCancelled('sql');
    const sealed = { sealed: 'x', hash: 'y', keyOf: 'customer:1' };
    const change: PlannedChange = {
      do: 'set',
      table: 'shop.orders',
      key: [orderId],
      expected: { ship_name: sealed },
      to: { ship_name: sealed },
    };
    await expectRefusal({ ...item, changes: [change] }, 'evidence-missing', /sealed/);
  });
});

describe('a restore fails whole', () => {
  async function expectFailure(
    item: RestoreItem,
    expected: [reason: string, retry: boolean],
    detail: RegExp,
    by: PostgresShopAdapter = scene.adapter,
  ): Promise<void> {
    const before = await scene.dump();
    const outcome = await by.restore(item, note);
    expect(failed(outcome)).toEqual(expected);
    expect((outcome as { detail: string }).detail).toMatch(detail);
    expect(await scene.dump()).toEqual(before);
  }

  async function holding(sql: string, work: () => Promise<void>): Promise<void> {
    await withClient(scene.database.url, async (client) => {
      await client.query('BEGIN');
      await client.query(sql);
      await work();
      await client.query('ROLLBACK');
    });
  }

  test('where the order stays locked, after a short wait', async () => {
    const { orderId, item } = await scene.wronglyCancelled();
    await holding(`SELECT 1 FROM shop.orders WHERE id = ${orderId} FOR UPDATE`, async () => {
      const startedAt = performance.now();
      await expectFailure(item, ['locked', true], /55P03 \(lock the order/);
      expect(performance.now() - startedAt).toBeGreaterThan(290);
    });
    expect(await scene.adapter.restore(item, note)).toMatchObject({ outcome: 'applied' });
  });

  test.each([
    [
      'a payment',
      (orderId: string) => `SELECT 1 FROM shop.payment WHERE order_id = ${orderId} FOR UPDATE`,
    ],
    ['a counter', () => `SELECT 1 FROM shop.stock WHERE product_id = 15 FOR UPDATE`],
  ])('at once where %s is locked while it holds the order', async (_what, sql) => {
    const { orderId, item } = await scene.wronglyCancelled();
    const patient = scene.open({ lockTimeoutMs: 8_000, statementTimeoutMs: 10_000 });
    await holding(sql(orderId), async () => {
      const startedAt = performance.now();
      await expectFailure(item, ['locked', true], /55P03/, patient);
      expect(performance.now() - startedAt).toBeLessThan(7_000);
    });
  });

  test('never makes the shop the victim of a deadlock', async () => {
    const { orderId, item } = await scene.wronglyCancelled();
    await withClient(scene.database.url, async (client) => {
      await client.query('BEGIN');
      await client.query(`SELECT 1 FROM shop.stock WHERE product_id = 15 FOR UPDATE`);
      const [outcome] = await Promise.all([
        scene.adapter.restore(item, note),
        new Promise((resolve) => setTimeout(resolve, 20)).then(() =>
          client.query(`SELECT 1 FROM shop.orders WHERE id = $1 FOR UPDATE`, [orderId]),
        ),
      ]);
      expect(failed(outcome)).toEqual(['locked', true]);
      await client.query('COMMIT');
    });
  });

  test('where an invariant would be broken', async () => {
    const { orderId, item } = await scene.wronglyCancelled('sql');
    await scene.pool.query(`UPDATE shop.payment SET state = 'voided' WHERE order_id = $1`, [
      orderId,
    ]);
    const voided = await scene.plannedAnew(item);
    await expectFailure(voided, ['invariant-broken', false], /the money held is the total/);
  });

  test('where an invariant would write, which it must not', async () => {
    await scene.pool.query(
      `CREATE FUNCTION shop.sly() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$
       BEGIN UPDATE shop.payment SET note = 'sly'; RETURN true; END $$`,
    );
    const draft = structuredClone(scene.profile);
    draft.invariants.push({ name: 'sly', sql: 'SELECT shop.sly() WHERE $1 IS NOT NULL' });
    const { item } = await scene.wronglyCancelled();
    const sly = scene.open({ profile: draft });
    await expectFailure(item, ['shop-error', false], /25006 \(invariant: sly/, sly);
    await scene.pool.query('DROP FUNCTION shop.sly');
  });

  test('where it lacks a right', async () => {
    const { item } = await scene.wronglyCancelled();
    await scene.pool.query(`REVOKE INSERT ON shop.order_history FROM ${scene.roles.write}`);
    await expectFailure(
      item,
      ['permission-denied', false],
      /42501 \(add a row to shop\.order_history/,
    );
    await scene.pool.query(`GRANT INSERT ON shop.order_history TO ${scene.roles.write}`);
    expect(await scene.adapter.restore(item, note)).toMatchObject({ outcome: 'applied' });
  });

  /** A trigger of the shop's own, for the time of one test. */
  async function withTrigger(
    { table, when, body }: { table: string; when: string; body: string },
    work: () => Promise<void>,
  ): Promise<void> {
    await scene.pool.query(
      `CREATE FUNCTION shop.meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body} END $$`,
    );
    await scene.pool.query(
      `CREATE TRIGGER meddle ${when} ON ${table} FOR EACH ROW EXECUTE FUNCTION shop.meddle()`,
    );
    try {
      await work();
    } finally {
      await scene.pool.query('DROP FUNCTION shop.meddle CASCADE');
    }
  }

  test('where a trigger applies a change twice', async () => {
    const { item } = await scene.wronglyCancelled();
    const body = `UPDATE shop.stock SET allocated = allocated + NEW.quantity WHERE product_id = NEW.product_id; RETURN NULL;`;
    await withTrigger({ table: 'shop.stock_movement', when: 'AFTER INSERT', body }, () =>
      expectFailure(item, ['read-back-differs', false], /shop\.stock \d+\/LEJ: allocated/),
    );
  });

  test('where a trigger changes a value, or swallows a write', async () => {
    const { item } = await scene.wronglyCancelled();
    const rounds = `NEW.total_minor := NEW.total_minor + 1; NEW.discount_minor := NEW.discount_minor - 1; RETURN NEW;`;
    await withTrigger({ table: 'shop.orders', when: 'BEFORE UPDATE', body: rounds }, () =>
      expectFailure(item, ['read-back-differs', false], /shop\.orders \d+: total_minor/),
    );
    await withTrigger(
      { table: 'shop.order_line', when: 'BEFORE UPDATE', body: 'RETURN NULL;' },
      () => expectFailure(item, ['read-back-differs', false], /was not written/),
    );
  });

  test('where the shop refuses, without quoting what it says', async () => {
    const { item } = await scene.wronglyCancelled();
    const body = `RAISE EXCEPTION 'no: %', NEW.ship_name; RETURN NEW;`;
    await withTrigger({ table: 'shop.orders', when: 'BEFORE UPDATE', body }, async () => {
      await expectFailure(item, ['shop-error', false], /P0001/);
      const outcome = await scene.adapter.restore(item, note);
      expect(JSON.stringify(outcome)).not.toContain('Neil');
    });
  });

  test('where the shop is too slow', async () => {
    const { item } = await scene.wronglyCancelled();
    const hasty = scene.open({ statementTimeoutMs: 200 });
    await withTrigger(
      { table: 'shop.orders', when: 'BEFORE UPDATE', body: 'PERFORM pg_sleep(1); RETURN NEW;' },
      () => expectFailure(item, ['timeout', true], /57014/, hasty),
    );
    const hastier = scene.open({ transactionTimeoutMs: 300 });
    await withTrigger(
      { table: 'shop.orders', when: 'BEFORE UPDATE', body: 'PERFORM pg_sleep(0.6); RETURN NEW;' },
      () => expectFailure(item, ['timeout', true], /./, hastier),
    );
  });

  test('where the shop cannot be reached', async () => {
    const { item } = await scene.wronglyCancelled('sql');
    const nowhere = new URL(scene.urls.write);
    nowhere.port = '1';
    await expectFailure(
      item,
      ['unreachable', true],
      /no answer/,
      scene.open({ writeUrl: nowhere.href }),
    );
    const wrongPassword = new URL(scene.urls.write);
    wrongPassword.password = 'wrong';
    await expectFailure(
      item,
      ['permission-denied', false],
      /28P01/,
      scene.open({ writeUrl: wrongPassword.href }),
    );
  });

  test('where the shop is not armed, and then the write credential is not used', async () => {
    const { item } = await scene.wronglyCancelled('sql');
    const unused = scene.open({
      writeUrl: testServerUrl(scene.database.name, { user: 'nobody_there', password: 'x' }),
      mayWrite: () => Promise.resolve(false),
    });
    await expectFailure(item, ['permission-denied', false], /not armed/, unused);
    await expectFailure(
      item,
      ['permission-denied', false],
      /no write credential/,
      scene.open({ writeUrl: undefined }),
    );
  });

  test('where our own note of the transaction cannot be written, which is passed on', async () => {
    const { item } = await scene.wronglyCancelled();
    const before = await scene.dump();
    await expect(
      scene.adapter.restore(item, () => Promise.reject(new Error('our database is down'))),
    ).rejects.toThrow('our database is down');
    expect(await scene.dump()).toEqual(before);
    expect(await scene.adapter.restore(item, note)).toMatchObject({ outcome: 'applied' });
  });

  test('where a deferred check of the shop fails at COMMIT', async () => {
    const { item } = await scene.wronglyCancelled('sql');
    await scene.pool.query(
      `CREATE FUNCTION shop.late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'late' USING ERRCODE = '23514'; END $$`,
    );
    await scene.pool.query(
      `CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON shop.orders DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION shop.late()`,
    );
    await expectFailure(item, ['invariant-broken', false], /23514 \(commit\)/);
    await scene.pool.query('DROP FUNCTION shop.late CASCADE');
  });
});
