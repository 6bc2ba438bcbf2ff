import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Test, type TestingModule } from '@nestjs/testing';
import pg from 'pg';
import {
  createApplicationCredential,
  createReinstateCredentials,
  createShopDatabase,
} from '../../demo/shop/database.js';
import type { Actor } from '../../demo/shop/history.js';
import { inTransaction, type Transaction } from '../../demo/shop/transaction.js';
import { AccessService } from '../../src/access/access.service.js';
import { AppModule, type AppParts } from '../../src/app.module.js';
import { configSchema, type Config } from '../../src/config/config.schema.js';
import type { ActorKind } from '../../src/orders/order-event.js';
import { DeclarationService } from '../../src/incidents/declaration.service.js';
import type { TimelineType } from '../../src/incidents/timeline.js';
import { IncidentsStep } from '../../src/incidents/incidents.step.js';
import { ReplicationService } from '../../src/intake/replication/replication.service.js';
import { ServiceKey } from '../../src/journal/personal-data.js';
import { ApprovalService } from '../../src/restore/approvals/approval.service.js';
import { PlanViewService, type PlanView } from '../../src/restore/plans/plan-view.service.js';
import { PlanService } from '../../src/restore/plans/plan.service.js';
import { RestoreEchoStep } from '../../src/restore/runs/restore-echo.step.js';
import { RestoreRunStep } from '../../src/restore/runs/restore-run.step.js';
import { RunStartService } from '../../src/restore/runs/run-start.service.js';
import { RunViewService } from '../../src/restore/runs/run-view.service.js';
import { UndoService } from '../../src/restore/runs/undo.service.js';
import type { RunView } from '../../src/restore/restore.schema.js';
import { ShopService } from '../../src/shops/shop.service.js';
import { AheadClock } from '../support/ahead-clock.js';
import {
  createReinstateDatabase,
  testServerUrl,
  withClient,
  type ReinstateTestDatabase,
} from '../support/postgres.js';
import { cancelWrongly, placeOrder, placePaidOrder, seedShop } from '../support/shop-orders.js';
import { createPeople, type People } from './restore-people.js';

const signal = new AbortController().signal;

/**
 * The sample shop and Reinstate beside it, attached by real replication. Background steps run when the
 * test says so.
 */
export class Scene {
  private readonly others: TestingModule[] = [];

  private constructor(
    private readonly parts: AppParts,
    readonly reinstate: ReinstateTestDatabase,
    readonly module: TestingModule,
    readonly clock: AheadClock,
    readonly people: People,
    /** the shop's own application */
    readonly shop: pg.Pool,
    private readonly shopUrl: string,
  ) {}

  static async create(
    given: {
      policy?: Partial<Config['shops'][number]['restore']>;
      runbooks?: Partial<Config['runbooks']>;
      /** makes the logins otherwise than the sample shop does */
      credentialsOf?: typeof createReinstateCredentials;
    } = {},
  ): Promise<Scene> {
    const reinstate = await createReinstateDatabase();
    const suffix = randomBytes(5).toString('hex');
    const [name, shopId] = [`shop_${suffix}`, `sample-${suffix}`];
    const shopDatabase = await createShopDatabase(testServerUrl('postgres'), name);
    const credentialsOf = given.credentialsOf ?? createReinstateCredentials;
    const credentials = await credentialsOf(shopDatabase);
    const config = configSchema.parse({
      shops: [
        {
          id: shopId,
          name: 'Sample shop',
          profile: 'sample-shop',
          postgres: {
            replicate: credentials.replicate,
            read: credentials.read,
            write: credentials.write,
          },
          restore: { ...given.policy },
        },
      ],
      runbooks: { ...given.runbooks },
      log_level: 'error',
    });
    const clock = new AheadClock();
    const parts = {
      config,
      configDirectory: process.cwd(),
      runbooksDirectory: join(process.cwd(), 'runbooks'),
      clock,
      database: reinstate.database,
      serviceKey: new ServiceKey(Buffer.alloc(32, 3)),
    };
    const module = await Test.createTestingModule({
      imports: [AppModule.with(parts)],
    }).compile();
    module.useLogger(false);
    await module.init();
    const shop = new pg.Pool({
      connectionString: await createApplicationCredential(shopDatabase),
      max: 4,
    });
    const people = await createPeople(module.get(AccessService, { strict: false }));
    const scene = new Scene(parts, reinstate, module, clock, people, shop, shopDatabase.url);
    await withClient(shopDatabase.url, seedShop);
    await scene.get(ReplicationService).attach(people.admin, shopId, {
      credential: credentials.attach,
      allowUnboundedWal: false,
    });
    await scene.get(ShopService).arm(people.admin, shopId);
    await scene.until('the shop to be followed', async () => {
      const { state } = await scene.get(ReplicationService).status(shopId);
      return state === 'streaming';
    });
    return scene;
  }

