import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { cancelOrder } from '../../demo/shop/cancel-order.js';
import {
  createApplicationCredential,
  createReinstateCredentials,
  createShopDatabase,
  type ReinstateCredentials,
} from '../../demo/shop/database.js';
import { inTransaction } from '../../demo/shop/transaction.js';
import { configSchema, type RestorePolicy } from '../../src/config/config.schema.js';
import { AheadClock } from '../support/ahead-clock.js';
import type { Answer, HttpCaller } from '../support/http-caller.js';
import { LogLines } from '../support/log-lines.js';
import { testServerUrl, withClient } from '../support/postgres.js';
import { startTestService, type TestService } from '../support/service.js';
import { placePaidOrder, seedShop } from '../support/shop-orders.js';

export interface Staff {
  readonly admin: HttpCaller;
  /** responder */
  readonly robin: HttpCaller;
  /** approvers */
  readonly alex: HttpCaller;
  readonly kim: HttpCaller;
  readonly viewer: HttpCaller;
}

/** The whole service with its background steps, and a real sample shop that it may follow. */
export class FollowedShop {
  private constructor(
    readonly service: TestService<AheadClock>,
    readonly shopId: string,
    readonly credentials: ReinstateCredentials,
    readonly staff: Staff,
    private readonly application: pg.Pool,
    private readonly shopUrl: string,
  ) {}

  static async open(policy: Partial<RestorePolicy> = {}): Promise<FollowedShop> {
    const suffix = randomBytes(5).toString('hex');
    const shopId = `web-${suffix}`;
    const database = await createShopDatabase(testServerUrl('postgres'), `shop_${suffix}`);
    const credentials = await createReinstateCredentials(database);
    const application = new pg.Pool({
      connectionString: await createApplicationCredential(database),
      max: 2,
    });
    await withClient(database.url, seedShop);
    const { replicate, read, write } = credentials;
    const postgres = { replicate, read, write };
    const { shops } = configSchema.parse({
      shops: [{ id: shopId, name: 'Web shop', profile: 'sample-shop', postgres, restore: policy }],
    });
    const service = await startTestService({
      clock: new AheadClock(),
      settings: { shops },
      logStream: new LogLines(),
    });
    const newcomer = async (name: string, role: string) =>
      (await service.newcomer({ name, role })).http;
    const staff = {
      admin: service.admin,
      robin: await newcomer('Robin', 'responder'),
      alex: await newcomer('Alex', 'approver'),
      kim: await newcomer('Kim', 'approver'),
      viewer: await newcomer('Vic', 'viewer'),
    };
    return new FollowedShop(service, shopId, credentials, staff, application, database.url);
  }

  /** Attached, followed and armed. */
  async follow(): Promise<void> {
    const { admin } = this.staff;
    const { attach } = this.credentials;
    await done(admin.post(`/api/v1/shops/${this.shopId}/attach`, { credential: attach }));
    await this.streaming();
    await done(admin.post(`/api/v1/shops/${this.shopId}/arm`, undefined));
  }

  async streaming(): Promise<void> {
    await until('the shop to be followed', async () => {
      const status = await done(this.staff.viewer.get(`/api/v1/shops/${this.shopId}/status`));
      return status['state'] === 'streaming' ? true : undefined;
    });
  }

  /** Paid orders that a job has cancelled. */
  async cancelled(count: number, job: string): Promise<string[]> {
    const orders: string[] = [];
    for (let made = 0; made < count; made += 1)
      orders.push(
        await inTransaction(this.application, (tx) =>
          placePaidOrder(tx, [{ productId: 2, quantity: 1 }]),
        ),
      );
    for (const orderId of orders)
      await inTransaction(this.application, (tx) =>
        cancelOrder(tx, { orderId, actor: { kind: 'job', name: job }, reason: 'unpaid' }),
      );
    return orders;
  }

  /** What declares an incident about what a job did. */
  declarationOf(job: string): object {
    return {
      shop: this.shopId,
      since: new Date(Date.now() - 600_000).toISOString(),
      filter: { actor: job },
      reason: 'customers call',
    };
  }

  /** Waits until so many cases of the incident are judged wrongful; the harm has then stopped. */
  async judged(incident: string, count: number): Promise<void> {
    await until('verdicts', async () => {
      const shown = await done(this.staff.viewer.get(`/api/v1/incidents/${incident}`));
      const { byVerdict } = shown['cases'] as { byVerdict: Record<string, number> };
      return byVerdict['wrongful'] === count ? true : undefined;
    });
    this.service.clock.advance(10_000);
    await until('the harm to have stopped', async () => {
      const path = `/api/v1/incidents/${incident}/bleeding`;
      if ((await done(this.staff.viewer.get(path)))['bleeding'] === false) return true;
      this.service.clock.advance(1_000);
      return undefined;
    });
  }

  /** An incident about so many orders, with an approved plan. */
  async approvedPlan(count: number, job: string): Promise<{ incident: string; plan: Plan }> {
    const { robin } = this.staff;
    await this.cancelled(count, job);
    const incident = idOf(await done(robin.post('/api/v1/incidents', this.declarationOf(job))));
    await this.judged(incident, count);
    const path = `/api/v1/incidents/${incident}/restore-plans`;
    const made = await done(robin.post(path, undefined));
    const plan = { id: idOf(made), hash: String(made['hash']) };
    await this.approve(plan);
    return { incident, plan };
  }

  async approve(plan: Plan): Promise<void> {
    const vote = { decision: 'approved', planHash: plan.hash };
    await done(this.staff.alex.post(`/api/v1/restore-plans/${plan.id}/approvals`, vote));
  }

  async start(plan: Plan): Promise<string> {
    return idOf(
      await done(this.staff.robin.post(`/api/v1/restore-plans/${plan.id}/runs`, undefined)),
    );
  }

  /** Somebody in the shop holds all its orders, so that no restore comes to its end; gives the release. */
  async holdOrders(): Promise<() => Promise<void>> {
    const client = new pg.Client({ connectionString: this.shopUrl });
    await client.connect();
    await client.query('BEGIN');
    await client.query('SELECT FROM shop.orders FOR UPDATE');
    return () => client.end();
  }

  /** In Reinstate's own database, past what holds its runtime role. */
  async asOwner(sql: string, values: readonly unknown[] = []): Promise<void> {
    await withClient(this.service.database.url, (client) => client.query(sql, [...values]));
  }

  async close(): Promise<void> {
    await this.application.end();
    await this.service.stop();
    await withClient(this.shopUrl, (client) =>
      client.query(
        `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()`,
      ),
    );
    const name = new URL(this.shopUrl).pathname.slice(1);
    await withClient(testServerUrl('postgres'), (client) =>
      client.query(`DROP DATABASE ${name} WITH (FORCE)`),
    );
  }
}

export interface Plan {
  readonly id: string;
  readonly hash: string;
}

/** The body of an answer that has to be a good one. */
export async function done(answer: Promise<Answer>): Promise<Record<string, unknown>> {
  const { status, body, text } = await answer;
  if (status >= 300) throw new Error(`${status}: ${text}`);
  return body;
}

export function idOf(body: Record<string, unknown>): string {
  return String(body['id']);
}

export async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 45_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await pause(50);
  }
}
