import { Pool } from 'pg';
import { startLocalPostgres } from '../../local-postgres/local-postgres.js';
import type { FaultReport, FaultWay } from '../faults/fault-report.js';
import { UnpaidOrdersFault } from '../faults/unpaid-orders.js';
import type { FaultSegment } from '../faults/victims.js';
import * as actions from '../generator/actions.js';
import { backfill, type BackfilledShop } from '../generator/backfill.js';
import { customersOf } from '../generator/people.js';
import { Traffic, type TrafficReport } from '../generator/traffic.js';
import {
  createApplicationCredential,
  createReinstateCredentials,
  createShopDatabase,
  type ReinstateCredentials,
  SHOP_SERVER_SETTINGS,
  type ShopDatabase,
} from '../shop/database.js';
import { must } from '../shop/must.js';
import type { Outcome } from '../shop/transaction.js';

export interface OpenShopOptions {
  seed: string;
  ordersPerSecond: number;
  customers: number;
  historyDays: number;
  historyOrders: number;
  /** The last minutes of the past run at the live rate. */
  recentMinutes: number;
  say: (line: string) => void;
}

export interface SampleShopOptions extends OpenShopOptions {
  dataDirectory: string;
}

export const SAMPLE_SHOP_DEFAULTS = {
  seed: 'reinstate',
  ordersPerSecond: 4,
  customers: 1500,
  historyDays: 28,
  historyOrders: 2000,
  recentMinutes: 5,
} as const;
const OFFICE_ORDERS = 60;
const CONNECTIONS = 12;

export interface SampleShopState {
  traffic: TrafficReport;
  fault: FaultReport | null;
}

export interface FaultRequest {
  way: FaultWay;
  orders: number;
  segment: FaultSegment;
  burstMs?: number | undefined;
}

/** The running sample shop: its database server, its customers, and its failures on demand. */
export interface SampleShop {
  /** Superuser URL of the shop's database: for the proof, not for Reinstate. */
  readonly databaseUrl: string;
  readonly writeRole: string;
  readonly pastOrders: number;
  readonly backfillMs: number;
  state(): SampleShopState;
  /** Answers false when the job runs already. */
  startFault(request: FaultRequest): boolean;
  stopFault(): Promise<FaultReport | null>;
  setSale(sale: boolean): void;
  bulkCancel(count: number): Promise<string[]>;
  stopTraffic(): Promise<void>;
  /** The four logins for Reinstate; the same ones whenever asked. */
  credentials(): ReinstateCredentials;
  order(number: string): Promise<Record<string, unknown> | null>;
  /** Picks and ships a paid order, as the warehouse would. */
  ship(number: string): Promise<Outcome<{ number: string }>>;
  /** Ends failure and traffic, then the database server if the shop has started it. */
  stop(): Promise<void>;
}

export interface StartedShop extends SampleShop {
  /** Where the database server's files are, which may not be where they were asked to be. */
  readonly dataDirectory: string;
}