  /** Replication slots are named after the shop and belong to the whole server: each scene has its own. */
  get shopId(): string {
    return this.parts.config.shops[0]!.id;
  }

  get<T>(type: new (...parts: never[]) => T): T {
    return this.module.get<T>(type, { strict: false });
  }

  /** Paid orders, one for each quantity, each of a customer of its own. */
  async placePaid(quantities: readonly number[], productId = 3): Promise<string[]> {
    const orderIds: string[] = [];
    for (const quantity of quantities)
      orderIds.push(await this.inShop((tx) => placePaidOrder(tx, [{ productId, quantity }])));
    return orderIds;
  }

  /** An order that its customer has not paid. */
  async placeUnpaid(): Promise<string> {
    return this.inShop((tx) => placeOrder(tx, [{ productId: 3, quantity: 1 }]));
  }

  /** The shop's faulty job (one of this name) cancels them through the shop's own code. */
  async cancel(orderIds: readonly string[], job = 'unpaid-orders'): Promise<void> {
    await this.cancelBy(orderIds, { kind: 'job', name: job });
  }

  async cancelBy(orderIds: readonly string[], actor: Actor): Promise<void> {
    for (const orderId of orderIds)
      await this.inShop((tx) => cancelWrongly(tx, { orderId, actor }));
  }

  /** A declared incident over what one job (or somebody else) cancelled, with its cases judged. */
  async incident(
    cases: number,
    filter: { actor?: string; actorKind?: ActorKind } = { actor: 'unpaid-orders' },
  ): Promise<string> {
    await this.journalled();
    const { shopId } = this;
    const id = await this.get(DeclarationService).declare(this.people.robin, {
      shopId,
      since: new Date(Date.now() - 3_600_000),
      until: null,
      filter,
      reason: 'customers call',
      severity: null,
    });
    this.settle();
    await this.until(`${cases} judged cases`, async () => {
      await this.follow();
      const [row] = await this.query<{ count: number }>(
        `SELECT count(*) FROM incident_case WHERE incident_id = $1 AND settles_at IS NULL`,
        [id],
      );
      return row?.count === cases;
    });
    return id;
  }

  /** A detector has read all of the journal, and found nothing. */
  async detected(): Promise<void> {
    await this.query(
      `INSERT INTO detector_state (shop_id, detector, position, revision, state, state_position, saved_at)
       SELECT id, 'd', journal_head, 1, '{}', journal_head, $2 FROM shop WHERE id = $1
       ON CONFLICT (shop_id, detector) DO UPDATE SET position = excluded.position`,
      [this.shopId, this.clock.now()],
    );
  }

  /** Incidents take in what has happened. */
  async follow(): Promise<void> {
    while ((await this.get(IncidentsStep).run({ now: this.clock.now(), signal })) === 'more');
  }

  /** A job has cancelled these orders, and the incident about it is open. */
  async harm(orderIds: readonly string[], job: string): Promise<string> {
    await this.cancel(orderIds, job);
    return this.incident(orderIds.length, { actor: job });
  }

  /** Time goes on until the harm counts as stopped. */
  settle(): void {
    this.clock.advance(30_000);
  }

  /** Waits until the journal has passed everything that the shop has committed, and detection has read it. */
  async journalled(): Promise<void> {
    await this.written();
    await this.detected();
  }

