import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { parseProfile } from '../../src/shops/profile-file.js';
import type { Profile } from '../../src/shops/profile.js';
import { createTestDatabase, withClient, type TestDatabase } from './postgres.js';

/** A tiny shop: enough of one to have parents, shared counters, personal data and large values. */
export const testShopSql = `
CREATE SCHEMA shop;
CREATE TABLE shop.orders (
  id bigint PRIMARY KEY, number text NOT NULL, customer_id text, status text NOT NULL, currency text NOT NULL DEFAULT 'EUR',
  total_minor bigint NOT NULL, ship_name text, channel text NOT NULL DEFAULT 'web', notes text,
  placed_at timestamptz, cancelled_at timestamptz, updated_at timestamptz NOT NULL DEFAULT now(), version int NOT NULL DEFAULT 1);
CREATE TABLE shop.order_line (
  id bigint PRIMARY KEY, order_id bigint NOT NULL REFERENCES shop.orders ON DELETE CASCADE, product text NOT NULL,
  quantity int NOT NULL, price_minor bigint NOT NULL);
CREATE TABLE shop.payment (
  id bigint PRIMARY KEY, order_id bigint REFERENCES shop.orders ON DELETE CASCADE, amount_minor bigint NOT NULL, state text NOT NULL);
CREATE TABLE shop.refund (
  id bigint PRIMARY KEY, payment_id bigint NOT NULL REFERENCES shop.payment ON DELETE CASCADE, amount_minor bigint NOT NULL);
CREATE TABLE shop.stock (product text PRIMARY KEY, on_hand int NOT NULL, allocated int NOT NULL DEFAULT 0);
CREATE TABLE shop.stock_movement (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  order_line_id bigint NOT NULL REFERENCES shop.order_line ON DELETE CASCADE, product text NOT NULL,
  kind text NOT NULL, quantity int NOT NULL);
CREATE TABLE shop.history (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  order_id bigint NOT NULL REFERENCES shop.orders ON DELETE CASCADE, kind text NOT NULL, actor_kind text,
  actor text, reason text, at timestamptz NOT NULL DEFAULT now());
`;

/** The tiny shop's profile, as a file would have it. */
export const testShopProfileText = `
profile: test-shop
title: A tiny shop for tests
order:
  table: shop.orders
  number: number
  customer: customer_id
  currency: { column: currency }
  total: [{ column: total_minor }]
  status: { column: status, cancelled: [cancelled], open: [pending, paid], shipped: [shipped] }
  placed_when: { column: placed_at, not_null: true }
  placed_at: placed_at
  cancelled_at: cancelled_at
  attributes: { channel: channel }
lines: { table: shop.order_line, product: product, quantity: quantity, unit_price: { column: price_minor } }
payments: { table: shop.payment, amount: { column: amount_minor }, state: state, held: [authorized, captured] }
refunds: { table: shop.refund, amount: { column: amount_minor }, payment: payment_id }
history:
  table: shop.history
  where: { kind: [CANCELLED] }
  at: at
  actor: actor
  reason: reason
  actor_kind: { column: actor_kind, map: { customer: customer, staff: staff, job: job } }
cancellation:
  settle: 2s
  longest: 10s
  claims:
    shop.orders: { updated: [status, total_minor, cancelled_at] }
    shop.order_line: { updated: [quantity] }
    shop.stock_movement: { inserted: { kind: [RELEASE] } }
    shop.history: { inserted: { kind: [CANCELLED] } }
locks: [shop.orders, shop.payment, shop.order_line]
invariants:
  - name: no order weighs less than nothing
    sql: SELECT total_minor >= 0 FROM shop.orders WHERE id = $1::bigint
tables:
  shop.orders:
    key: [id]
    order: { column: id }
    columns:
      id: key
      number: { ignore: never changes }
      customer_id: { ignore: never changes }
      status: value
      currency: { ignore: never changes }
      total_minor: value
      ship_name: { value: personal }
      channel: { ignore: never changes }
      notes: value
      placed_at: { ignore: set once }
      cancelled_at: value
      updated_at: touch
      version: version
  shop.order_line:
    key: [id]
    order: { column: order_id }
    columns: { id: key, order_id: value, product: value, quantity: value, price_minor: value }
  shop.payment:
    key: [id]
    order: { column: order_id }
    columns: { id: key, order_id: value, amount_minor: value, state: value }
  shop.refund:
    key: [id]
    order: { column: payment_id, parent: shop.payment }
    columns: { id: key, payment_id: value, amount_minor: value }
  shop.stock:
    key: [product]
    order: shared
    columns:
      product: key
      on_hand: { ignore: goods come and go by other ways }
      allocated:
        delta:
          from: shop.stock_movement
          on: inserted
          where: { kind: [RELEASE] }
          amount: quantity
          sign: -1
          match: { product: product }
          guard: { minimum: 0, maximum: on_hand }
  shop.stock_movement:
    key: [id]
    order: { column: order_line_id, parent: shop.order_line }
    columns: { id: key, order_line_id: value, product: value, kind: value, quantity: value }
    inserted:
      - where: { kind: [RELEASE] }
        do: compensate
        with: { order_line_id: { row: order_line_id }, product: { row: product }, kind: { value: ALLOCATE }, quantity: { row: quantity } }
  shop.history:
    key: [id]
    order: { column: order_id }
    columns: { id: key, order_id: value, kind: value, actor_kind: value, actor: value, reason: value, at: value }
    inserted: [{ do: keep }]
`;

/** The tiny shop's profile; `identity` for all its tables. */
export function testShopProfile(identity: 'key' | 'full' = 'full'): Profile {
  const profile = parseProfile(testShopProfileText, 'test-shop.yaml');
  const tables = Object.entries(profile.tables).map(([name, table]) => [
    name,
    { ...table, identity },
  ]);
  return { ...profile, tables: Object.fromEntries(tables) as Profile['tables'] };
}

