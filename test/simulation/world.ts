import { join } from 'node:path';
import pg from 'pg';
import { randomFrom, type Random } from '../../demo/generator/random.js';
import { AccessService } from '../../src/access/access.service.js';
import { AuditService } from '../../src/access/audit.service.js';
import { AuditStore } from '../../src/access/audit.store.js';
import type { Caller } from '../../src/access/caller.js';
import { configSchema, type Config } from '../../src/config/config.schema.js';
import { ServiceKey } from '../../src/journal/personal-data.js';
import { ManualClock } from '../../src/platform/clock.js';
import { ownValues } from '../../src/platform/database/value-parsers.js';
import { packageRoot } from '../../src/platform/package-root.js';
import { MarkerKey } from '../../src/shops/restore-marker.js';
import type { RestoreItem } from '../../src/shops/shop-adapter.js';
import { ShopRegistry, type Shop } from '../../src/shops/shop-registry.js';
import { ShopService } from '../../src/shops/shop.service.js';
import { ShopStore } from '../../src/shops/shop.store.js';
import { openRegistry } from '../../src/shops/shops.module.js';
import { createReinstateDatabase, type ReinstateTestDatabase } from '../support/postgres.js';
import { testShopProfile } from '../support/test-shop.js';
import { toldShops } from '../support/told-events.js';
import { PageReceiver } from './page-receiver.js';
import { SimulationLog } from './simulation-log.js';
import { SimulatedProcess, type Ended } from './process.js';
import {
  drawFault,
  drawWeights,
  type FaultWeights,
  type RestoreFault,
} from './shop/shop-faults.js';
import { ShopSoftware, faultyJob } from './shop/shop-software.js';
import { StandInAdapter, type ShopSurroundings } from './shop/stand-in-adapter.js';
import { StandInShop } from './shop/stand-in-shop.js';
import { TellingShop } from './shop/telling-shop.js';
import { StandInStream } from './shop/stand-in-stream.js';
import { Trace } from './trace.js';

export const shopId = 'stand-in';
export const toldShopId = 'teller';
/** Not on the hour: that would be a sign of its own. */
const start = new Date('2026-11-22T03:17:30.000Z');
const processNames = ['a', 'b', 'c'] as const;
/** What a shop's server lets a transaction stand idle. */
const idleMsMax = 15_000;

/** A restore (or undo) that Reinstate has committed in the shop. */
export interface ShopWrite {
  readonly item: RestoreItem;
  readonly transactionId: number;
  readonly at: Date;
  /** whether the shop was armed and not stopped when the write was announced */
  readonly wasAllowed: boolean;
  /** statements of ours while the shop's locks were held */
  readonly statementsUnderLock: number;
  /** how far the journal was when the step began in which the order was begun */
  readonly journalledBefore: number;
}

export interface People {
  readonly admin: Caller;
  /** responder */
  readonly robin: Caller;
  /** approvers */
  readonly alex: Caller;
  readonly kim: Caller;
  /** a service that may do all that an approver may */
  readonly bot: Caller;
}

/** All that there is in one seed: the shop, Reinstate's processes and database, people, time. */
export class World implements ShopSurroundings {
  static readonly start = start;
  readonly trace = new Trace();
  readonly clock = new ManualClock(start);
  readonly shopId = shopId;
  readonly markerKey: MarkerKey;
  readonly shop: StandInShop;
  readonly software: ShopSoftware;
  readonly stream: StandInStream;
  readonly receiver: PageReceiver;
  readonly teller: TellingShop;
  readonly processes: readonly SimulatedProcess[];
  /** what Reinstate wrote to the shop, in the order of its commits */
  readonly writes: ShopWrite[] = [];
  /** what must not happen whatever is drawn: found while a step ran */
  readonly surprises: string[] = [];
  readonly log = new SimulationLog((line) => this.surprises.push(line));
  private readonly announced = new Map<
    number,
    Pick<ShopWrite, 'wasAllowed' | 'statementsUnderLock'>
  >();
  /** by item: where the journal was before the step in which it was begun last */
  private readonly begunAt = new Map<string, number>();
  private journalHead = 0;
  private readonly shopDown = { isAway: false, isForgetful: false };
  private readonly weights: FaultWeights;
  private areFaultsOver = false;
  private stepRandom: Random;
  people!: People;