/** Starts the shop's own database server, fills it with a past, and lets customers in. */
export async function startSampleShop(options: SampleShopOptions): Promise<StartedShop> {
  const { dataDirectory, say } = options;
  const settings = SHOP_SERVER_SETTINGS;
  const server = await startLocalPostgres({ dataDirectory, settings, say });
  try {
    const shop = await openSampleShop(options, await createShopDatabase(server.url()));
    const stop = async (): Promise<void> => {
      await shop.stop();
      await server.stop();
    };
    return { ...shop, dataDirectory: server.dataDirectory, stop };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** The same in a database on a server that somebody else keeps, such as a test's. */
export async function openSampleShop(
  options: OpenShopOptions,
  database: ShopDatabase,
): Promise<SampleShop> {
  return sampleShop(await openShop(options, database), database, options.say);
}

interface OpenedShop {
  pool: Pool;
  traffic: Traffic;
  credentials: ReinstateCredentials;
  past: BackfilledShop;
  backfillMs: number;
}

async function openShop(options: OpenShopOptions, database: ShopDatabase): Promise<OpenedShop> {
  const { seed, ordersPerSecond, say } = options;
  const customers = customersOf(seed, options.customers);
  const startedAt = performance.now();
  const past = database.created
    ? await backfill(database.url, {
        seed,
        customers,
        now: new Date(),
        days: options.historyDays,
        orders: options.historyOrders,
        recentMinutes: options.recentMinutes,
        recentOrdersPerSecond: ordersPerSecond,
        officeOrders: OFFICE_ORDERS,
      })
    : await pastOf(database.url);
  const backfillMs = Math.round(performance.now() - startedAt);
  const credentials = await createReinstateCredentials(database);
  const pool = new Pool({
    connectionString: await createApplicationCredential(database),
    application_name: 'sample-shop',
    max: CONNECTIONS,
    // A shop does not wait for ever either: whoever holds its rows longer shows as an error.
    options: '-c lock_timeout=5s -c statement_timeout=20s',
  });
  pool.on('error', (error) => say(`shop: a connection broke: ${error.message}`));
  // of one that breaks while it is used its action tells
  pool.on('connect', (client) => client.on('error', () => undefined));
  const traffic = new Traffic({
    ...{ pool, seed, customers, ordersPerSecond, past },
    onError: (error) => say(`shop: ${error.action} failed: ${error.code ?? ''} ${error.message}`),
  });
  traffic.start();
  return { pool, traffic, credentials, past, backfillMs };
}

/** A shop that was there already: its traffic goes on after its last order. */
async function pastOf(shopUrl: string): Promise<BackfilledShop> {
  const pool = new Pool({ connectionString: shopUrl, max: 1 });
  try {
    const result = await pool.query<{ last: string | null }>(
      `SELECT max(id) AS last FROM shop.orders`,
    );
    return { orders: Number(result.rows[0]?.last ?? 0), unfinished: [] };
  } finally {
    await pool.end();
  }
}

function sampleShop(
  parts: OpenedShop,
  database: ShopDatabase,
  say: (line: string) => void,
): SampleShop {
  const { pool, traffic, credentials } = parts;
  let fault: UnpaidOrdersFault | undefined;
  return {
    databaseUrl: database.url,
    writeRole: database.roles.write,
    pastOrders: parts.past.orders,
    backfillMs: parts.backfillMs,
    state: () => ({ traffic: traffic.report(), fault: fault?.report() ?? null }),
    startFault(request) {
      if (fault?.report().running === true) return false;
      const onError = (error: unknown): void => say(`shop: unpaid-orders failed: ${String(error)}`);
      fault = new UnpaidOrdersFault({ ...request, pool, onError });
      fault.start();
      return true;
    },
    stopFault: async () => (await fault?.stop()) ?? null,
    setSale: (sale) => traffic.setSale(sale),
    bulkCancel: (count) => traffic.bulkCancel(count),
    stopTraffic: () => traffic.stop(),
    credentials: () => credentials,
    order: (number) => readOrder(pool, number),
    ship: (number) => shipByNumber(pool, number),
    async stop() {
      await fault?.stop();
      await traffic.stop();
      await pool.end();
    },
  };
}

async function readOrder(pool: Pool, number: string): Promise<Record<string, unknown> | null> {
  const result = await pool.query<{ document: Record<string, unknown> }>(
    `SELECT to_jsonb(o) || jsonb_build_object('lines',
              (SELECT jsonb_agg(to_jsonb(l) ORDER BY l.id) FROM shop.order_line l
                WHERE l.order_id = o.id)) AS document
       FROM shop.orders o WHERE o.number = $1`,
    [number],
  );
  return result.rows[0]?.document ?? null;
}

async function shipByNumber(pool: Pool, number: string): Promise<Outcome<{ number: string }>> {
  const order = await readOrder(pool, number);
  if (order === null) return { done: false, reason: 'no_such_order' };
  const orderId = String(must(order.id, 'the order id'));
  if (order.status === 'paid') {
    const picked = await actions.pick(pool, orderId);
    if (!picked.done) return picked;
  }
  return actions.ship(pool, orderId);
}
