import { Client } from 'pg';
import { PRODUCTS, WAREHOUSES } from '../shop/catalogue.js';
import { SHOP_TABLES, type ShopTable } from '../shop/schema.js';
import type { Decision } from './decisions.js';
import type { LifeEvent } from './life.js';
import { imaginePast, type PastRequest } from './past.js';
import { type OrderRows, type Row, rowsOf } from './past-rows.js';
import { randomFrom } from './random.js';

/** What the live generator goes on with. */
export interface BackfilledShop {
  orders: number;
  /** Orders in the middle of their lives, and what their customers are still going to do. */
  unfinished: { orderId: string; decision: Decision; toCome: LifeEvent[] }[];
}

const FIRST_ORDER_NUMBER = 100_001;
const ROWS_PER_INSERT = 2000;

/**
 * Fills an empty shop with its past, as the server's superuser: every row as the shop's own code would have left it, and every
 * intended action in the generator's ledger. The write log begins after it.
 */
export async function backfill(shopUrl: string, request: PastRequest): Promise<BackfilledShop> {
  const past = imaginePast(request);
  const orders = giveIds(past);
  const client = new Client({ connectionString: shopUrl });
  await client.connect();
  try {
    await client.query('BEGIN');
    await setTriggers(client, 'DISABLE');
    await writeRows(client, request, orders);
    await setTriggers(client, 'ENABLE');
    await client.query('COMMIT');
    await client.query('ANALYZE');
  } finally {
    await client.end();
  }
  return {
    orders: orders.length,
    unfinished: past
      .map(({ decision, toCome }, place) => ({ orderId: String(place + 1), decision, toCome }))
      .filter((order) => order.toCome.length > 0),
  };
}

function giveIds(past: ReturnType<typeof imaginePast>): OrderRows[] {
  let lineId = 1;
  let number = FIRST_ORDER_NUMBER;
  return past.map((order, place) => {
    const rows = rowsOf(order, { orderId: place + 1, lineId, number: `S-${number}` });
    lineId += rows.lines.length;
    if (rows.order.number !== null) number += 1;
    return rows;
  });
}

async function writeRows(
  client: Client,
  request: PastRequest,
  orders: readonly OrderRows[],
): Promise<void> {
  const since = new Date(request.now.getTime() - (request.days + 1) * 86_400_000).toISOString();
  const payments = withIds(orders.flatMap((order) => paymentWithRefund(order)));
  const movements = orders.flatMap((order) => order.movements);
  const { stock, receipts } = stockAfter(request.seed, movements, since);
  const tables: Record<ShopTable, Row[]> = {
    // Keys that are no column (the warehouse near a customer, a payment's refund) are left out.
    customer: request.customers.map((customer) => ({
      ...customer,
      postal_code: customer.postalCode,
      created_at: since,
    })),
    product: PRODUCTS.map((product) => ({
      id: product.id,
      sku: product.sku,
      name: product.name,
      price_minor: product.priceMinor,
      tax_rate_basis_points: product.taxRateBasisPoints,
    })),
    stock,
    orders: orders.map((order) => order.order),
    order_line: orders.flatMap((order) => order.lines),
    shipping_line: orders.map((order) => order.shippingLine),
    payment: payments,
    refund: withIds(
      payments.flatMap(({ id, refund }) =>
        refund === null ? [] : [{ ...(refund as Row), payment_id: id }],
      ),
    ),
    stock_movement: withIds(inTimeOrder([...receipts, ...movements])),
    order_history: withIds(inTimeOrder(orders.flatMap((order) => order.history))),
  };
  for (const table of SHOP_TABLES) {
    await insertRows(client, `shop.${table}`, tables[table]);
    if (table !== 'stock') await advanceIdentity(client, table);
  }
  const numbered = orders.filter((order) => order.order.number !== null).length;
  await client.query(`SELECT setval('shop.order_number', $1)`, [FIRST_ORDER_NUMBER + numbered - 1]);
  await insertLedger(
    client,
    inTimeByKey(
      orders.flatMap((order) => order.ledger),
      'at',
    ),
  );
}

