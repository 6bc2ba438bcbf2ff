import { pause } from '../../demo/story/waiting.js';
import { prove } from '../../demo/proof/prove.js';
import { takeSnapshot, type Snapshot } from '../../demo/proof/snapshot.js';
import type { PlannedRow, StruckOrder } from '../../demo/proof/proof-input.js';
import { rowsOf } from './orders.js';
import type { Stage } from './stage.js';

/** What a run was to do, and what stood in the shop before. */
export interface Truth {
  readonly planId: string;
  readonly runId: string;
  /** orders that the run had to write, and how often each of them was written by all its runs */
  readonly orders: readonly string[];
  readonly writesOfEach: number;
}

/** The demo's proof: the shop's whole database before the harm and after the restore, traffic and all. */
export async function proofFaults(
  stage: Stage,
  { planId, runId, before, struck }: Truth & { before: Snapshot; struck: readonly StruckOrder[] },
): Promise<string[]> {
  const restored = await ordersOf(stage, runId, true);
  const report = prove({
    before,
    after: await takeSnapshot(stage.shop.databaseUrl),
    writeRole: stage.shop.writeRole,
    plan: await plannedRows(stage, planId),
    restored,
    leftToPeople: struck.map(({ orderId }) => orderId).filter((id) => !restored.includes(id)),
    fault: { cancelled: struck, abandoned: [] },
  });
  return report.checks
    .filter(({ holds }) => !holds)
    .map(({ name, violations }) => `${name}: ${violations.slice(0, 3).join('; ')}`);
}

async function plannedRows(stage: Stage, planId: string): Promise<PlannedRow[]> {
  const items = await stage.query<{
    orderId: string;
    changes: { table: string; key?: string[] }[];
  }>(
    `SELECT order_id AS "orderId", changes FROM restore_plan_item WHERE plan_id = $1 AND disposition = 'reopen'`,
    [planId],
  );
  return items.flatMap(({ orderId, changes }) =>
    changes.map(({ table, key }) => ({ table, key: key ?? null, orderId })),
  );
}

async function ordersOf(stage: Stage, runId: string, verified: boolean): Promise<string[]> {
  const rows = await stage.query<{ id: string }>(
    `SELECT order_id AS id FROM restore_run_item WHERE run_id = $1 AND (state = 'verified') = $2`,
    [runId, verified],
  );
  return rows.map(({ id }) => id);
}

/** The rows of the orders as they are to be. */
export async function rowFaults(
  stage: Stage,
  orders: readonly string[],
  wanted: readonly string[],
): Promise<string[]> {
  const found = await rowsOf(stage.pool, orders);
  const title = (row: string) => row.split(' ', 2).join(' ');
  const missing = wanted.filter((row) => !found.includes(row));
  return missing.map((row) => `${title(row)} is not as it was`);
}

/** What holds of every run that has ended, whatever struck it. */
export async function runFaults(stage: Stage, truth: Truth): Promise<string[]> {
  return [
    ...(await itemFaults(stage, truth)),
    ...(await writeFaults(stage, truth)),
    ...(await stockFaults(stage)),
    ...(await timelineFaults(stage, truth)),
    ...(await sessionFaults(stage)),
  ];
}

async function itemFaults(stage: Stage, { runId, orders }: Truth): Promise<string[]> {
  const items = await stage.query<{ order_id: string; state: string; reason: string | null }>(
    'SELECT order_id, state, reason FROM restore_run_item WHERE run_id = $1',
    [runId],
  );
  const wrong = items
    .filter(({ state }) => state !== 'verified')
    .map((item) => `order ${item.order_id} is ${item.state} (${item.reason ?? 'no reason'})`);
  return items.length === orders.length ? wrong : [...wrong, `${items.length} items in the run`];
}

/** Each order in exactly one transaction of the write login for each run; no other order in any. */
async function writeFaults(stage: Stage, { orders, writesOfEach }: Truth): Promise<string[]> {
  const { rows } = await stage.pool.query<{ id: string; times: string; rows: string }>(
    `SELECT key AS id, count(DISTINCT transaction_id) AS times, count(*) AS rows FROM audit.write_log
      WHERE role = $1 AND table_name = 'shop.orders' AND key = ANY ($2) GROUP BY key`,
    [stage.shop.writeRole, orders],
  );
  const times = new Map(rows.map((row) => [row.id, Number(row.times)]));
  return orders
    .filter((id) => times.get(id) !== writesOfEach)
    .map((id) => `order ${id} was written ${times.get(id) ?? 0} times, not ${writesOfEach}`);
}

/** What is allocated is what the ledger holds, product by product. */
async function stockFaults(stage: Stage): Promise<string[]> {
  const { rows } = await stage.pool.query<{ place: string }>(
    `SELECT format('product %s in %s', s.product_id, s.warehouse) AS place FROM shop.stock s
      WHERE s.allocated <> (SELECT coalesce(sum(CASE m.kind WHEN 'ALLOCATE' THEN m.quantity ELSE -m.quantity END), 0)
                              FROM shop.stock_movement m
                             WHERE m.product_id = s.product_id AND m.warehouse = s.warehouse AND m.kind <> 'RECEIPT')`,
  );
  return rows.map(({ place }) => `${place}: the counter is not what the ledger holds`);
}

/** Told once that it was written, and once that it was verified; of the run, once that it has finished. */
async function timelineFaults(stage: Stage, { runId, orders }: Truth): Promise<string[]> {
  const rows = await stage.query<{ type: string; id: string; count: number }>(
    `SELECT type, data->>'orderId' AS id, count(*) FROM timeline_entry
      WHERE data->>'runId' = $1 AND type IN ('order-restored', 'order-verified', 'order-undone') GROUP BY 1, 2`,
    [runId],
  );
  const doubled = rows.filter(({ count }) => count !== 1);
  const told = new Set(rows.filter(({ type }) => type !== 'order-restored').map(({ id }) => id));
  return [
    ...doubled.map(({ type, id, count }) => `order ${id} has ${type} ${count} times`),
    ...orders.filter((id) => !told.has(id)).map((id) => `nobody says that order ${id} is done`),
  ];
}

/** Longer than any bound that a session of ours has, the six seconds of a whole transaction among them. */
const boundsMs = 20_000;

/** No session of ours holds anything in the shop: one that was left behind is ended by the bounds that it was given. */
async function sessionFaults(stage: Stage): Promise<string[]> {
  const busy = async () => {
    const { rows } = await stage.pool.query<{ state: string }>(
      `SELECT state FROM pg_stat_activity WHERE usename = $1 AND state <> 'idle' AND datname = current_database()`,
      [stage.shop.writeRole],
    );
    return rows;
  };
  const begun = performance.now();
  let left = await busy();
  while (left.length > 0 && performance.now() - begun < boundsMs) {
    await pause(200);
    left = await busy();
  }
  return left.map(({ state }) => `a session of the write login is still ${state}`);
}
