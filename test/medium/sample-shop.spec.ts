import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Client } from 'pg';
import { FAULT_WAYS, type FaultReport, type FaultWay } from '../../demo/faults/fault-report.js';
import type { SampleShop } from '../../demo/process/sample-shop.js';
import { type RemoteShop, spawnSampleShop } from '../../demo/process/shop-client.js';
import { takeSnapshot, type Snapshot } from '../../demo/proof/snapshot.js';
import { withClient } from '../support/postgres.js';
import {
  failures,
  idsOf,
  noFault,
  openTestShop,
  proveRestore,
  putBackAll,
  putBackStatus,
  putBackStatusAndStock,
  restoreByHand,
  suffer,
  type TestShop,
} from '../support/sample-shop-scene.js';

let opened: TestShop | undefined;
let shop: SampleShop;
let said: readonly string[];

async function openShop(): Promise<void> {
  opened = await openTestShop();
  ({ shop, said } = opened);
}

afterEach(async () => {
  await opened?.close();
  opened = undefined;
});

describe('the past and the traffic', () => {
  beforeEach(openShop);

  it('keep every invariant of the shop, and nothing breaks', async () => {
    const before = await takeSnapshot(shop.databaseUrl);
    await pause(2500);
    shop.setSale(true);
    await pause(1500);
    shop.setSale(false);
    const cancelled = await shop.bulkCancel(40);
    await shop.stopTraffic();
    const after = await takeSnapshot(shop.databaseUrl);

    expect(said).toEqual([]);
    expect(shop.state().traffic).toMatchObject({ errorCount: 0, running: false });
    expect(shop.state().traffic.done['place']).toBeGreaterThan(60);
    expect(cancelled).toHaveLength(40);
    expect(shop.state().traffic.done['refund']).toBeGreaterThanOrEqual(40);
    const report = proveRestore(shop, { before, after }, noFault());
    expect(failures(report)).toEqual([]);
    for (const name of [
      'stock counters equal the open orders',
      'stock on hand equals its movements',
      'stock movements net to the open quantity',
      'intended cancellations are still cancelled',
      'every other change is accounted for',
    ]) {
      expect(report.checks.find((check) => check.name === name)?.examined).toBeGreaterThan(10);
    }
  });

  it('has totals, payments and history that fit each order', async () => {
    await pause(1500);
    await shop.stopTraffic();
    await withClient(shop.databaseUrl, async (client) => {
      for (const [what, sql] of Object.entries(SOUND_ORDERS)) {
        const unsound = await client.query<{ id: string }>(sql);
        expect({ what, orders: unsound.rows.map((row) => row.id) }).toEqual({ what, orders: [] });
      }
      const counts = await client.query<{ status: string; count: number }>(
        `SELECT status, count(*)::int AS count FROM shop.orders GROUP BY status`,
      );
      const statuses = new Map(counts.rows.map((row) => [row.status, row.count]));
      expect([...statuses.keys()].sort()).toEqual(
        ['cart', 'cancelled', 'delivered', 'paid', 'pending_payment', 'picking', 'shipped'].sort(),
      );
    });
  });
});

