import pg from 'pg';
import type { FaultWay } from '../../demo/faults/fault-report.js';
import { STRIKES } from '../../demo/faults/ways.js';
import { PRODUCTS } from '../../demo/shop/catalogue.js';
import { payOrder } from '../../demo/shop/pay-order.js';
import { createCart, placeCart } from '../../demo/shop/place-order.js';
import { SHOP_SCHEMA_SQL, SHOP_TABLES } from '../../demo/shop/schema.js';
import { inTransaction } from '../../demo/shop/transaction.js';
import type { ColumnValue, RowImage } from '../../src/orders/row-change.js';
import { expectedTables } from '../../src/restore/plans/expectations.js';
import { PostgresShopAdapter } from '../../src/shops/postgres/postgres-shop-adapter.js';
import { loadProfile } from '../../src/shops/profile-file.js';
import type { Profile } from '../../src/shops/profile.js';
import { MarkerKey, signedMarker } from '../../src/shops/restore-marker.js';
import type {
  ExpectedTable,
  InsertedValue,
  PlannedChange,
  RestoreItem,
} from '../../src/shops/shop-adapter.js';
import { createTestDatabase, testServerUrl, withClient, type TestDatabase } from './postgres.js';

export type Rows = ReadonlyMap<string, readonly RowImage[]>;
/** Every table, by key, as text. */
export type Dump = Record<string, Record<string, Record<string, string | null>>>;
export type WronglyCancelled = Awaited<ReturnType<AdapterScene['wronglyCancelled']>>;
type Settings = ConstructorParameters<typeof PostgresShopAdapter>[0];

export const markerKey = MarkerKey.from(Buffer.alloc(32, 3));

/** The sample shop on a database of its own, read and written through the adapter by roles of its own. */
export class AdapterScene {
  readonly adapter: PostgresShopAdapter;
  private readonly opened: PostgresShopAdapter[] = [];

  private constructor(
    readonly profile: Profile,
    readonly database: TestDatabase,
    readonly pool: pg.Pool,
    readonly roles: { read: string; write: string },
    readonly urls: { read: string; write: string },
  ) {
    this.adapter = this.open();
  }

  static async create(): Promise<AdapterScene> {
    const { profile } = await loadProfile('sample-shop', { directory: '.' });
    const database = await createTestDatabase();
    const roles = { read: `${database.name}_read`, write: `${database.name}_write` };
    const urls = {
      read: testServerUrl(database.name, { user: roles.read, password: 'r' }),
      write: testServerUrl(database.name, { user: roles.write, password: 'w' }),
    };
    const pool = new pg.Pool({ connectionString: database.url });
    await pool.query(SHOP_SCHEMA_SQL);
    await pool.query(grantsSql(roles));
    await fillShop(pool);
    return new AdapterScene(profile, database, pool, roles, urls);
  }

  async close(): Promise<void> {
    await Promise.all(this.opened.map((one) => one.close()));
    await this.pool.end();
    await this.database.drop();
    await withClient(testServerUrl('postgres'), (client) =>
      client.query(`DROP ROLE ${this.roles.read}; DROP ROLE ${this.roles.write}`),
    );
  }

  /** Another adapter of the same shop; closed with the scene. */
  open(changed: Partial<Settings> = {}): PostgresShopAdapter {
    const one = new PostgresShopAdapter({
      profile: this.profile,
      readUrl: this.urls.read,
      writeUrl: this.urls.write,
      lockTimeoutMs: 300,
      statementTimeoutMs: 2_000,
      transactionTimeoutMs: 5_000,
      concurrency: 4,
      markerOf: (item) => signedMarker({ shopId: 'main', ...item }, markerKey),
      mayWrite: () => Promise.resolve(true),
      ...changed,
    });
    this.opened.push(one);
    return one;
  }

  /** A paid order of two lines, through the shop's own code. */
  async buy(options: { productId?: number; quantity?: number } = {}): Promise<string> {
    const { productId = 1, quantity = 2 } = options;
    return inTransaction(this.pool, async (tx) => {
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

  async rowsOf(orderId: string): Promise<Rows> {
    return (await this.adapter.readRows(orderId))!;
  }

  /** A wrongly cancelled order, the plan that takes it back, and the whole shop before it was hit. */
  async wronglyCancelled(
    way: FaultWay = 'api',
    options: Parameters<AdapterScene['buy']>[0] = {},
  ): Promise<{ orderId: string; item: RestoreItem; before: Dump }> {
    const orderId = await this.buy(options);
    const before = await this.dump();
    const rowsBefore = await this.rowsOf(orderId);
    const [struck] = await STRIKES[way](this.pool, [orderId]);
    expect(struck).toMatchObject({ cancelled: true });
    return {
      orderId,
      before,
      item: planOf(this.profile, orderId, {
        before: rowsBefore,
        after: await this.rowsOf(orderId),
      }),
    };
  }

  /** The plan as it would be made of the order as it stands now. */
  async plannedAnew(item: RestoreItem): Promise<RestoreItem> {
    return { ...item, expect: expectationsOf(this.profile, await this.rowsOf(item.orderId)) };
  }

  /** Every table, by key, as text. */
  async dump(): Promise<Dump> {
    const tables: Dump = {};
    await withClient(this.database.url, async (client) => {
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
}

function grantsSql({ read, write }: { read: string; write: string }): string {
  return `
    CREATE ROLE ${read} LOGIN PASSWORD 'r'; CREATE ROLE ${write} LOGIN PASSWORD 'w';
    GRANT USAGE ON SCHEMA shop TO ${read}, ${write};
    GRANT SELECT ON ALL TABLES IN SCHEMA shop TO ${read}, ${write};
    GRANT UPDATE ON shop.orders, shop.order_line, shop.shipping_line, shop.payment, shop.stock TO ${write};
    GRANT INSERT ON shop.stock_movement, shop.order_history TO ${write};`;
}

async function fillShop(pool: pg.Pool): Promise<void> {
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
}

/** Rows are read in the clear, and keys and quantities are never NULL. */
function text(value: ColumnValue | undefined): string {
  if (typeof value !== 'string') throw new Error('not a text');
  return value;
}

/** What a planner would make of the rows on either side of a cancellation. */
export function planOf(
  profile: Profile,
  orderId: string,
  { before, after }: { before: Rows; after: Rows },
): RestoreItem {
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
    expect: expectationsOf(profile, after),
  };
}

/** What a planner would expect of an order that stands so. */
export function expectationsOf(profile: Profile, rows: Rows): readonly ExpectedTable[] {
  const known = [...rows].flatMap(([table, images]) =>
    images.map((image) => {
      const columns = profile.tables[table]?.key ?? [];
      return { table, key: columns.map((column) => text(image[column])), image };
    }),
  );
  const expected = expectedTables(profile, known);
  if (!expected.ok) throw new Error(expected.refusal.detail);
  return expected.value;
}

/**
 * What a cancellation and its restore leave behind: the moves of stock, and what both wrote into the
 * history (a bot that cancels line by line tells of each).
 */
export const leftBehind: Readonly<Record<FaultWay, readonly string[]>> = {
  api: ['order_history +3', 'stock_movement +4'],
  steps: ['order_history +3', 'stock_movement +4'],
  lines: ['order_history +5', 'stock_movement +4'],
  sql: ['order_history +1'],
};

/** What differs, but for the columns that a restore moves on: `table key column`, or `table +n` for added rows. */
export function differences(before: Dump, after: Dump): string[] {
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
