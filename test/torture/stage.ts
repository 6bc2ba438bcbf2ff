import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { openSampleShop, type SampleShop } from '../../demo/process/sample-shop.js';
import { createShopDatabase } from '../../demo/shop/database.js';
import { until } from '../../demo/story/waiting.js';
import { callerOf, type Answer, type HttpCaller } from '../support/http-caller.js';
import { createReinstateDatabase, type ReinstateTestDatabase } from '../support/postgres.js';
import { patienceMs } from './patience.js';
import { ServiceProcess, type Surroundings } from './service-process.js';
import type { ShopServer } from './shop-server.js';

const shopOptions = {
  ordersPerSecond: 2,
  customers: 200,
  historyDays: 1,
  historyOrders: 40,
  recentMinutes: 0.1,
};

/** That its traffic fails while its server is away is what the stage is for. */
const noWord = (): void => undefined;

/** A process that is gone for good holds its leases no longer than this. */
export const leaseMs = 10_000;

const people = { robin: 'responder', alex: 'approver' } as const;
type Name = keyof typeof people | 'admin';

/** A sample shop with its traffic, Reinstate beside it in processes of its own, and people who use them. */
export class Stage {
  private readonly secrets = new Map<Name, string>();
  private readonly callers = new Map<string, HttpCaller>();
  private readonly processes: ServiceProcess[] = [];
  private spare: Promise<ServiceProcess> | undefined;
  private aheadMs = 0;
  private named = 0;
  current!: ServiceProcess;

  private constructor(
    readonly server: ShopServer,
    readonly shop: SampleShop,
    /** the shop's database, as its superuser */
    readonly pool: pg.Pool,
    readonly reinstate: ReinstateTestDatabase,
    private readonly surroundings: Surroundings,
  ) {}

  /** Its own files stand in a new directory below the one given. */
  static async open(server: ShopServer, below: string): Promise<Stage> {
    const suffix = randomBytes(4).toString('hex');
    const database = await createShopDatabase(server.url(), `shop_${suffix}`);
    const shop = await openSampleShop({ ...shopOptions, seed: suffix, say: noWord }, database);
    const pool = new pg.Pool({ connectionString: shop.databaseUrl, max: 4 });
    pool.on('error', () => undefined);
    pool.on('connect', (client) => client.on('error', () => undefined));
    const reinstate = await createReinstateDatabase();
    const directory = await mkdtemp(join(below, 'stage-'));
    const shopId = `shop-${suffix}`;
    const credentials = shop.credentials();
    const surroundings = { directory, reinstate, shop: credentials, shopId };
    const stage = new Stage(server, shop, pool, reinstate, surroundings);
    await stage.begin(credentials.attach);
    return stage;
  }

  get shopId(): string {
    return this.surroundings.shopId;
  }

  get directory(): string {
    return this.surroundings.directory;
  }

  /** The service's time goes on at once, in all its processes. */
  advance(milliseconds: number): void {
    this.aheadMs += milliseconds;
    for (const process of this.processes) process.setClock(this.aheadMs);
  }

  /** Another process takes over; the one before may live or not. */
  async takeOver(): Promise<void> {
    this.advance(leaseMs);
    await this.beginNext();
  }

  /** Another process takes over the runs of restores from one that is well, and trusts its lease for a while yet. */
  async joinBeside(): Promise<void> {
    const owner = async () => {
      const [row] = await this.query<{ owner: string }>(
        `SELECT owner FROM work_lease WHERE name = 'restore-run'`,
      );
      return row?.owner;
    };
    const before = await owner();
    await this.beginNext();
    const look = async () => {
      if ((await owner()) !== before) return true;
      this.advance(leaseMs);
      return undefined;
    };
    await until('another process at the run', look, { timeoutMs: patienceMs, everyMs: 600 });
  }

  /** Has the next process load meanwhile. */
  prepare(): void {
    this.spare ??= this.spawn();
  }

  /** Ends processes that somebody took over from. */
  async endOthers(): Promise<void> {
    const others = this.processes.filter((process) => process !== this.current);
    for (const process of others) await process.end();
    this.processes.splice(0, this.processes.length, this.current);
  }

  /** One of the people, at the process that works now. */
  async as(name: Name): Promise<HttpCaller> {
    const { url } = this.current;
    const admin = this.callers.get(url) ?? (await callerOf(url, this.secrets.get('admin')));
    this.callers.set(url, admin);
    return admin.as(this.secrets.get(name));
  }

  async query<T extends object>(sql: string, values: readonly unknown[] = []): Promise<T[]> {
    return this.reinstate.database.query<T>(sql, values);
  }

  async end(): Promise<void> {
    await (await this.spare)?.end();
    for (const process of this.processes) await process.end();
    await this.shop.stop();
    await this.pool.end();
    await this.reinstate.drop();
    await rm(this.directory, { recursive: true, force: true });
  }

  private async begin(attach: string): Promise<void> {
    this.current = await this.spawn();
    this.processes.push(this.current);
    const { firstToken } = await this.current.begin(this.aheadMs);
    if (firstToken === undefined) throw new Error('a new service gave no first token');
    this.secrets.set('admin', firstToken);
    const admin = await this.as('admin');
    for (const [name, role] of Object.entries(people)) {
      const person = await done(admin.post('/api/v1/persons', { name }));
      const tokens = `/api/v1/persons/${String(person['id'])}/tokens`;
      const token = await done(admin.post(tokens, { role, label: 'torture' }));
      this.secrets.set(name as Name, String(token['secret']));
    }
    const path = `/api/v1/shops/${this.shopId}`;
    await done(admin.post(`${path}/attach`, { credential: attach }));
    const look = async () => (await done(admin.get(`${path}/status`)))['state'] === 'streaming';
    await until('the shop to be followed', async () => (await look()) || undefined, {
      timeoutMs: patienceMs,
    });
    await done(admin.post(`${path}/arm`, {}));
  }

  private async beginNext(): Promise<void> {
    const next = await (this.spare ?? this.spawn());
    this.spare = undefined;
    await next.begin(this.aheadMs);
    this.processes.push(next);
    this.current = next;
  }

  private async spawn(): Promise<ServiceProcess> {
    this.named += 1;
    return ServiceProcess.spawn(this.surroundings, `service-${this.named}`);
  }
}

/** The answer's body; an answer that refuses is an error in its own words. */
export async function done(answer: Promise<Answer>): Promise<Record<string, unknown>> {
  const { status, body, text } = await answer;
  if (status >= 300) throw new Error(`${status}: ${text}`);
  return body;
}