export interface TestShop extends TestDatabase {
  readonly credentials: {
    /** owner of the tables */
    readonly attach: string;
    readonly replicate: string;
    readonly read: string;
    readonly write: string;
  };
  /** Runs one statement, or several in one transaction, as the shop's own software would. */
  run(
    ...statements: readonly (string | { sql: string; values: readonly unknown[] })[]
  ): Promise<void>;
  query<T extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<T[]>;
}

/**
 * The tiny shop in a database of its own, with a role per credential: on the run's server, or on another
 * one (of another version, say) that REINSTATE_TEST_SHOP_SERVER leads to as its superuser.
 */
export async function createTestShop(): Promise<TestShop> {
  const server = process.env['REINSTATE_TEST_SHOP_SERVER'];
  return openTestShop(
    server === undefined ? await createTestDatabase() : await createDatabaseOn(server),
  );
}

async function createDatabaseOn(server: string): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  const admin = async (sql: string): Promise<void> => {
    await withClient(server, (client) => client.query(sql));
  };
  await admin(`CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { name, url: url.href, drop: () => admin(`DROP DATABASE ${name} WITH (FORCE)`) };
}

/** Makes the tiny shop in an empty database (`url` as the superuser). */
export async function openTestShop(database: TestDatabase): Promise<TestShop> {
  const suffix = randomBytes(4).toString('hex');
  const role = (name: string): string => `${name}_${suffix}`;
  await withClient(database.url, async (client) => {
    for (const [name, attributes] of [
      ['owner', ''],
      ['replicate', 'REPLICATION'],
      ['read', ''],
      ['write', ''],
    ] as const)
      await client.query(`CREATE ROLE ${role(name)} LOGIN ${attributes} PASSWORD 'test'`);
    await client.query(`GRANT CREATE ON DATABASE ${database.name} TO ${role('owner')}`);
    await client.query(`SET ROLE ${role('owner')}`);
    await client.query(testShopSql);
    await client.query(`GRANT USAGE ON SCHEMA shop TO ${role('read')}, ${role('write')}`);
    await client.query(
      `GRANT SELECT ON ALL TABLES IN SCHEMA shop TO ${role('read')}, ${role('write')}`,
    );
    await client.query(
      `GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA shop TO ${role('write')}`,
    );
  });
  return testShop(database, role);
}

function testShop(database: TestDatabase, role: (name: string) => string): TestShop {
  const as = (name: string): string => {
    const url = new URL(database.url);
    url.username = role(name);
    url.password = 'test';
    return url.href;
  };
  return {
    ...database,
    credentials: {
      attach: as('owner'),
      replicate: as('replicate'),
      read: as('read'),
      write: as('write'),
    },
    run: async (...statements) =>
      withClient(as('owner'), async (client) => {
        await client.query('BEGIN');
        for (const statement of statements) {
          if (typeof statement === 'string') await client.query(statement);
          else await client.query(statement.sql, [...statement.values]);
        }
        await client.query('COMMIT');
      }),
    query: async <T extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []) =>
      withClient(database.url, async (client) => (await client.query<T>(sql, [...values])).rows),
    drop: async () => {
      await dropSlots(database);
      await database.drop();
    },
  };
}

/** A database with a replication slot cannot be dropped. */
async function dropSlots(database: TestDatabase): Promise<void> {
  await withClient(database.url, async (client) => {
    for (let check = 0; check < 50; check += 1) {
      const { rowCount } = await client.query(
        `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = current_database() AND active`,
      );
      if (rowCount === 0) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await client.query(
      `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()`,
    );
  });
}

/** SQL that places an order of one line, paid by card, with its stock allocated. */
export function placeOrder(order: {
  id: number;
  quantity?: number;
  customer?: string;
  product?: string;
}): string {
  const { id, quantity = 2, customer = `c${id}`, product = 'tea' } = order;
  return `
    INSERT INTO shop.orders (id, number, customer_id, status, total_minor, ship_name, placed_at)
      VALUES (${id}, 'S-${id}', '${customer}', 'paid', ${quantity * 500}, 'Name ${customer}', now());
    INSERT INTO shop.order_line VALUES (${id}, ${id}, '${product}', ${quantity}, 500);
    INSERT INTO shop.payment VALUES (${id}, ${id}, ${quantity * 500}, 'captured');
    INSERT INTO shop.stock_movement (order_line_id, product, kind, quantity) VALUES (${id}, '${product}', 'ALLOCATE', ${quantity});
    UPDATE shop.stock SET allocated = allocated + ${quantity} WHERE product = '${product}'`;
}

/** SQL that cancels such an order as the shop's own code does. */
export function cancelOrder(
  id: number,
  who: { actorKind: string; actor: string; reason: string } = {
    actorKind: 'job',
    actor: 'unpaid-orders',
    reason: 'not paid in time',
  },
): string {
  return `
    INSERT INTO shop.stock_movement (order_line_id, product, kind, quantity)
      SELECT id, product, 'RELEASE', quantity FROM shop.order_line WHERE order_id = ${id};
    UPDATE shop.stock SET allocated = allocated - line.quantity FROM shop.order_line line
      WHERE line.order_id = ${id} AND stock.product = line.product;
    UPDATE shop.order_line SET quantity = 0 WHERE order_id = ${id};
    UPDATE shop.orders SET status = 'cancelled', total_minor = 0, cancelled_at = now(), version = version + 1 WHERE id = ${id};
    INSERT INTO shop.history (order_id, kind, actor_kind, actor, reason)
      VALUES (${id}, 'CANCELLED', '${who.actorKind}', '${who.actor}', '${who.reason}')`;
}
