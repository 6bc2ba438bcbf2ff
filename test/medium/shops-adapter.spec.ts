import { execFile } from 'node:child_process';
import { createServer, connect, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import pg from 'pg';
import { FAULT_WAYS, type FaultWay } from '../../demo/faults/fault-report.js';
import { STRIKES } from '../../demo/faults/ways.js';
import { PRODUCTS } from '../../demo/shop/catalogue.js';
import { pickOrder, shipOrder } from '../../demo/shop/fulfil-order.js';
import { payOrder, refundOrder } from '../../demo/shop/pay-order.js';
import { createCart, placeCart } from '../../demo/shop/place-order.js';
import { SHOP_SCHEMA_SQL, SHOP_TABLES } from '../../demo/shop/schema.js';
import { inTransaction } from '../../demo/shop/transaction.js';
import type { ColumnValue, RowImage } from '../../src/orders/row-change.js';
import { PostgresShopAdapter } from '../../src/shops/postgres/postgres-shop-adapter.js';
import { loadProfile } from '../../src/shops/profile-file.js';
import { profileSchema, type Profile } from '../../src/shops/profile.js';
import type {
  InsertedValue,
  PlannedChange,
  RestoreItem,
  RestoreOutcome,
} from '../../src/shops/shop-adapter.js';
import {
  createTestDatabase,
  testServerUrl,
  withClient,
  type TestDatabase,
} from '../support/postgres.js';

const actor = { kind: 'staff', name: 'warehouse' } as const;
const note = () => Promise.resolve();
type Rows = ReadonlyMap<string, readonly RowImage[]>;
type Dump = Record<string, Record<string, Record<string, string | null>>>;

let database: TestDatabase;
let pool: pg.Pool;
let profile: Profile;
let adapter: PostgresShopAdapter;
let urls: { read: string; write: string };
let roles: { read: string; write: string };
const opened: PostgresShopAdapter[] = [];

beforeAll(async () => {
  ({ profile } = await loadProfile('sample-shop', { directory: '.' }));
  database = await createTestDatabase();
  roles = { read: `${database.name}_read`, write: `${database.name}_write` };
  urls = {
    read: testServerUrl(database.name, { user: roles.read, password: 'r' }),
    write: testServerUrl(database.name, { user: roles.write, password: 'w' }),
  };
  pool = new pg.Pool({ connectionString: database.url });
  await pool.query(SHOP_SCHEMA_SQL);
  await pool.query(`
    CREATE ROLE ${roles.read} LOGIN PASSWORD 'r'; CREATE ROLE ${roles.write} LOGIN PASSWORD 'w';
    GRANT USAGE ON SCHEMA shop TO ${roles.read}, ${roles.write};
    GRANT SELECT ON ALL TABLES IN SCHEMA shop TO ${roles.read}, ${roles.write};
    GRANT UPDATE ON shop.orders, shop.order_line, shop.shipping_line, shop.payment, shop.stock TO ${roles.write};
    GRANT INSERT ON shop.stock_movement, shop.order_history TO ${roles.write};`);
  await pool.query(
    `INSERT INTO shop.customer (id, name, email, street, postal_code, city, region, country)
     VALUES (1, 'Ada', 'ada@example.test', 'S 1', '10115', 'Berlin', 'BE', 'DE')`,
  );
  for (const { id, sku, name, priceMinor, taxRateBasisPoints } of PRODUCTS)
    await pool.query('INSERT INTO shop.product VALUES ($1, $2, $3, $4, $5)', [
      id,
      sku,
      name,
      priceMinor,
      taxRateBasisPoints,
    ]);
  await pool.query(`INSERT INTO shop.stock SELECT id, 'LEJ', 1000, 0 FROM shop.product`);
  adapter = openAdapter();
});

afterAll(async () => {
  await Promise.all(opened.map((one) => one.close()));
  await pool.end();
  await database.drop();
  await withClient(testServerUrl('postgres'), (client) =>
    client.query(`DROP ROLE ${roles.read}; DROP ROLE ${roles.write}`),
  );
});

function openAdapter(
  changed: Partial<ConstructorParameters<typeof PostgresShopAdapter>[0]> = {},
): PostgresShopAdapter {
  const one = new PostgresShopAdapter({
    profile,
    readUrl: urls.read,
    writeUrl: urls.write,
    lockTimeoutMs: 300,
    statementTimeoutMs: 2_000,
    transactionTimeoutMs: 5_000,
    concurrency: 4,
    mayWrite: () => Promise.resolve(true),
    ...changed,
  });
  opened.push(one);
  return one;
}

/** A paid order of two lines, through the shop's own code. */
async function buy(options: { productId?: number; quantity?: number } = {}): Promise<string> {
  const { productId = 1, quantity = 2 } = options;
  return inTransaction(pool, async (tx) => {
    const orderId = await createCart(tx, {
      customerId: 1,
      lines: [
        { productId, quantity },
        { productId: 15, quantity: 1 },
      ],
      couponCode: 'WELCOME10',
      deliveryMethod: 'express',
      promisedDate: '2026-12-01',
      slotStartsAt: '2026-12-01T08:00:00.123456Z',
      slotEndsAt: '2026-12-01T10:00:00Z',
      paymentMethod: 'card',
      channel: 'web',
      appVersion: '1.2',
      warehouse: 'LEJ',
      shipTo: { name: "O'Neil \\ Söhne", street: 'S 1', postalCode: '10115', city: 'Berlin' },
      contact: { email: 'ada@example.test', phone: null },
      region: 'BE',
      country: 'DE',
    });
    expect(await placeCart(tx, orderId)).toMatchObject({ done: true });
    expect(await payOrder(tx, orderId)).toMatchObject({ done: true });
    return orderId;
  });
}

/** Rows are read in the clear, and keys and quantities are never NULL. */
function text(value: ColumnValue | undefined): string {
  if (typeof value !== 'string') throw new Error('not a text');
  return value;
}

async function rowsOf(orderId: string): Promise<Rows> {
  return (await adapter.readRows(orderId))!;
}

/** What a planner would make of the rows on either side of a cancellation. */
function planOf(orderId: string, { before, after }: { before: Rows; after: Rows }): RestoreItem {
  const changes: PlannedChange[] = [];
  for (const [table, mapping] of Object.entries(profile.tables)) {
    const keyOf = (row: RowImage) => mapping.key.map((column) => text(row[column]));
    const old = new Map((before.get(table) ?? []).map((row) => [keyOf(row).join('/'), row]));
    for (const row of after.get(table) ?? []) {
      const was = old.get(keyOf(row).join('/'));
      if (was === undefined) continue;
      const back = Object.keys(was).filter(
        (column) => mapping.columns[column] === 'value' && was[column] !== row[column],
      );
      if (back.length === 0) continue;
      const pick = (image: RowImage) =>
        Object.fromEntries(back.map((column) => [column, image[column] ?? null]));
      changes.push({ do: 'set', table, key: keyOf(row), expected: pick(row), to: pick(was) });
    }
  }
  const known = new Set((before.get('shop.stock_movement') ?? []).map(({ id }) => id));
  const released = (after.get('shop.stock_movement') ?? []).filter(({ id }) => !known.has(id));
  for (const { id, order_line_id, product_id, warehouse, quantity } of released) {
    const key = [text(product_id), text(warehouse)];
    changes.push(
      {
        do: 'move',
        table: 'shop.stock',
        key,
        column: 'allocated',
        amount: text(quantity),
        minimum: 0,
        maximum: 'on_hand',
      },
      {
        do: 'insert',
        table: 'shop.stock_movement',
        row: { order_line_id, product_id, warehouse, kind: 'ALLOCATE', quantity } as Record<
          string,
          InsertedValue
        >,
        compensates: [text(id)],
      },
    );
  }
  const history = {
    order_id: orderId,
    type: 'STATUS',
    from_status: 'cancelled',
    to_status: 'paid',
  };
  changes.push({
    do: 'insert',
    table: 'shop.order_history',
    row: {
      ...history,
      actor_kind: 'system',
      actor: 'reinstate',
      reason: null,
      created_at: { at: 'restore' },
    },
    compensates: null,
  });
  return {
    itemId: crypto.randomUUID(),
    action: 'restore',
    orderId,
    expectedStatus: 'cancelled',
    changes,
  };
}

/** A wrongly cancelled order, the plan that takes it back, and the whole shop before it was hit. */
async function wronglyCancelled(
  way: FaultWay = 'api',
  options: Parameters<typeof buy>[0] = {},
): Promise<{ orderId: string; item: RestoreItem; before: Dump }> {
  const orderId = await buy(options);
  const before = await dump();
  const rowsBefore = await rowsOf(orderId);
  const [struck] = await STRIKES[way](pool, [orderId]);
  expect(struck).toMatchObject({ cancelled: true });
  return {
    orderId,
    before,
    item: planOf(orderId, { before: rowsBefore, after: await rowsOf(orderId) }),
  };
}

/** Every table, by key, as text. */
async function dump(): Promise<Dump> {
  const tables: Dump = {};
  await withClient(database.url, async (client) => {
    for (const table of SHOP_TABLES) {
      const { rows } = await client.query<{ row: Record<string, unknown> }>(
        `SELECT to_jsonb(t) AS row FROM shop.${table} t`,
      );
      tables[table] = Object.fromEntries(
        rows.map(({ row }) => [
          table === 'stock'
            ? `${String(row['product_id'])}/${String(row['warehouse'])}`
            : String(row['id']),
          Object.fromEntries(
            Object.entries(row).map(([name, value]) => [name, JSON.stringify(value)]),
          ),
        ]),
      );
    }
  });
  return tables;
}

/** What differs, but for the columns that a restore moves on: `table key column`, or `table +n` for added rows. */
function differences(before: Dump, after: Dump): string[] {
  return Object.entries(after).flatMap(([table, rows]) => {
    const old = before[table] ?? {};
    const added = Object.keys(rows).filter((key) => !(key in old)).length;
    const changed = Object.entries(old).flatMap(([key, row]) =>
      Object.keys(row)
        .filter((column) => !['updated_at', 'version'].includes(column))
        .filter((column) => row[column] !== rows[key]?.[column])
        .map((column) => `${table} ${key} ${column}`),
    );
    return added === 0 ? changed : [...changed, `${table} +${added}`];
  });
}

const failed = (outcome: RestoreOutcome) =>
  outcome.outcome === 'failed' ? [outcome.reason, outcome.retry] : outcome;

describe('restore', () => {
  test.each(FAULT_WAYS)('gives back an order cancelled by the way %s, whole', async (way) => {
    const { orderId, item, before } = await wronglyCancelled(way);
    const versionBefore = Number(before['orders']![orderId]!['version']);
    expect(differences(before, await dump())).not.toEqual([]);

    let noted: unknown;
    const outcome = await adapter.restore(item, (transaction) => {
      noted = transaction;
      return Promise.resolve();
    });
    expect(outcome).toMatchObject({ outcome: 'applied' });
    expect(outcome).toMatchObject(noted as object);

    const after = await dump();
    const released = way === 'sql' ? [] : ['stock_movement +4'];
    const added = way === 'sql' ? 1 : 3;
    expect(differences(before, after).sort()).toEqual(
      [...released, `order_history +${added}`].sort(),
    );
    expect(Number(after['orders']![orderId]!['version'])).toBeGreaterThan(versionBefore);
    expect(await adapter.verify(item)).toEqual([]);
    expect(await adapter.read(orderId)).toMatchObject({ status: 'paid', state: 'open' });
    await inTransaction(pool, async (tx) => {
      expect(await pickOrder(tx, { orderId, actor })).toMatchObject({ done: true });
      expect(await shipOrder(tx, { orderId, actor })).toMatchObject({ done: true });
    });
  });

  test('the same item again is refused, never doubled', async () => {
    const { item } = await wronglyCancelled();
    expect(await adapter.restore(item, note)).toMatchObject({ outcome: 'applied' });
    const after = await dump();
    expect(await adapter.restore(item, note)).toMatchObject({
      outcome: 'refused',
      reason: 'not-cancelled-any-more',
    });
    expect(await dump()).toEqual(after);
  });

  test('of two at once one is applied and one refused', async () => {
    const { item } = await wronglyCancelled();
    const outcomes = await Promise.all([adapter.restore(item, note), adapter.restore(item, note)]);
    expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(['applied', 'refused']);
  });

  test('many orders side by side that share their counters all come back in the end', async () => {
    const orders = [];
    for (let index = 0; index < 8; index += 1) orders.push(await wronglyCancelled('api'));
    const attempt = async (item: RestoreItem): Promise<RestoreOutcome> => {
      const outcome = await adapter.restore(item, note);
      return outcome.outcome === 'failed' && outcome.retry ? attempt(item) : outcome;
    };
    const outcomes = await Promise.all(orders.map(({ item }) => attempt(item)));
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(orders.map(() => 'applied'));
    const { rows } = await pool.query<{ wrong: string }>(
      `SELECT count(*) AS wrong FROM shop.stock s WHERE s.allocated <> (
         SELECT coalesce(sum(CASE kind WHEN 'ALLOCATE' THEN quantity ELSE -quantity END), 0)
           FROM shop.stock_movement m WHERE m.product_id = s.product_id AND kind IN ('ALLOCATE', 'RELEASE', 'SHIP'))`,
    );
    expect(rows).toEqual([{ wrong: '0' }]);
  });

  test('an undo gives back the cancelled order, ledger rows and all', async () => {
    const { orderId, item } = await wronglyCancelled('api');
    const rowsCancelled = await rowsOf(orderId);
    const cancelled = await dump();
    await adapter.restore(item, note);
    const undo: RestoreItem = {
      itemId: crypto.randomUUID(),
      action: 'undo',
      orderId,
      expectedStatus: 'paid',
      changes: item.changes.flatMap((change): PlannedChange[] => {
        if (change.do === 'set') return [{ ...change, expected: change.to, to: change.expected }];
        if (change.do === 'move') return [{ ...change, amount: `-${change.amount}` }];
        if (change.do !== 'insert' || change.compensates === null) return [];
        return [{ ...change, row: { ...change.row, kind: 'RELEASE' } }];
      }),
    };
    expect(await adapter.restore(undo, note)).toMatchObject({ outcome: 'applied' });
    expect(differences(cancelled, await dump())).toEqual(['stock_movement +4', 'order_history +1']);
    expect((await rowsOf(orderId)).get('shop.order_line')).toEqual(
      rowsCancelled.get('shop.order_line'),
    );
    expect(await adapter.restore(undo, note)).toMatchObject({ reason: 'changed-since' });
  });

  test('leaves the mark in the log, and an id by which its outcome can be asked for', async () => {
    const { item } = await wronglyCancelled('sql');
    const slot = `${database.name}_mark`;
    await pool.query(`CREATE PUBLICATION marks FOR TABLE shop.orders`);
    await pool.query(`SELECT pg_create_logical_replication_slot($1, 'pgoutput')`, [slot]);
    try {
      const outcome = await adapter.restore(item, note);
      const { rows } = await pool.query<{ data: Buffer }>(
        `SELECT data FROM pg_logical_slot_get_binary_changes($1, NULL, NULL, 'proto_version', '1', 'publication_names', 'marks', 'messages', 'true')`,
        [slot],
      );
      const messages = rows
        .map(({ data }) => data.toString('latin1'))
        .filter((text) => text.startsWith('M'));
      expect(messages).toHaveLength(1);
      expect(messages[0]).toContain(JSON.stringify({ action: 'restore', itemId: item.itemId }));
      const noted = outcome as { transactionId: number; incarnation: string };
      expect(await adapter.outcomeOf(noted)).toBe('committed');
      expect(await adapter.outcomeOf({ ...noted, incarnation: '1/1' })).toBe('unknown');
      expect(await adapter.outcomeOf({ ...noted, transactionId: 2 ** 40 })).toBe('unknown');
    } finally {
      await pool.query(`SELECT pg_drop_replication_slot($1)`, [slot]);
      await pool.query(`DROP PUBLICATION marks`);
    }
  });
});

describe('a restore is refused whole', () => {
  async function expectRefusal(item: RestoreItem, reason: string, detail: RegExp): Promise<void> {
    const before = await dump();
    const outcome = await adapter.restore(item, note);
    expect(outcome).toMatchObject({ outcome: 'refused', reason });
    expect((outcome as { detail: string }).detail).toMatch(detail);
    expect(await dump()).toEqual(before);
  }

  test('where the stock has gone to someone else', async () => {
    const { item } = await wronglyCancelled('api', { productId: 7, quantity: 3 });
    await pool.query('UPDATE shop.stock SET on_hand = allocated + 2 WHERE product_id = 7');
    await expectRefusal(item, 'stock-gone', /shop\.stock 7\/LEJ: allocated cannot be moved by 3/);
    await pool.query('UPDATE shop.stock SET on_hand = 1000 WHERE product_id = 7');
  });

  test('where a check of the shop itself says that the stock is gone', async () => {
    const { item } = await wronglyCancelled('api', { productId: 8, quantity: 3 });
    await pool.query('UPDATE shop.stock SET on_hand = allocated + 2 WHERE product_id = 8');
    const unguarded = item.changes.map((change) =>
      change.do === 'move' ? { ...change, maximum: null } : change,
    );
    await expectRefusal(
      { ...item, changes: unguarded },
      'stock-gone',
      /stock_allocated_is_on_hand/,
    );
    await pool.query('UPDATE shop.stock SET on_hand = 1000 WHERE product_id = 8');
  });

  test('where a planned value has changed since, which is named', async () => {
    const { orderId, item } = await wronglyCancelled();
    await pool.query(
      `UPDATE shop.order_line SET quantity = 1 WHERE order_id = $1 AND product_id = 15`,
      [orderId],
    );
    await expectRefusal(item, 'changed-since', /shop\.order_line \d+: quantity$/);
  });

  test('where a planned row is gone', async () => {
    const { orderId, item } = await wronglyCancelled();
    await pool.query('DELETE FROM shop.shipping_line WHERE order_id = $1', [orderId]);
    await expectRefusal(item, 'changed-since', /shop\.shipping_line \d+: the row is gone/);
  });

  test('where the order is not cancelled any more, or was shipped', async () => {
    const { orderId, item } = await wronglyCancelled('sql');
    await pool.query(`UPDATE shop.orders SET status = 'picking' WHERE id = $1`, [orderId]);
    await expectRefusal(item, 'not-cancelled-any-more', /its status is picking/);
    await pool.query(`UPDATE shop.orders SET status = 'shipped' WHERE id = $1`, [orderId]);
    await expectRefusal(item, 'shipped', /its status is shipped/);
  });

  test('where the order is gone', async () => {
    const { item } = await wronglyCancelled('sql');
    await expectRefusal({ ...item, orderId: '999999' }, 'changed-since', /no such order/);
  });

  test('where a personal value is still sealed', async () => {
    const { orderId, item } = await wronglyCancelled('sql');
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
    by: PostgresShopAdapter = adapter,
  ): Promise<void> {
    const before = await dump();
    const outcome = await by.restore(item, note);
    expect(failed(outcome)).toEqual(expected);
    expect((outcome as { detail: string }).detail).toMatch(detail);
    expect(await dump()).toEqual(before);
  }

  async function holding(sql: string, work: () => Promise<void>): Promise<void> {
    await withClient(database.url, async (client) => {
      await client.query('BEGIN');
      await client.query(sql);
      await work();
      await client.query('ROLLBACK');
    });
  }

  test('where the order stays locked, after a short wait', async () => {
    const { orderId, item } = await wronglyCancelled();
    await holding(`SELECT 1 FROM shop.orders WHERE id = ${orderId} FOR UPDATE`, async () => {
      const startedAt = performance.now();
      await expectFailure(item, ['locked', true], /55P03 \(lock the order/);
      expect(performance.now() - startedAt).toBeGreaterThan(290);
    });
    expect(await adapter.restore(item, note)).toMatchObject({ outcome: 'applied' });
  });

  test.each([
    [
      'a payment',
      (orderId: string) => `SELECT 1 FROM shop.payment WHERE order_id = ${orderId} FOR UPDATE`,
    ],
    ['a counter', () => `SELECT 1 FROM shop.stock WHERE product_id = 15 FOR UPDATE`],
  ])('at once where %s is locked while it holds the order', async (_what, sql) => {
    const { orderId, item } = await wronglyCancelled();
    const patient = openAdapter({ lockTimeoutMs: 8_000, statementTimeoutMs: 10_000 });
    await holding(sql(orderId), async () => {
      const startedAt = performance.now();
      await expectFailure(item, ['locked', true], /55P03/, patient);
      expect(performance.now() - startedAt).toBeLessThan(7_000);
    });
  });

  test('never makes the shop the victim of a deadlock', async () => {
    const { orderId, item } = await wronglyCancelled();
    await withClient(database.url, async (client) => {
      await client.query('BEGIN');
      await client.query(`SELECT 1 FROM shop.stock WHERE product_id = 15 FOR UPDATE`);
      const [outcome] = await Promise.all([
        adapter.restore(item, note),
        new Promise((resolve) => setTimeout(resolve, 20)).then(() =>
          client.query(`SELECT 1 FROM shop.orders WHERE id = $1 FOR UPDATE`, [orderId]),
        ),
      ]);
      expect(failed(outcome)).toEqual(['locked', true]);
      await client.query('COMMIT');
    });
  });

  test('where an invariant would be broken', async () => {
    const { orderId, item } = await wronglyCancelled('sql');
    await pool.query(`UPDATE shop.payment SET state = 'voided' WHERE order_id = $1`, [orderId]);
    await expectFailure(item, ['invariant-broken', false], /the money held is the total/);
  });

  test('where it lacks a right', async () => {
    const { item } = await wronglyCancelled();
    await pool.query(`REVOKE INSERT ON shop.order_history FROM ${roles.write}`);
    await expectFailure(
      item,
      ['permission-denied', false],
      /42501 \(add a row to shop\.order_history/,
    );
    await pool.query(`GRANT INSERT ON shop.order_history TO ${roles.write}`);
    expect(await adapter.restore(item, note)).toMatchObject({ outcome: 'applied' });
  });

  /** A trigger of the shop's own, for the time of one test. */
  async function withTrigger(
    { table, when, body }: { table: string; when: string; body: string },
    work: () => Promise<void>,
  ): Promise<void> {
    await pool.query(
      `CREATE FUNCTION shop.meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body} END $$`,
    );
    await pool.query(
      `CREATE TRIGGER meddle ${when} ON ${table} FOR EACH ROW EXECUTE FUNCTION shop.meddle()`,
    );
    try {
      await work();
    } finally {
      await pool.query('DROP FUNCTION shop.meddle CASCADE');
    }
  }

  test('where a trigger applies a change twice', async () => {
    const { item } = await wronglyCancelled();
    const body = `UPDATE shop.stock SET allocated = allocated + NEW.quantity WHERE product_id = NEW.product_id; RETURN NULL;`;
    await withTrigger({ table: 'shop.stock_movement', when: 'AFTER INSERT', body }, () =>
      expectFailure(item, ['read-back-differs', false], /shop\.stock \d+\/LEJ: allocated/),
    );
  });

  test('where a trigger changes a value, or swallows a write', async () => {
    const { item } = await wronglyCancelled();
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
    const { item } = await wronglyCancelled();
    const body = `RAISE EXCEPTION 'no: %', NEW.ship_name; RETURN NEW;`;
    await withTrigger({ table: 'shop.orders', when: 'BEFORE UPDATE', body }, async () => {
      await expectFailure(item, ['shop-error', false], /P0001/);
      const outcome = await adapter.restore(item, note);
      expect(JSON.stringify(outcome)).not.toContain('Neil');
    });
  });

  test('where the shop is too slow', async () => {
    const { item } = await wronglyCancelled();
    const hasty = openAdapter({ statementTimeoutMs: 200 });
    await withTrigger(
      { table: 'shop.orders', when: 'BEFORE UPDATE', body: 'PERFORM pg_sleep(1); RETURN NEW;' },
      () => expectFailure(item, ['timeout', true], /57014/, hasty),
    );
    const hastier = openAdapter({ transactionTimeoutMs: 300 });
    await withTrigger(
      { table: 'shop.orders', when: 'BEFORE UPDATE', body: 'PERFORM pg_sleep(0.6); RETURN NEW;' },
      () => expectFailure(item, ['timeout', true], /./, hastier),
    );
  });

  test('where the shop cannot be reached', async () => {
    const { item } = await wronglyCancelled('sql');
    const nowhere = new URL(urls.write);
    nowhere.port = '1';
    await expectFailure(
      item,
      ['unreachable', true],
      /no answer/,
      openAdapter({ writeUrl: nowhere.href }),
    );
    const wrongPassword = new URL(urls.write);
    wrongPassword.password = 'wrong';
    await expectFailure(
      item,
      ['permission-denied', false],
      /28P01/,
      openAdapter({ writeUrl: wrongPassword.href }),
    );
  });

  test('where the shop is not armed, and then the write credential is not used', async () => {
    const { item } = await wronglyCancelled('sql');
    const unused = openAdapter({
      writeUrl: testServerUrl(database.name, { user: 'nobody_there', password: 'x' }),
      mayWrite: () => Promise.resolve(false),
    });
    await expectFailure(item, ['permission-denied', false], /not armed/, unused);
    await expectFailure(
      item,
      ['permission-denied', false],
      /no write credential/,
      openAdapter({ writeUrl: undefined }),
    );
  });

  test('where our own note of the transaction cannot be written, which is passed on', async () => {
    const { item } = await wronglyCancelled();
    const before = await dump();
    await expect(
      adapter.restore(item, () => Promise.reject(new Error('our database is down'))),
    ).rejects.toThrow('our database is down');
    expect(await dump()).toEqual(before);
    expect(await adapter.restore(item, note)).toMatchObject({ outcome: 'applied' });
  });

  test('where a deferred check of the shop fails at COMMIT', async () => {
    const { item } = await wronglyCancelled('sql');
    await pool.query(
      `CREATE FUNCTION shop.late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'late' USING ERRCODE = '23514'; END $$`,
    );
    await pool.query(
      `CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON shop.orders DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION shop.late()`,
    );
    await expectFailure(item, ['invariant-broken', false], /23514 \(commit\)/);
    await pool.query('DROP FUNCTION shop.late CASCADE');
  });
});

/** Stands between the adapter and the server, and cuts the connection when it sees COMMIT. */
async function cuttingProxy(options: {
  deliver: boolean;
}): Promise<{ url: string; close: () => void }> {
  const target = new URL(urls.write);
  const port = Number(target.port);
  const sockets: Socket[] = [];
  const server: Server = createServer((client) => {
    const upstream = connect(port, target.hostname);
    sockets.push(client, upstream);
    upstream.pipe(client);
    for (const socket of [client, upstream]) socket.setNoDelay().on('error', () => undefined);
    client.on('data', (data) => {
      if (!data.includes('COMMIT\0')) {
        upstream.write(data);
        return;
      }
      upstream.unpipe(client);
      if (options.deliver) upstream.end(data);
      else upstream.destroy();
      client.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  target.port = String((server.address() as AddressInfo).port);
  return {
    url: target.href,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

describe('a connection cut at COMMIT', () => {
  test.each([
    [true, 'committed'],
    [false, 'aborted'],
  ] as const)(
    'is an unknown outcome until the server is asked (delivered: %s)',
    async (deliver, fate) => {
      const { item } = await wronglyCancelled();
      const proxy = await cuttingProxy({ deliver });
      const cut = openAdapter({ writeUrl: proxy.url });
      let noted: { transactionId: number; incarnation: string } | undefined;
      const outcome = await cut.restore(item, (transaction) => {
        noted = transaction;
        return Promise.resolve();
      });
      expect(outcome).toMatchObject({ outcome: 'unknown', ...noted });
      proxy.close();
      let status = await adapter.outcomeOf(noted!);
      for (let tries = 0; status === 'in-progress' && tries < 100; tries += 1) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        status = await adapter.outcomeOf(noted!);
      }
      expect(status).toBe(fate);
      expect((await adapter.verify(item)).length === 0).toBe(fate === 'committed');
      expect(await adapter.restore(item, note)).toMatchObject(
        fate === 'committed' ? { reason: 'not-cancelled-any-more' } : { outcome: 'applied' },
      );
    },
  );

  test('is in progress while the transaction is still open', async () => {
    const { item } = await wronglyCancelled();
    await adapter.restore(item, async (transaction) => {
      expect(await adapter.outcomeOf(transaction)).toBe('in-progress');
    });
  });
});

describe('the script for a DBA', () => {
  async function script(item: RestoreItem): Promise<string> {
    const text = await adapter.renderSql([item]);
    expect(text.split('\n')[0]).toBe('\\set ON_ERROR_STOP on');
    return text.split('\n').slice(1).join('\n');
  }

  test.each(FAULT_WAYS)(
    'does the same by hand (%s), in whatever settings the session has',
    async (way) => {
      const { item, before } = await wronglyCancelled(way);
      const sql = await script(item);
      await withClient(urls.write, async (client) => {
        await client.query(
          `SET DateStyle = 'German'; SET TimeZone = 'America/New_York'; SET IntervalStyle = 'sql_standard'`,
        );
        await client.query(sql);
        const { rows } = await client.query<{ zone: string }>(
          `SELECT current_setting('TimeZone') AS zone`,
        );
        expect(rows).toEqual([{ zone: 'America/New_York' }]);
      });
      const added =
        way === 'sql' ? ['order_history +1'] : ['stock_movement +4', 'order_history +3'];
      expect(differences(before, await dump()).sort()).toEqual(added.sort());
      expect(await adapter.verify(item)).toEqual([]);
      await expect(withClient(urls.write, (client) => client.query(sql))).rejects.toThrow(
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
    [
      'invariant-broken',
      `UPDATE shop.payment SET state = 'voided'`,
      `UPDATE shop.payment SET state = 'captured'`,
    ],
  ])('stops with %s and writes nothing', async (reason, sql, undo) => {
    const { item } = await wronglyCancelled('api', { productId: 9, quantity: 3 });
    const text = await script(item);
    await pool.query(sql);
    const before = await dump();
    await expect(withClient(urls.write, (client) => client.query(text))).rejects.toThrow(
      new RegExp(`^${reason}: `),
    );
    expect(await dump()).toEqual(before);
    if (undo !== undefined) await pool.query(undo);
  });

  /** psql where the machine has one; else a plain client, for which the first line is left out. */
  async function runByHand(text: string): Promise<void> {
    const psql = promisify(execFile)('psql', ['--no-psqlrc', '--quiet', '--file', '-', urls.write]);
    psql.child.stdin?.on('error', () => undefined).end(text);
    try {
      await psql;
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ENOENT') throw error;
      const plain = text.split('\n').slice(1).join('\n');
      await withClient(urls.write, (client) => client.query(plain));
    }
  }

  test('runs as a file, several orders one after the other, and stops at the first that cannot be', async () => {
    const [first, second, third] = [
      await wronglyCancelled('api'),
      await wronglyCancelled('steps'),
      await wronglyCancelled('sql'),
    ];
    await pool.query(`UPDATE shop.orders SET status = 'picking' WHERE id = $1`, [second.orderId]);
    const text = await adapter.renderSql([first.item, second.item, third.item]);
    await expect(runByHand(text)).rejects.toThrow(/not-cancelled-any-more: its status is picking/);
    expect(await adapter.verify(first.item)).toEqual([]);
    expect(await adapter.verify(third.item)).not.toEqual([]);
    await runByHand(await adapter.renderSql([third.item]));
    expect(await adapter.verify(third.item)).toEqual([]);
  });
});

describe('reading', () => {
  test('an order by id or number, as people and decisions need it', async () => {
    const orderId = await buy();
    const order = await adapter.read(orderId);
    expect(order).toMatchObject({
      orderId,
      status: 'paid',
      state: 'open',
      currency: 'EUR',
      customerId: '1',
    });
    expect(order!.lines).toHaveLength(2);
    expect(order!.payments).toMatchObject([
      { state: 'captured', heldMinor: order!.totalMinor, refundedMinor: 0 },
    ]);
    expect(JSON.stringify(order)).not.toMatch(/Neil|ada@/);
    expect(await adapter.findByNumber(order!.number!)).toBe(orderId);
  });

  test.each(['999999', 'not-a-number', '99999999999999999999999', "'"])(
    'nothing for an order %s that there is not',
    async (orderId) => {
      expect(await adapter.read(orderId)).toBeUndefined();
      expect(await adapter.findByNumber(orderId)).toBeUndefined();
      expect(await adapter.capabilities(orderId)).toMatchObject({
        way: 'person',
        reason: 'evidence-missing',
      });
    },
  );

  test('rows are as the log writes them, children found through their parents', async () => {
    const orderId = await buy();
    await inTransaction(pool, (tx) => refundOrder(tx, { orderId, reason: 'why', actor }));
    const rows = await rowsOf(orderId);
    expect(rows.get('shop.refund')).toHaveLength(1);
    expect(rows.get('shop.orders')![0]).toMatchObject({
      slot_starts_at: '2026-12-01 08:00:00.123456+00',
      ship_name: "O'Neil \\ Söhne",
      contact_phone: null,
    });
    expect(rows.has('shop.stock')).toBe(false);
  });

  test('cancelled orders of a period, newest first', async () => {
    const since = new Date(Date.now() - 5);
    const ids = [];
    for (const way of FAULT_WAYS) ids.unshift((await wronglyCancelled(way)).orderId);
    const listed = await adapter.listCancelled({
      since,
      until: new Date(Date.now() + 60_000),
      limit: 2,
    });
    expect(listed.map(({ orderId }) => orderId)).toEqual(ids.slice(0, 2));
    expect(
      await adapter.listCancelled({ since: new Date(0), until: new Date(1000), limit: 10 }),
    ).toEqual([]);
  });

  test('what can be done for an order', async () => {
    const { orderId } = await wronglyCancelled();
    expect(await adapter.capabilities(orderId)).toEqual({ way: 'reopen' });
    await inTransaction(pool, (tx) => refundOrder(tx, { orderId, reason: 'why', actor }));
    expect(await adapter.capabilities(orderId)).toMatchObject({ reason: 'money-returned' });
    const shipped = await buy();
    await inTransaction(pool, async (tx) => {
      await pickOrder(tx, { orderId: shipped, actor });
      await shipOrder(tx, { orderId: shipped, actor });
    });
    expect(await adapter.capabilities(shipped)).toMatchObject({ reason: 'shipped' });
    await pool.query(`UPDATE shop.orders SET status = 'cancelled' WHERE id = $1`, [shipped]);
    expect(await adapter.capabilities(shipped)).toMatchObject({ reason: 'shipped' });
    expect(await adapter.capabilities(await buy())).toMatchObject({
      reason: 'not-cancelled-any-more',
    });
  });

  test('counters, in the order asked for', async () => {
    const counters = await adapter.readCounters([
      { table: 'shop.stock', key: ['3', 'LEJ'] },
      { table: 'shop.stock', key: ['3', 'XXX'] },
    ]);
    expect(counters).toMatchObject([{ product_id: '3', warehouse: 'LEJ', on_hand: '1000' }, null]);
  });

  test('the position of the log moves on with each commit', async () => {
    const first = await adapter.currentPosition();
    await buy();
    const second = await adapter.currentPosition();
    const { rows } = await pool.query<{ ahead: boolean }>(
      'SELECT $1::pg_lsn > $2::pg_lsn AS ahead',
      [second.lsn, first.lsn],
    );
    expect(rows).toEqual([{ ahead: true }]);
    expect(second.incarnation).toMatch(/^\d+\/\d+$/);
  });

  test('cannot write, whatever the role may', async () => {
    const draft = structuredClone(profile);
    const sql = `SELECT nextval('shop.order_number') > 0 WHERE $1 IS NULL`;
    draft.invariants = [{ name: 'writes', sql }];
    const asSuperuser = openAdapter({ profile: draft, readUrl: database.url });
    const { faults } = await asSuperuser.check();
    expect(faults).toContainEqual(
      expect.objectContaining({
        where: 'invariants[0]',
        message: expect.stringMatching(/read-only transaction/) as unknown,
      }),
    );
  });

  test('says without an address that the shop cannot be reached', async () => {
    const gone = new URL(urls.read);
    gone.port = '1';
    const reading = openAdapter({ readUrl: gone.href }).read('1');
    await expect(reading).rejects.toMatchObject({
      code: 'shop-unreachable',
      message: expect.not.stringContaining('127.0.0.1') as unknown,
    });
  });
});

describe('check', () => {
  const errors = async (one: PostgresShopAdapter) => {
    const report = await one.check();
    return report.faults
      .filter(({ severity }) => severity === 'error')
      .map(({ where, message }) => `${where}: ${message}`);
  };
  const changed = (change: (draft: Profile) => void) => {
    const draft = structuredClone(profile);
    change(draft);
    return openAdapter({ profile: draft });
  };

  test('the sample shop’s profile fits the sample shop', async () => {
    const report = await adapter.check();
    expect(report.faults.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(report.ok).toBe(true);
    expect(report.faults.map(({ message }) => message).join('\n')).toMatch(/trigger orders_touch/);
  });

  test('a profile that restores the status alone does not pass', async () => {
    const ignored = { ignore: 'who cares' };
    const statusOnly = profileSchema.parse({
      ...profile,
      cancellation: {
        settle: '1s',
        longest: '1m',
        claims: { 'shop.orders': { updated: ['status'] } },
      },
      locks: ['shop.orders'],
      payments: undefined,
      refunds: undefined,
      history: undefined,
      shipment: undefined,
      tables: {
        'shop.orders': {
          ...profile.tables['shop.orders'],
          columns: Object.fromEntries(
            Object.keys(profile.tables['shop.orders']!.columns).map((column) => [
              column,
              column === 'id' ? 'key' : column === 'status' ? 'value' : ignored,
            ]),
          ),
        },
        'shop.order_line': {
          ...profile.tables['shop.order_line'],
          columns: Object.fromEntries(
            Object.keys(profile.tables['shop.order_line']!.columns).map((column) => [
              column,
              column === 'id' ? 'key' : ignored,
            ]),
          ),
        },
      },
    });
    const found = await errors(openAdapter({ profile: statusOnly }));
    expect(found.join('\n')).toMatch(/only the status would come back/);
    expect(found.join('\n')).toMatch(/no column of the lines would come back/);
    expect(found.join('\n')).toMatch(/no stock would be taken again/);
  });

  test('names every column without a role and every one that there is not', async () => {
    await pool.query(
      'ALTER TABLE shop.payment ADD COLUMN risk text, ADD COLUMN fee bigint GENERATED ALWAYS AS (amount_minor / 100) STORED',
    );
    const found = await errors(
      changed((draft) => {
        Object.assign(draft.tables['shop.payment']!.columns, { gone: 'value', fee: 'value' });
        draft.tables['shop.ghost'] = structuredClone(draft.tables['shop.payment']!);
      }),
    );
    await pool.query('ALTER TABLE shop.payment DROP COLUMN risk, DROP COLUMN fee');
    expect(found.sort()).toEqual([
      'tables["shop.ghost"]: the shop has no such table',
      'tables["shop.payment"].columns.fee: the database works it out from other columns; ignore it, with that reason',
      'tables["shop.payment"].columns.gone: the shop has no such column',
      'tables["shop.payment"].columns.risk: the shop has this column, and the profile gives it no role',
    ]);
  });

  test('names what has the wrong type or no unique key', async () => {
    const found = await errors(
      changed((draft) => {
        draft.tables['shop.orders']!.columns['channel'] = 'version';
        draft.tables['shop.orders']!.columns['region'] = 'touch';
        draft.tables['shop.payment']!.key = ['provider'];
        Object.assign(draft.tables['shop.payment']!.columns, { id: 'value', provider: 'key' });
        draft.lines.quantity = 'name';
        draft.order.placed_at = 'number';
      }),
    );
    expect(found.join('\n')).toMatch(/columns\.channel: a version counts/);
    expect(found.join('\n')).toMatch(/columns\.region: a touch column becomes the present moment/);
    expect(found.join('\n')).toMatch(
      /"shop\.payment"\]\.key: no unique index is on just these columns: provider/,
    );
    expect(found.join('\n')).toMatch(/lines\.quantity: column name is text and no number/);
    expect(found.join('\n')).toMatch(/order\.placed_at: column number is text and no date or time/);
  });

  test('names the rights that are missing, without using the write credential', async () => {
    await pool.query(`REVOKE UPDATE ON shop.stock FROM ${roles.write}; GRANT UPDATE (allocated) ON shop.stock TO ${roles.write};
      REVOKE UPDATE ON shop.payment FROM ${roles.write}; REVOKE SELECT ON shop.refund FROM ${roles.read}; GRANT DELETE ON shop.orders TO ${roles.write}`);
    const wrongPassword = new URL(urls.write);
    wrongPassword.password = 'wrong';
    const report = await openAdapter({ writeUrl: wrongPassword.href }).check();
    await pool.query(
      `GRANT UPDATE ON shop.stock, shop.payment TO ${roles.write}; GRANT SELECT ON shop.refund TO ${roles.read}; REVOKE DELETE ON shop.orders FROM ${roles.write}`,
    );
    const found = report.faults.map(
      ({ severity, where, message }) => `${severity} ${where}: ${message}`,
    );
    expect(found).toContain(
      `error tables["shop.payment"]: ${roles.write} lacks UPDATE (note) on shop.payment, which a restore needs`,
    );
    expect(found).toContain(
      'error tables["shop.refund"]: the read credential may not SELECT from it',
    );
    expect(found).toContain(
      `warning postgres.write: ${roles.write} may delete rows of shop.orders, which no restore needs`,
    );
    expect(found.filter((text) => text.includes('shop.stock'))).toEqual([]);
    const nobody = openAdapter({
      writeUrl: testServerUrl(database.name, { user: 'nobody_there', password: 'x' }),
    });
    expect(await errors(nobody)).toEqual(['postgres.write: the server has no role nobody_there']);
  });

  test('runs every invariant, also on open orders', async () => {
    await buy();
    const { faults } = await changed((draft) => {
      draft.invariants = [
        { name: 'nonsense', sql: 'SELECT FROM WHERE' },
        { name: 'a number', sql: 'SELECT total_minor FROM shop.orders WHERE id = $1' },
        { name: 'writes', sql: `SELECT nextval('shop.order_number') > 0 WHERE $1 IS NOT NULL` },
        { name: 'never', sql: 'SELECT false FROM shop.orders WHERE id = $1;' },
        { name: 'chokes', sql: `SELECT ship_name::int > 0 FROM shop.orders WHERE id = $1` },
        { name: 'fine', sql: `SELECT status <> '$1' FROM shop.orders WHERE id = $1` },
      ];
    }).check();
    const found = faults
      .filter(({ where }) => where.startsWith('invariants'))
      .map(({ severity, where, message }) => `${severity} ${where} ${message}`);
    expect(found).toHaveLength(5);
    expect(found[4]).toMatch(/^error invariants\[4\] "chokes" fails: SQLSTATE 22P02/);
    expect(found.join('\n')).not.toContain('Neil');
    expect(found[0]).toMatch(/^error invariants\[0\] "nonsense" cannot be run: syntax error/);
    expect(found[1]).toMatch(
      /^error invariants\[1\] "a number" gives bigint and not true or false/,
    );
    expect(found[2]).toMatch(/^error invariants\[2\] "writes" fails: SQLSTATE 42501/);
    expect(found[3]).toMatch(
      /^warning invariants\[3\] "never" does not hold for \d+ of the \d+ newest open orders/,
    );
  });
});
