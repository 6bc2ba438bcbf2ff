import { setTimeout as pause } from 'node:timers/promises';
import { expect } from '@jest/globals';
import type { Client } from 'pg';
import type { FaultReport, FaultWay } from '../../demo/faults/fault-report.js';
import { openSampleShop, type SampleShop } from '../../demo/process/sample-shop.js';
import type { PlannedRow, ProofReport } from '../../demo/proof/proof-input.js';
import { prove } from '../../demo/proof/prove.js';
import { type Row, type Snapshot, takeSnapshot } from '../../demo/proof/snapshot.js';
import { createShopDatabase } from '../../demo/shop/database.js';
import { createTestDatabase, testServerUrl, withClient } from './postgres.js';

const OPTIONS = {
  seed: 'medium',
  ordersPerSecond: 20,
  customers: 400,
  historyDays: 3,
  historyOrders: 400,
  recentMinutes: 0.5,
};

export interface TestShop {
  readonly shop: SampleShop;
  /** what it complained of */
  readonly said: readonly string[];
  /** Ends it and drops its database. */
  close(): Promise<void>;
}

/** A sample shop with a short past, in a database of its own on the test server. */
export async function openTestShop(): Promise<TestShop> {
  const said: string[] = [];
  // Only for its free name: the shop makes its own database.
  const { name, drop } = await createTestDatabase();
  await drop();
  const database = await createShopDatabase(testServerUrl('postgres'), name);
  const shop = await openSampleShop({ ...OPTIONS, say: (line) => said.push(line) }, database);
  const close = async (): Promise<void> => {
    await shop.stop();
    await withClient(testServerUrl('postgres'), (client) =>
      client.query(`DROP DATABASE ${name} WITH (FORCE)`),
    );
  };
  return { shop, said, close };
}

/** The job cancels so many orders and is stopped; the database before and after. */
export async function suffer(
  shop: SampleShop,
  { way, orders }: { way: FaultWay; orders: number },
): Promise<{ before: Snapshot; after: Snapshot; fault: FaultReport }> {
  const before = await takeSnapshot(shop.databaseUrl);
  const request = { way, orders, segment: {}, burstMs: 800 };
  expect(shop.startFault(request)).toBe(true);
  expect(shop.startFault(request)).toBe(false);
  while ((shop.state().fault?.cancelled.length ?? 0) < orders) await pause(100);
  const fault = (await shop.stopFault())!;
  const after = await takeSnapshot(shop.databaseUrl);
  return { before, after, fault };
}

export interface Claims {
  fault: FaultReport;
  plan?: PlannedRow[];
  restored?: string[];
  leftToPeople?: string[];
}

export function proveRestore(
  shop: Pick<SampleShop, 'writeRole'>,
  { before, after }: { before: Snapshot; after: Snapshot },
  claims: Claims,
): ProofReport {
  const { fault, plan = [], restored = [], leftToPeople = [] } = claims;
  return prove({ before, after, fault, plan, restored, leftToPeople, writeRole: shop.writeRole });
}

export function noFault(): Claims {
  const at = { startedAt: '', stoppedAt: null };
  return {
    fault: { way: 'api', running: false, ...at, cancelled: [], abandoned: [], errors: [] },
  };
}

export function idsOf(fault: FaultReport): string[] {
  return fault.cancelled.map((order) => order.orderId);
}

export function failures(report: ProofReport): string[] {
  return report.checks
    .filter((check) => !check.holds)
    .map((check) => `${check.name}: ${check.violations[0] ?? ''}`);
}

/** What the fault's transactions found in each row that they changed or added. */
interface Harm {
  table: string;
  key: string;
  before: Row | null;
  after: Row;
}

type PutBack = (client: Client, orderId: string, harm: Harm[]) => Promise<PlannedRow[]>;

/** Restores the job's orders through Reinstate's write login, one transaction each. */
export async function restoreByHand(
  { databaseUrl, credentials }: SampleShop,
  fault: FaultReport,
  putBack: PutBack,
): Promise<PlannedRow[]> {
  const plan: PlannedRow[] = [];
  for (const { orderId, transactions } of fault.cancelled) {
    const harm = await withClient(databaseUrl, (client) => harmTo(client, orderId, transactions));
    expect(harm.length).toBeGreaterThan(0);
    await withClient(credentials().write, async (client) => {
      await client.query('BEGIN');
      await client.query('SELECT 1 FROM shop.orders WHERE id = $1 FOR UPDATE', [orderId]);
      plan.push(...(await putBack(client, orderId, harm)));
      await client.query('COMMIT');
    });
  }
  return plan;
}