/** Each answers the orders that are not as the shop's own code leaves them. */
const SOUND_ORDERS: Record<string, string> = {
  'lines add up to the subtotal': `
    SELECT o.id FROM shop.orders o JOIN shop.order_line l ON l.order_id = o.id
     GROUP BY o.id HAVING sum(l.total_minor) <> o.subtotal_minor`,
  'line totals are price times quantity': `
    SELECT order_id AS id FROM shop.order_line WHERE total_minor <> unit_price_minor * quantity`,
  'tax is that of lines and shipping': `
    SELECT o.id FROM shop.orders o JOIN shop.shipping_line s ON s.order_id = o.id
     WHERE o.status <> 'cancelled' AND o.tax_minor <> s.tax_minor +
       (SELECT sum(l.tax_minor) FROM shop.order_line l WHERE l.order_id = o.id)`,
  'money held covers the total of paid orders': `
    SELECT o.id FROM shop.orders o
     WHERE o.status IN ('paid', 'picking', 'shipped', 'delivered') AND o.total_minor IS DISTINCT FROM
       (SELECT sum(p.amount_minor) FROM shop.payment p
         WHERE p.order_id = o.id AND p.state IN ('authorized', 'captured'))`,
  'refunds are those of refunded payments': `
    SELECT p.order_id AS id FROM shop.payment p LEFT JOIN shop.refund r ON r.payment_id = p.id
     WHERE (p.state = 'refunded') <> (r.id IS NOT NULL)`,
  'carts and only carts have no number': `
    SELECT id FROM shop.orders WHERE (status = 'cart') <> (number IS NULL)
        OR (status = 'cart') <> (placed_at IS NULL)`,
  'the last history row tells the status': `
    SELECT o.id FROM shop.orders o JOIN LATERAL
      (SELECT to_status FROM shop.order_history h WHERE h.order_id = o.id AND to_status IS NOT NULL
        ORDER BY h.id DESC LIMIT 1) h ON true
     WHERE h.to_status <> o.status`,
  'nothing happens before the order exists or in the future': `
    SELECT o.id FROM shop.orders o JOIN shop.order_history h ON h.order_id = o.id
     WHERE h.created_at < o.created_at OR h.created_at > now()`,
};

describe.each(FAULT_WAYS)('the unpaid-orders job by %s', (way) => {
  beforeEach(openShop);

  it('cancels what it says; a careful restore undoes it, and the proof holds', async () => {
    const { before, after: harmed, fault } = await suffer(shop, { way, orders: 10 });

    expect(fault.cancelled.length).toBeGreaterThanOrEqual(10);
    expect(fault).toMatchObject({ way, running: false, errors: [] });
    // line by line, some orders are left half way
    expect(fault.abandoned.length > 0).toBe(way === 'lines');
    const customers = new Set(fault.cancelled.map((order) => order.customerId));
    expect(customers.size).toBe(fault.cancelled.length);
    const rows = harmed.tables.get('shop.orders')?.rows;
    for (const { orderId } of fault.cancelled) {
      expect(rows?.get(orderId)).toMatchObject(EXPECTED_AFTER[way]);
    }
    expect(shapeOf(fault)).toEqual(EXPECTED_SHAPE[way]);
    const quantities = fault.cancelled.map(({ orderId }) => quantityLeft(harmed, orderId));
    if (way === 'api' || way === 'lines') expect(new Set(quantities)).toEqual(new Set([0]));
    else expect(Math.min(...quantities)).toBeGreaterThan(0);
    const unrestored = proveRestore(
      shop,
      { before, after: harmed },
      { fault, leftToPeople: idsOf(fault) },
    );
    expect(failures(unrestored)).toEqual([]);

    const plan = await restoreByHand(shop, fault, putBackAll);
    const shipped = await shop.ship(fault.cancelled[0]!.number);
    expect(shipped.done).toBe(true);
    await shop.stopTraffic();

    const after = await takeSnapshot(shop.databaseUrl);
    const report = proveRestore(shop, { before, after }, { fault, plan, restored: idsOf(fault) });
    expect(failures(report)).toEqual([]);
    const restored = report.checks.find((one) => one.name === 'restored orders are as they were');
    expect(restored?.examined).toBeGreaterThan(300);
    expect(said).toEqual([]);
  });

  it('is not undone by a sloppy restore, and the proof says so', async () => {
    // few: what is not undone of one order fails the proof
    const { before, fault } = await suffer(shop, { way, orders: 4 });
    const sloppy = way === 'sql' ? putBackStatusAndStock : putBackStatus;
    const plan = await restoreByHand(shop, fault, sloppy);
    await shop.stopTraffic();

    const after = await takeSnapshot(shop.databaseUrl);
    const report = proveRestore(shop, { before, after }, { fault, plan, restored: idsOf(fault) });

    expect(report.holds).toBe(false);
    expect(failures(report).map((failure) => failure.split(':')[0])).toEqual(SLOPPY_FAILURES[way]);
  });
});