  private constructor(
    readonly seed: number,
    readonly database: ReinstateTestDatabase,
    /** past the runtime role's rights, for the checkers */
    private readonly superuser: pg.Client,
  ) {
    const serviceKey = new ServiceKey(Buffer.alloc(32, 3));
    this.markerKey = MarkerKey.from(serviceKey.bytes);
    this.shop = new StandInShop(testShopProfile(), this.clock);
    this.software = new ShopSoftware(this.shop);
    this.receiver = new PageReceiver(this.trace);
    this.teller = new TellingShop(toldShopId, this.clock);
    this.stream = new StandInStream(this.shop, { shopId, clock: this.clock, trace: this.trace });
    this.stepRandom = this.random('start');
    this.weights = drawWeights(this.random('faults'));
    const config = configOf();
    const app = {
      ...{ config, configDirectory: packageRoot(), clock: this.clock, serviceKey },
      runbooksDirectory: join(packageRoot(), 'runbooks'),
    };
    this.processes = processNames.map(
      (name) =>
        new SimulatedProcess(name, {
          ...{ app, clock: this.clock, settings: database.settings },
          ...{ notifier: this.receiver, log: this.log },
          registryFor: (process) => this.registryFor(process, config),
        }),
    );
  }

  static async create(seed: number): Promise<World> {
    const database = await createReinstateDatabase();
    const superuser = new pg.Client({
      connectionString: database.url,
      options: '-c search_path=reinstate -c TimeZone=UTC',
      types: ownValues,
    });
    await superuser.connect();
    const world = new World(seed, database, superuser);
    await world.begin();
    return world;
  }

  /** Draws of this label, the same whatever else is drawn. */
  random(label: string): Random {
    return randomFrom(String(this.seed), label);
  }

  /** From here on what goes wrong is drawn for this step. */
  async enter(step: string): Promise<Random> {
    const [shop] = await this.query<{ head: number }>(
      'SELECT journal_head AS head FROM shop WHERE id = $1',
      [shopId],
    );
    this.journalHead = shop?.head ?? 0;
    this.stepRandom = this.random(`${step}/faults`);
    return this.random(step);
  }

  /** Nothing goes wrong from here on. */
  async heal(): Promise<void> {
    this.areFaultsOver = true;
    this.shopDown.isAway = false;
    this.shopDown.isForgetful = false;
    this.receiver.heal();
    for (const process of this.processes) {
      if (process.isFrozen) await this.thaw(process);
      process.life.await(undefined);
      if (process.isDead) await process.begin();
    }
  }

  async query<T extends object>(sql: string, values: readonly unknown[] = []): Promise<T[]> {
    return (await this.superuser.query(sql, [...values])).rows as T[];
  }

  /** Changes as long as anything goes on. */
  async progress(): Promise<string> {
    const [row] = await this.query<{ progress: string }>(
      `SELECT concat_ws(' ', (SELECT count(*) FROM timeline_entry), (SELECT count(*) FROM restore_attempt),
         (SELECT sum(journal_head) FROM shop), (SELECT count(*) FROM page_delivery WHERE state = 'pending')) AS progress`,
    );
    return row?.progress ?? '';
  }

  /** The same as before where nothing can have changed, neither in the database nor in the shop. */
  activity(): string {
    const changes = this.processes.map(({ life, isFrozen }) => `${life.changes} ${isFrozen}`);
    return [...changes, this.shop.log.length, this.shop.held.size, this.surprises.length].join();
  }

  /** Processes that can do something now. */
  able(): SimulatedProcess[] {
    return this.processes.filter((process) => !process.isDead && !process.isFrozen);
  }

  /** Time goes on, and with it what others give up by themselves. */
  advance(milliseconds: number): void {
    this.clock.advance(milliseconds);
    this.shop.endIdle(idleMsMax);
  }

  /** Says how something came to its end; what nobody foresaw is kept for the checkers. */
  tell(what: string, ended: Ended): void {
    this.trace.say(`  ${what}: ${wordsOf(ended)}`);
    if (ended.how === 'failed') this.surprises.push(`${what} failed: ${stackOf(ended.error)}`);
  }

  async thaw(process: SimulatedProcess): Promise<void> {
    this.tell(`process ${process.name} goes on`, await process.thaw());
  }

  now(): Date {
    return this.clock.now();
  }

  say(line: string): void {
    this.trace.say(line);
  }

  isAway(): boolean {
    return this.shopDown.isAway;
  }

  isForgetful(): boolean {
    return this.shopDown.isForgetful;
  }

  setShop(down: Partial<World['shopDown']>): void {
    Object.assign(this.shopDown, down);
  }

  faultOf({ itemId }: RestoreItem): RestoreFault {
    this.begunAt.set(itemId, this.journalHead);
    return this.areFaultsOver ? { kind: 'none' } : drawFault(this.stepRandom, this.weights);
  }

  async catchUp(): Promise<void> {
    await this.stream.catchUp(this.able());
  }

  async freeze(name: string): Promise<void> {
    await this.processes.find((process) => process.name === name)?.freeze();
  }

  async noted(_item: RestoreItem, transactionId: number, statements: number): Promise<void> {
    const [shop] = await this.query<{ allowed: boolean }>(
      'SELECT armed_at IS NOT NULL AND stopped_at IS NULL AS allowed FROM shop WHERE id = $1',
      [shopId],
    );
    const wasAllowed = shop?.allowed === true;
    this.announced.set(transactionId, { wasAllowed, statementsUnderLock: statements });
  }