function paymentWithRefund({ payment, refund }: OrderRows): Row[] {
  return payment === null ? [] : [{ ...payment, refund }];
}

/** The stock that all movements leave behind, and the deliveries that made them possible. */
function stockAfter(
  seed: string,
  movements: readonly Row[],
  since: string,
): { stock: Row[]; receipts: Row[] } {
  const random = randomFrom(seed, 'stock');
  const stock: Row[] = [];
  const receipts: Row[] = [];
  const used = usedStock(movements);
  for (const product of PRODUCTS) {
    for (const warehouse of WAREHOUSES) {
      const { shipped, allocated } = used.get(`${product.id}/${warehouse}`) ?? NOTHING_USED;
      const onHand = allocated + random.whole(150, 600);
      stock.push({ product_id: product.id, warehouse, on_hand: onHand, allocated });
      receipts.push({
        order_line_id: null,
        product_id: product.id,
        warehouse,
        kind: 'RECEIPT',
        quantity: onHand + shipped,
        created_at: since,
      });
    }
  }
  return { stock, receipts };
}

const NOTHING_USED = { shipped: 0, allocated: 0 };

function usedStock(movements: readonly Row[]): Map<string, typeof NOTHING_USED> {
  const used = new Map<string, typeof NOTHING_USED>();
  for (const movement of movements) {
    const key = `${String(movement.product_id)}/${String(movement.warehouse)}`;
    const before = used.get(key) ?? NOTHING_USED;
    const quantity = Number(movement.quantity);
    const { kind } = movement;
    used.set(key, {
      shipped: before.shipped + (kind === 'SHIP' ? quantity : 0),
      allocated: before.allocated + (kind === 'ALLOCATE' ? quantity : -quantity),
    });
  }
  return used;
}

function inTimeOrder(rows: Row[]): Row[] {
  return inTimeByKey(rows, 'created_at');
}

function inTimeByKey(rows: Row[], column: string): Row[] {
  // ISO texts in UTC sort as the times do.
  return rows.sort((one, other) => {
    const [left, right] = [String(one[column]), String(other[column])];
    return left === right ? 0 : left < right ? -1 : 1;
  });
}

function withIds(rows: readonly Row[]): Row[] {
  return rows.map((row, place) => ({ id: place + 1, ...row }));
}

async function insertRows(client: Client, table: string, rows: readonly Row[]): Promise<void> {
  for (let from = 0; from < rows.length; from += ROWS_PER_INSERT) {
    await client.query(
      `INSERT INTO ${table} SELECT * FROM json_populate_recordset(NULL::${table}, $1)`,
      [JSON.stringify(rows.slice(from, from + ROWS_PER_INSERT))],
    );
  }
}

async function insertLedger(client: Client, rows: readonly Row[]): Promise<void> {
  for (let from = 0; from < rows.length; from += ROWS_PER_INSERT) {
    await client.query(
      `INSERT INTO audit.generator_ledger (action, order_id, order_number, changes, at)
       SELECT action, order_id, order_number, changes, at
         FROM json_populate_recordset(NULL::audit.generator_ledger, $1)`,
      [JSON.stringify(rows.slice(from, from + ROWS_PER_INSERT))],
    );
  }
}

async function advanceIdentity(client: Client, table: ShopTable): Promise<void> {
  await client.query(
    `SELECT setval(pg_get_serial_sequence($1, 'id'), greatest(1, (SELECT max(id) FROM shop.${table})))`,
    [`shop.${table}`],
  );
}

async function setTriggers(client: Client, action: 'ENABLE' | 'DISABLE'): Promise<void> {
  for (const table of SHOP_TABLES) {
    await client.query(`ALTER TABLE shop.${table} ${action} TRIGGER USER`);
  }
}