describe("Reinstate's logins", () => {
  beforeEach(openShop);

  it('may do their duty and nothing more', async () => {
    const { attach, replicate, read, write } = shop.credentials();
    const slot = `slot_${new URL(read).pathname.slice(1)}`;

    await withClient(attach, async (client) => {
      await client.query('CREATE PUBLICATION reinstate FOR TABLE shop.orders, shop.stock');
      await client.query('ALTER TABLE shop.orders REPLICA IDENTITY FULL');
    });
    await withClient(replicate, async (client) => {
      await client.query(`SELECT pg_create_logical_replication_slot($1, 'pgoutput')`, [slot]);
      await client.query('SELECT pg_drop_replication_slot($1)', [slot]);
      await refuses(client, 'SELECT * FROM shop.orders');
    });
    await withClient(read, async (client) => {
      await client.query('SELECT * FROM shop.order_history LIMIT 1');
      await refuses(client, `UPDATE shop.orders SET status = 'paid'`);
      await refuses(client, 'SELECT * FROM audit.write_log');
    });
    await withClient(write, async (client) => {
      const first = `(SELECT min(id) FROM shop.orders)`;
      await client.query(`SELECT 1 FROM shop.orders WHERE id = ${first} FOR UPDATE`);
      await client.query(`UPDATE shop.stock SET allocated = allocated`);
      for (const table of ['orders', 'order_line', 'stock_movement', 'order_history']) {
        await refuses(client, `DELETE FROM shop.${table}`);
      }
      await refuses(client, `UPDATE shop.order_history SET reason = 'nothing happened'`);
      await refuses(client, `UPDATE shop.customer SET name = 'somebody'`);
      await refuses(
        client,
        `INSERT INTO audit.generator_ledger (action, changes) VALUES ('x', '{}')`,
      );
    });
    await withClient(shop.databaseUrl, async (client) => {
      const touched = await client.query<{ role: string; count: number }>(
        `SELECT role, count(*)::int AS count FROM audit.write_log
          WHERE role <> $1 GROUP BY role`,
        [`shop_app_${client.database ?? ''}`],
      );
      expect(touched.rows).toEqual([{ role: shop.writeRole, count: 138 }]);
    });
  });

  async function refuses(client: Client, sql: string): Promise<void> {
    await expect(client.query(sql)).rejects.toMatchObject({ code: '42501' });
  }
});