  /** Waits until the journal has passed everything that the shop has committed. */
  async written(): Promise<void> {
    const [position] = await this.shopQuery<{ lsn: string }>(
      'SELECT pg_current_wal_lsn()::text AS lsn',
    );
    await this.until('the journal to catch up', async () => {
      const [row] = await this.query<{ there: boolean }>(
        'SELECT confirmed_lsn >= $1::pg_lsn AS there FROM replication_stream',
        [position?.lsn],
      );
      return row?.there === true;
    });
  }

  async propose(incidentId: string, caseIds: readonly string[] | null = null): Promise<PlanView> {
    const id = await this.get(PlanService).propose(this.people.robin, { incidentId, caseIds });
    return this.get(PlanViewService).view(id);
  }

  async approve(plan: PlanView, caller = this.people.alex): Promise<void> {
    await this.get(ApprovalService).vote(plan.id, {
      caller,
      decision: 'approved',
      hash: plan.hash,
      breakGlass: false,
      reason: null,
    });
  }

  async start(plan: PlanView, caller = this.people.robin): Promise<string> {
    return this.get(RunStartService).start(caller, {
      planId: plan.id,
      hash: plan.hash,
      override: null,
    });
  }

  /** Proposed, approved by a second person, and started. */
  async started(incidentId: string): Promise<{ plan: PlanView; runId: string }> {
    const plan = await this.propose(incidentId);
    await this.approve(plan);
    return { plan, runId: await this.start(plan) };
  }

  /** Proposed to be taken back, approved by a second person, and started. */
  async startedUndo(runId: string): Promise<{ plan: PlanView; runId: string }> {
    const planId = await this.get(UndoService).propose(this.people.robin, runId);
    const plan = await this.get(PlanViewService).view(planId);
    await this.approve(plan);
    return { plan, runId: await this.start(plan) };
  }

  /** One batch of the run, and the echoes of what it wrote. */
  async tick(): Promise<void> {
    await this.runners();
    await this.heard();
  }

  /** The step of another process on the same databases. */
  async secondRunner(): Promise<RestoreRunStep> {
    const other = await Test.createTestingModule({
      imports: [AppModule.with(this.parts)],
    }).compile();
    this.others.push(other);
    return other.get(RestoreRunStep, { strict: false });
  }

  async runners(...steps: readonly RestoreRunStep[]): Promise<void> {
    await Promise.all(
      [this.get(RestoreRunStep), ...steps].map((step) =>
        step.run({ now: this.clock.now(), signal }),
      ),
    );
  }

  /** Takes in echoes until nothing that was written waits for one. */
  async heard(): Promise<void> {
    await this.until('all echoes', async () => {
      await this.echo();
      const waiting = await this.query(
        `SELECT FROM restore_run_item WHERE state = 'applied' AND echo_position IS NULL AND settled_outcome IS NULL`,
      );
      return waiting.length === 0;
    });
  }

  async echo(): Promise<void> {
    while ((await this.get(RestoreEchoStep).run({ now: this.clock.now(), signal })) === 'more');
  }

  /** Ticks until the run is in a state; gives it. */
  async runUntil(runId: string, ...states: RunView['state'][]): Promise<RunView> {
    for (let ticks = 0; ticks < 60; ticks += 1) {
      const view = await this.run(runId);
      if (states.includes(view.state)) return view;
      await this.tick();
      this.clock.advance(1_000);
    }
    throw new Error(
      `the run never became ${states.join(' or ')}: ${JSON.stringify(await this.run(runId))}`,
    );
  }

  async run(runId: string): Promise<RunView> {
    return this.get(RunViewService).view(runId);
  }

  /** States of the run's items by order id. */
  async itemStates(runId: string): Promise<Record<string, string>> {
    const rows = await this.query<{ order_id: string; state: string; reason: string | null }>(
      'SELECT order_id, state, reason FROM restore_run_item WHERE run_id = $1',
      [runId],
    );
    return Object.fromEntries(
      rows.map((row) => [
        row.order_id,
        row.reason === null ? row.state : `${row.state}: ${row.reason}`,
      ]),
    );
  }

  /** Types of the incident's timeline entries, oldest first, without those of single cases' states. */
  async timeline(incidentId: string): Promise<string[]> {
    const rows = await this.query<{ type: string }>(
      `SELECT type FROM timeline_entry WHERE incident_id = $1 AND type NOT IN ('case-added', 'case-state-changed', 'verdict-changed')
       ORDER BY position`,
      [incidentId],
    );
    return rows.map((row) => row.type);
  }