async function harmTo(client: Client, orderId: string, transactions: string[]): Promise<Harm[]> {
  const result = await client.query<Harm>(
    `SELECT table_name AS table, key, row_before AS before, row_after AS after
       FROM audit.write_log w
      WHERE transaction_id::text = ANY ($1)
        AND (row_after ->> 'order_id' = $2 OR table_name = 'shop.orders' AND key = $2
             OR row_after ->> 'order_line_id' IN
                (SELECT id::text FROM shop.order_line WHERE order_id = $2::bigint))
      ORDER BY id`,
    [transactions, orderId],
  );
  return result.rows;
}

/** Values set back, stock taken again where it was released, history told. */
export async function putBackAll(
  client: Client,
  orderId: string,
  harm: Harm[],
): Promise<PlannedRow[]> {
  const plan: PlannedRow[] = [];
  // newest first: a row may have been harmed several times
  for (const { table, key, before, after } of [...harm].reverse()) {
    if (before !== null) {
      await setBack(client, { table, key, before });
      plan.push({ table, key, orderId });
    } else if (table === 'shop.stock_movement') {
      plan.push(...(await takeStockAgain(client, orderId, after)));
    }
  }
  if (harm.some(({ table }) => table === 'shop.order_history')) {
    await client.query(
      `INSERT INTO shop.order_history (order_id, type, from_status, to_status, actor_kind, actor, reason)
       VALUES ($1, 'STATUS', 'cancelled', 'paid', 'system', 'by hand', 'cancelled by mistake')`,
      [orderId],
    );
    plan.push({ table: 'order_history', key: null, orderId });
  }
  return plan;
}

async function setBack(
  client: Client,
  { table, key, before }: { table: string; key: string; before: Row },
): Promise<void> {
  const kept = ['id', 'updated_at', 'version'];
  const columns = Object.keys(before).filter((column) => !kept.includes(column));
  await client.query(
    `UPDATE ${table} t SET ${columns.map((column) => `${column} = was.${column}`).join(', ')}
       FROM jsonb_populate_record(NULL::${table}, $1) was WHERE t.id = $2`,
    [JSON.stringify(before), key],
  );
}

async function takeStockAgain(
  client: Client,
  orderId: string,
  movement: Row,
): Promise<PlannedRow[]> {
  const { product_id: product, warehouse, quantity } = movement;
  await client.query(
    `UPDATE shop.stock SET allocated = allocated + $3 WHERE product_id = $1 AND warehouse = $2`,
    [product, warehouse, quantity],
  );
  const added = await client.query<{ id: string }>(
    `INSERT INTO shop.stock_movement (order_line_id, product_id, warehouse, kind, quantity)
     VALUES ($1, $2, $3, 'ALLOCATE', $4) RETURNING id`,
    [movement['order_line_id'], product, warehouse, quantity],
  );
  return [
    { table: 'shop.stock', key: [String(product), String(warehouse)], orderId },
    { table: 'shop.stock_movement', key: added.rows[0]!.id, orderId },
  ];
}

export async function putBackStatus(client: Client, orderId: string): Promise<PlannedRow[]> {
  await client.query(`UPDATE shop.orders SET status = 'paid' WHERE id = $1`, [orderId]);
  return [{ table: 'shop.orders', key: orderId, orderId }];
}

/** Believes that the stock was released, as the shop's own way would have done. */
export async function putBackStatusAndStock(
  client: Client,
  orderId: string,
): Promise<PlannedRow[]> {
  const plan = await putBackStatus(client, orderId);
  const lines = await client.query<Record<string, string>>(
    `SELECT l.id AS order_line_id, l.product_id, o.warehouse, l.quantity
       FROM shop.order_line l JOIN shop.orders o ON o.id = l.order_id WHERE o.id = $1`,
    [orderId],
  );
  for (const line of lines.rows) plan.push(...(await takeStockAgain(client, orderId, line)));
  return plan;
}