describe('the shop in its own process', () => {
  let directory: string;
  let directories: Set<string>;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sample-shop-'));
    directories = new Set([directory]);
  });
  afterEach(async () => {
    for (const used of directories) await rm(used, { recursive: true, force: true });
  });

  async function spawnFromSource(lines: string[], signal?: AbortSignal): Promise<RemoteShop> {
    const root = fileURLToPath(new URL('../..', import.meta.url));
    const remote = await spawnSampleShop({
      dataDirectory: join(directory, 'data'),
      seed: 'process',
      arguments: ['--orders-per-second', '10', '--history-orders', '300', '--customers', '300'],
      nodeArguments: [
        '--experimental-transform-types',
        '--disable-warning=ExperimentalWarning',
        ...['--import', join(root, 'test/support/resolve-typescript.mjs')],
      ],
      script: join(root, 'demo/shop-process.ts'),
      say: (line) => lines.push(line),
      ...(signal && { signal }),
    });
    directories.add(remote.ready.dataDirectory);
    return remote;
  }

  it('obeys its control, goes on where it was, and leaves no server behind: shut down, ended, or let go by its parent', async () => {
    const lines: string[] = [];
    const remote = await spawnFromSource(lines);
    const stranger = await fetch(`${remote.ready.controlUrl}/credentials`);
    expect(stranger.status).toBe(401);
    await expect(remote.startFault({ way: 'api', orders: 0 })).rejects.toThrow('400');
    await expect(remote.order('S-1')).rejects.toThrow('404');

    await remote.startFault({ way: 'api', orders: 3, burstMs: 100 });
    await expect(remote.startFault({ way: 'api', orders: 3 })).rejects.toThrow('409');
    while (((await remote.state()).fault?.cancelled.length ?? 0) < 3) await pause(50);
    const fault = await remote.stopFault();
    const { number } = fault!.cancelled[0]!;
    expect(await remote.order(number)).toMatchObject({ number, status: 'cancelled' });
    await expect(remote.ship(number)).rejects.toThrow('wrong_status');
    expect(await remote.bulkCancel(5)).toHaveLength(5);
    await remote.startSale();
    expect((await remote.state()).traffic).toMatchObject({ sale: true, ordersPerSecond: 50 });
    await remote.stopSale();
    await remote.stopTraffic();
    expect((await remote.state()).traffic).toMatchObject({ running: false, errorCount: 0 });
    expect(await remote.shutdown()).toBe(0);
    await expect(takeSnapshot(remote.ready.databaseUrl)).rejects.toThrow('ECONNREFUSED');

    const again = await spawnFromSource(lines);
    expect(again.ready.pastOrders).toBeGreaterThanOrEqual(remote.ready.pastOrders);
    expect(await again.order(number)).toMatchObject({ status: 'cancelled' });
    await pause(1500);
    expect((await again.state()).traffic.errors).toEqual([]);
    process.kill(again.ready.pid, 'SIGTERM');
    expect(await again.ended).toBe(0);
    await expect(takeSnapshot(again.ready.databaseUrl)).rejects.toThrow('ECONNREFUSED');

    // its parent lets go
    const left = await spawnFromSource(lines);
    left.letGo();
    expect(await left.ended).toBe(0);
    await expect(takeSnapshot(left.ready.databaseUrl)).rejects.toThrow('ECONNREFUSED');
  });

  it('ends before it is ready where it is not wanted any more', async () => {
    const unwanted = new AbortController();
    const reason = new Error('somebody pressed Ctrl-C');
    setTimeout(() => unwanted.abort(reason), 1_000);
    await expect(spawnFromSource([], unwanted.signal)).rejects.toBe(reason);
    const cluster = join(directory, 'data', 'postmaster.pid');
    await expect(access(cluster)).rejects.toThrow('ENOENT');
  });
});

const EXPECTED_AFTER: Record<FaultWay, Record<string, unknown>> = {
  api: { status: 'cancelled', total_minor: '0', cancel_reason: 'payment not received' },
  sql: { status: 'cancelled', cancelled_at: null, cancel_reason: null },
  steps: { status: 'cancelled', cancel_reason: 'payment not received' },
  lines: { status: 'cancelled', total_minor: '0', cancel_reason: 'payment not received' },
};

/** How many transactions wrote for each order, and whether one of them wrote for several orders. */
const EXPECTED_SHAPE: Record<FaultWay, { each: number[]; together: boolean }> = {
  api: { each: [1], together: false },
  sql: { each: [1], together: true },
  steps: { each: [4], together: false },
  // one for each line, and one for the order
  lines: { each: expect.arrayContaining([2, 3]) as number[], together: false },
};

function shapeOf(fault: FaultReport): { each: number[]; together: boolean } {
  const each = new Set(fault.cancelled.map(({ transactions }) => new Set(transactions).size));
  const all = fault.cancelled.flatMap(({ transactions }) => [...new Set(transactions)]);
  return { each: [...each], together: new Set(all).size < all.length };
}

function quantityLeft(snapshot: Snapshot, orderId: string): number {
  const lines = [...(snapshot.tables.get('shop.order_line')?.rows.values() ?? [])];
  return lines
    .filter((line) => line['order_id'] === orderId)
    .reduce((sum, line) => sum + Number(line['quantity']), 0);
}

const SLOPPY_FAILURES: Record<FaultWay, string[]> = {
  api: ['restored orders are as they were', 'appended rows are there once'],
  sql: [
    'appended rows are there once',
    'stock counters equal the open orders',
    'stock movements net to the open quantity',
  ],
  lines: ['restored orders are as they were', 'appended rows are there once'],
  steps: [
    'restored orders are as they were',
    'appended rows are there once',
    'stock counters equal the open orders',
    'stock movements net to the open quantity',
  ],
};