  committed(item: RestoreItem, transactionId: number): void {
    const announced = this.announced.get(transactionId);
    const unannounced = { wasAllowed: false, statementsUnderLock: 0 };
    const journalledBefore = this.begunAt.get(item.itemId) ?? 0;
    const write = { item, transactionId, at: this.now(), journalledBefore };
    this.writes.push({ ...write, ...(announced ?? unannounced) });
  }

  meanwhile(orderId: string, act: 'ship' | 'cancel' | 'annotate'): void {
    this.trace.say(`    shop: order ${orderId} at once: ${act}`);
    if (this.shop.row('shop.orders', orderId)?.['status'] !== 'paid') return;
    if (act === 'ship') this.software.ship(orderId);
    if (act === 'cancel') this.software.cancel(orderId, faultyJob);
    if (act === 'annotate') this.software.annotate(orderId, 'call before delivery');
  }

  async close(): Promise<void> {
    for (const process of this.processes) await process.close();
    await this.superuser.end();
    await this.database.drop();
  }

  private async begin(): Promise<void> {
    const [first, ...others] = this.processes;
    if (first === undefined) throw new Error('a world has a process');
    await first.begin();
    this.people = await createPeople(first.get(AccessService));
    await first.get(ShopService).arm(this.people.admin, shopId);
    await this.stream.attach(this.database.database);
    // how many there are is drawn, too
    for (const other of others.slice(0, this.random('processes').whole(0, others.length)))
      await other.begin();
  }

  private async registryFor(process: SimulatedProcess, config: Config): Promise<ShopRegistry> {
    const { database } = process;
    const store = new ShopStore();
    const now = this.now();
    const records = { database, store, audit: new AuditService(database, new AuditStore()), now };
    const { markerKey } = this;
    const told = await openRegistry(records, {
      ...{ shops: config.shops, directory: packageRoot(), markerKey },
    });
    const profile = this.shop.profile;
    const mirrored = { id: shopId, name: 'Stand-in', profileName: profile.profile };
    await database.transaction((transaction) =>
      store.mirror(transaction, { ...mirrored, profileHash: 'stand-in' }, now),
    );
    const mayWrite = () => store.mayWrite(database, shopId);
    const shop: Shop = {
      ...{ id: shopId, name: 'Stand-in', profile, profileHash: 'stand-in' },
      adapter: new StandInAdapter(this.shop, this, process, mayWrite),
      policy: policyOf(this.random('policy')),
      credentials: { replicate: nowhere, read: nowhere, write: nowhere },
    };
    return new ShopRegistry([shop, ...told.list()]);
  }
}

/** The stand-in is in memory: nothing connects to it. */
const nowhere = 'postgresql://nobody@127.0.0.1:1/none';

function configOf(): Config {
  return configSchema.parse({
    shops: toldShops(toldShopId),
    receivers: [{ name: 'chat', webhook: { url: 'http://127.0.0.1:1/', secret: 'x'.repeat(16) } }],
    log_level: 'error',
  });
}

/** Orders go one after the other, so that a seed says in which order. */
function policyOf(random: Random): Shop['policy'] {
  return {
    ...{ approvals: random.weighted({ '0': 1, '1': 8, '2': 2 }) === '1' ? 1 : 2, concurrency: 1 },
    ...{ expires_minutes: random.pick([5, 60]), per_hour: random.pick([5, 100]) },
    ...{ stop_at_failure_rate: random.pick([0.1, 0.5, 1]), stop_at_lock_timeouts: 5 },
    ...{ lock_timeout_ms: 500, statement_timeout_ms: 5_000, transaction_timeout_ms: 15_000 },
  };
}

async function createPeople(access: AccessService): Promise<People> {
  const first = await access.ensureFirstAdmin();
  const admin = await access.authenticate(first?.secret ?? '');
  if (admin === undefined) throw new Error('a new database gives a first admin');
  const make = async (
    name: string,
    role: Caller['role'],
    kind: Caller['kind'] = 'person',
  ): Promise<Caller> => {
    const person = await access.createPerson(admin, { name, kind, email: null });
    const given = { personId: person.id, role, label: 'simulation', days: 90 };
    const caller = await access.authenticate((await access.issueToken(admin, given)).secret);
    if (caller === undefined) throw new Error(`no token for ${name}`);
    return caller;
  };
  return {
    admin,
    robin: await make('Robin', 'responder'),
    alex: await make('Alex', 'approver'),
    kim: await make('Kim', 'approver'),
    bot: await make('Bot', 'admin', 'service'),
  };
}

function wordsOf(ended: Ended): string {
  switch (ended.how) {
    case 'done':
      return typeof ended.value === 'string' ? ended.value : 'done';
    case 'refused':
      return `refused: ${ended.code}`;
    case 'failed':
      return 'failed';
    case 'died':
    case 'frozen':
    case 'hiccup':
      return ended.how;
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