  async caseStates(incidentId: string): Promise<Record<string, string>> {
    const rows = await this.query<{ order_id: string; state: string }>(
      'SELECT order_id, state FROM incident_case WHERE incident_id = $1',
      [incidentId],
    );
    return Object.fromEntries(rows.map((row) => [row.order_id, row.state]));
  }

  async caseOf(incidentId: string, orderId: string): Promise<string> {
    const [row] = await this.query<{ id: string }>(
      'SELECT id FROM incident_case WHERE incident_id = $1 AND order_id = $2',
      [incidentId, orderId],
    );
    return row!.id;
  }

  /** How often Reinstate's write role has written each of the orders' rows. */
  async writes(orderIds: readonly string[]): Promise<number[]> {
    const rows = await this.shopQuery<{ count: number }>(
      `SELECT count(log.id)::int AS count FROM unnest($1::text[]) WITH ORDINALITY AS wanted (id, place)
         LEFT JOIN audit.write_log log ON log.table_name = 'shop.orders' AND log.key = wanted.id AND log.role LIKE 'reinstate_write%'
       GROUP BY place ORDER BY place`,
      [orderIds],
    );
    return rows.map((row) => row.count);
  }

  /** First lines of the pages, oldest first. */
  async pages(incidentId: string): Promise<string[]> {
    const rows = await this.query<{ first_line: string }>(
      'SELECT first_line FROM page WHERE incident_id = $1 ORDER BY created_at, id',
      [incidentId],
    );
    return rows.map((row) => row.first_line);
  }

  /** What the timeline's entries of a type say, oldest first. */
  async words(incidentId: string, type: TimelineType): Promise<string[]> {
    const rows = await this.query<{ words: string }>(
      `SELECT data->>'words' AS words FROM timeline_entry WHERE incident_id = $1 AND type = $2 ORDER BY position`,
      [incidentId, type],
    );
    return rows.map((row) => row.words);
  }

  /** All that the restore must bring back, and all that it must leave alone: without moments and versions. */
  async shopState(): Promise<Record<string, unknown[]>> {
    const state: Record<string, unknown[]> = {};
    state['orders'] = await this.shopQuery(
      `SELECT to_jsonb(o) - 'updated_at' - 'version' AS row FROM shop.orders o ORDER BY id`,
    );
    for (const table of ['order_line', 'shipping_line', 'payment', 'refund'])
      state[table] = await this.shopQuery(
        `SELECT to_jsonb(t) AS row FROM shop.${table} t ORDER BY id`,
      );
    state['stock'] = await this.shopQuery(
      'SELECT product_id, warehouse, on_hand, allocated FROM shop.stock ORDER BY product_id, warehouse',
    );
    return state;
  }

  async query<T extends object>(sql: string, values: readonly unknown[] = []): Promise<T[]> {
    return this.reinstate.database.query<T>(sql, values);
  }

  /** As the superuser, in the shop's database. */
  async shopQuery<T extends pg.QueryResultRow>(
    sql: string,
    values: readonly unknown[] = [],
  ): Promise<T[]> {
    return withClient(
      this.shopUrl,
      async (client) => (await client.query<T>(sql, [...values])).rows,
    );
  }

  /** In Reinstate's own database, past what holds its runtime role. */
  async asOwner(sql: string): Promise<void> {
    await withClient(this.reinstate.settings.url, (client) => client.query(sql));
  }

  async inShop<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return inTransaction(this.shop, work);
  }

  /** Runs a script as the shop's DBA would. */
  async runScript(script: string): Promise<void> {
    const sql = script
      .split('\n')
      .filter((line) => !line.startsWith('\\'))
      .join('\n');
    await withClient(this.shopUrl, (client) => client.query(sql));
  }

  async until(what: string, done: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + 20_000;
    while (!(await done())) {
      if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  async close(): Promise<void> {
    await this.shop.end();
    for (const module of [this.module, ...this.others]) await module.close();
    await this.reinstate.drop();
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
