import { Registry } from 'prom-client';
import { AuditService } from '../../src/access/audit.service.js';
import { AuditStore } from '../../src/access/audit.store.js';
import type { Caller } from '../../src/access/caller.js';
import { AlertStore } from '../../src/alerting/alert.store.js';
import { AlertingMetrics } from '../../src/alerting/alerting.metrics.js';
import { AlertingSettings } from '../../src/alerting/alerting.settings.js';
import { AlertingStep } from '../../src/alerting/alerting.step.js';
import { PageService } from '../../src/alerting/page.service.js';
import { PageStore } from '../../src/alerting/page.store.js';
import { AlertIntakeService } from '../../src/incidents/alert-intake.service.js';
import { AlikeService } from '../../src/incidents/alike/alike.service.js';
import { AlikeStore } from '../../src/incidents/alike/alike.store.js';
import { AnnouncementService } from '../../src/incidents/announcements/announcement.service.js';
import { AnnouncementStore } from '../../src/incidents/announcements/announcement.store.js';
import type { Case } from '../../src/incidents/case.js';
import { CaseService } from '../../src/incidents/case.service.js';
import { CaseStore } from '../../src/incidents/case.store.js';
import { DeclarationService } from '../../src/incidents/declaration.service.js';
import { DeclaredIncidentService } from '../../src/incidents/declared-incident.service.js';
import { GrowthStore } from '../../src/incidents/growth.store.js';
import { IncidentEnds } from '../../src/incidents/incident-ends.js';
import { IncidentFollowService } from '../../src/incidents/incident-follow.service.js';
import { IncidentDeliveryStore } from '../../src/incidents/incident-delivery.store.js';
import { IncidentPagesStep } from '../../src/incidents/incident-pages.step.js';
import { IncidentProgressService } from '../../src/incidents/incident-progress.service.js';
import type { Incident } from '../../src/incidents/incident.js';
import { IncidentService } from '../../src/incidents/incident.service.js';
import { IncidentStore } from '../../src/incidents/incident.store.js';
import { IncidentRowMetrics } from '../../src/incidents/incident-rows.metrics.js';
import { IncidentsMetrics } from '../../src/incidents/incidents.metrics.js';
import { IncidentsStep } from '../../src/incidents/incidents.step.js';
import { OrderFinder } from '../../src/incidents/order-finder.service.js';
import { OrderNameStore } from '../../src/incidents/order-name.store.js';
import { OrderService } from '../../src/incidents/order.service.js';
import type { TimelineEntry } from '../../src/incidents/timeline.js';
import { ResolveGates } from '../../src/incidents/resolve-gate.js';
import { TimelineService } from '../../src/incidents/timeline.service.js';
import { TimelineStore } from '../../src/incidents/timeline.store.js';
import { JournalReach } from '../../src/incidents/verdict/journal-reach.js';
import { JudgingService } from '../../src/incidents/verdict/judging.service.js';
import { JudgingStore } from '../../src/incidents/verdict/judging.store.js';
import { JournalService } from '../../src/journal/journal.service.js';
import { JournalStore } from '../../src/journal/journal.store.js';
import { PersonalData, ServiceKey } from '../../src/journal/personal-data.js';
import { PersonalKeyStore } from '../../src/journal/personal-key.store.js';
import { RowImageStore } from '../../src/journal/row-image.store.js';
import type { JournalEntry, OrderEvent } from '../../src/orders/order-event.js';
import type { OrderSnapshot } from '../../src/orders/order-snapshot.js';
import { ManualClock } from '../../src/platform/clock.js';
import { newId } from '../../src/platform/ids.js';
import { ScrapedRows } from '../../src/platform/telemetry/scraped-rows.js';
import { WorkQueues } from '../../src/platform/work/work-queues.js';
import { Wake } from '../../src/platform/work/wake.js';
import { PostgresShopAdapter } from '../../src/shops/postgres/postgres-shop-adapter.js';
import { ShopRegistry, type Shop } from '../../src/shops/shop-registry.js';
import { insertShop, orderEvent } from './order-events.js';
import { createReinstateDatabase, type ReinstateTestDatabase } from './postgres.js';
import { testShopProfile } from './test-shop.js';

export const shopId = 'shop';
/** Not on the hour: that would be a sign of its own. */
export const start = new Date('2026-11-22T03:17:30.000Z');

/** An order that is cancelled, with what the shop holds of it. */
export interface Cancellation extends Partial<OrderEvent> {
  /** captured; 4990 where it is left out */
  readonly heldMinor?: number;
  /** seconds after the start */
  readonly second?: number;
}

export interface FindingNumbers {
  readonly orders: number;
  readonly rising?: boolean;
  readonly expected?: number;
}

/** Alerting and incidents on a real database, fed with journal entries and findings by hand. */
export class IncidentHarness {
  private events = 0;

  private constructor(
    readonly test: ReinstateTestDatabase,
    readonly clock: ManualClock,
    readonly registry: Registry,
    readonly parts: ReturnType<typeof assemble>,
    readonly caller: Caller,
    readonly colleague: Caller,
  ) {}

  /** `readUrl`: a real shop, where a test asks it something */
  static async create(readUrl = 'postgresql://nobody@127.0.0.1:1/none'): Promise<IncidentHarness> {
    const test = await createReinstateDatabase();
    await test.database.query(insertShop, [shopId]);
    const clock = new ManualClock(start);
    const registry = new Registry();
    const parts = assemble(test, { clock, registry, readUrl });
    const [caller, colleague] = [
      await person(test, 'anna', 'person'),
      await person(test, 'bert', 'person'),
    ];
    return new IncidentHarness(test, clock, registry, parts, caller, colleague);
  }

  async close(): Promise<void> {
    await this.parts.shops.onModuleDestroy();
    await this.test.drop();
  }

  /** Journals events of the shop, each its own source transaction. */
  async journal(events: readonly Partial<OrderEvent>[]): Promise<JournalEntry[]> {
    const full = events.map((event) =>
      orderEvent((this.events += 1), {
        committedAt: this.clock.now().toISOString(),
        ...event,
        shopId,
      }),
    );
    return this.test.database.transaction((transaction) =>
      this.parts.journal.append(transaction, shopId, full, this.clock.now()),
    );
  }

  /** Journals cancellations of orders, with their rows as the shop has them afterwards. */
  async cancel(orders: Readonly<Record<string, Cancellation>>): Promise<JournalEntry[]> {
    const entries = Object.entries(orders).map(([orderId, given]) => cancelled(orderId, given));
    await this.hold(
      Object.fromEntries(
        Object.entries(orders).map(([orderId, { heldMinor = 4_990 }]) => [orderId, heldMinor]),
      ),
    );
    return this.journal(entries);
  }

  /** The shop's rows of cancelled orders, with so much money captured of each. */
  async hold(orders: Readonly<Record<string, number>>): Promise<void> {
    const rows = Object.entries(orders).flatMap(([orderId, heldMinor]) =>
      rowsOf(orderId, heldMinor),
    );
    await this.test.database.transaction((transaction) =>
      this.parts.rowImages.write(transaction, shopId, rows),
    );
  }

  /** A live finding about these entries. */
  async find(
    fingerprint: string,
    entries: readonly JournalEntry[],
    numbers: FindingNumbers = { orders: entries.length },
  ): Promise<string> {
    const id = newId();
    await this.test.database.query(
      `INSERT INTO finding (id, shop_id, detector, fingerprint, state, slice, sentence, measure, first_event_at,
         last_event_at, found_at)
       VALUES ($1, $2, 'scan', $3, 'live', '{}', $4, $5, $6, $6, $6)`,
      [id, shopId, fingerprint, sentence(numbers), measure(numbers), this.clock.now()],
    );
    await this.addEntries(id, entries);
    return id;
  }

  /** The finding goes on: more entries, other numbers, or closed. */
  async refind(
    findingId: string,
    entries: readonly JournalEntry[],
    numbers: FindingNumbers & { readonly closed?: boolean },
  ): Promise<void> {
    await this.addEntries(findingId, entries);
    await this.test.database.query(
      `UPDATE finding SET version = version + 1, sentence = $2, measure = $3, state = $4, closed_at = $5 WHERE id = $1`,
      [
        findingId,
        sentence(numbers),
        measure(numbers),
        numbers.closed === true ? 'closed' : 'live',
        numbers.closed === true ? this.clock.now() : null,
      ],
    );
  }

  /** Runs the steps `alerting` and `incidents` until there is nothing left to do. */
  async run(): Promise<void> {
    await this.runAlerting();
    await this.runIncidents();
  }

  async runAlerting(): Promise<void> {
    while ((await this.parts.alerting.run(this.context())) === 'more');
  }

  async runIncidents(): Promise<void> {
    while ((await this.parts.step.run(this.context())) === 'more');
  }

  context(): { now: Date; signal: AbortSignal } {
    return { now: this.clock.now(), signal: new AbortController().signal };
  }

  async incidents(): Promise<Incident[]> {
    const all = { shopId: null, statuses: null, beforeNumber: null, limit: 100 };
    return this.parts.incidents.list(all);
  }

  /** The newest incident of this fingerprint. */
  async incidentOf(fingerprint: string): Promise<Incident> {
    const found = (await this.incidents()).find((one) => one.fingerprint === fingerprint);
    if (found === undefined) throw new Error(`no incident of ${fingerprint}`);
    return found;
  }

  async cases(incidentId: string): Promise<Case[]> {
    const all = { states: null, verdicts: null, after: null, limit: 20_000 };
    return this.parts.cases.list({ ...all, incidentId });
  }

  /** Each case's verdict, by order. */
  async verdicts(incidentId: string): Promise<Record<string, string>> {
    const cases = await this.cases(incidentId);
    return Object.fromEntries(cases.map(({ orderId, verdict }) => [orderId, verdict]));
  }

  async timeline(incidentId: string): Promise<TimelineEntry[]> {
    return this.parts.timeline.list({
      ...{ incidentId, afterPosition: 0, incidentOnly: false, caseId: null },
      limit: 50_000,
    });
  }

  async pages(incidentId: string): Promise<{ kind: string; firstLine: string }[]> {
    return this.test.database.query(
      `SELECT body ->> 'kind' AS kind, first_line AS "firstLine" FROM page WHERE incident_id = $1 ORDER BY id`,
      [incidentId],
    );
  }

  private async addEntries(findingId: string, entries: readonly JournalEntry[]): Promise<void> {
    await this.test.database.query(
      `INSERT INTO finding_entry (finding_id, position, order_id, committed_at)
       SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::timestamptz[])`,
      [
        findingId,
        entries.map((entry) => entry.position),
        entries.map((entry) => entry.orderId),
        entries.map((entry) => entry.committedAt),
      ],
    );
  }
}

/** So many orders `<prefix>1`, `<prefix>2`, ... cancelled alike, a second apart. */
export function orders(
  prefix: string,
  count: number,
  given: Cancellation = {},
): Record<string, Cancellation> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `${prefix}${index + 1}`,
      { second: index, ...given },
    ]),
  );
}

function assemble(
  { database }: ReinstateTestDatabase,
  given: { clock: ManualClock; registry: Registry; readUrl: string },
) {
  const { clock, registry } = given;
  const settings = new AlertingSettings({
    receivers: [{ name: 'chat', webhook: { url: 'http://127.0.0.1:1/', secret: 'x'.repeat(16) } }],
  });
  const wake = new Wake();
  const shops = new ShopRegistry([shopOf(given.readUrl)]);
  const journal = new JournalService(database, new JournalStore());
  const rowImages = new RowImageStore();
  const serviceKey = new ServiceKey(Buffer.alloc(32, 5));
  const personal = new PersonalData(database, new PersonalKeyStore(), serviceKey, clock);
  const audit = new AuditService(database, new AuditStore());
  const incidentStore = new IncidentStore();
  const caseStore = new CaseStore();
  const growth = new GrowthStore();
  const announcementStore = new AnnouncementStore();
  const timeline = new TimelineService(database, new TimelineStore());
  const cases = new CaseService(
    ...([database, caseStore, incidentStore, timeline, audit, clock, journal] as const),
  );
  const [alertStore, pageStore] = [new AlertStore(), new PageStore()];
  const alertingMetrics = new AlertingMetrics(registry, settings);
  const pages = new PageService(pageStore, settings, wake);
  const progress = new IncidentProgressService(growth, incidentStore, pages);
  const gates = new ResolveGates();
  const ends = new IncidentEnds(cases, progress, gates);
  const incidents = new IncidentService(database, incidentStore, ends, timeline, audit, clock);
  const judgingStore = new JudgingStore();
  const reach = new JournalReach(database, shops, judgingStore);
  const judging = new JudgingService(
    ...([database, journal, rowImages, shops, announcementStore, judgingStore, reach] as const),
  );
  const intake = new AlertIntakeService(
    ...([database, growth, incidentStore, incidents, judging, progress, timeline] as const),
  );
  const alike = new AlikeService(new AlikeStore(), growth, judging);
  const following = new IncidentFollowService(
    ...([database, growth, incidentStore, judging, progress, timeline, alike] as const),
  );
  const opening = new DeclaredIncidentService(growth, incidentStore, judging, progress, timeline);
  const metrics = new IncidentsMetrics(registry);
  const scraped = new ScrapedRows(registry, database, clock);
  const queues = new WorkQueues(registry, scraped);
  const rows = [registry, scraped, queues, shops, incidentStore, caseStore, growth] as const;
  new IncidentRowMetrics(...rows);
  const finder = new OrderFinder(database, shops, new OrderNameStore());
  return {
    journal,
    rowImages,
    shops,
    timeline,
    cases,
    gates,
    incidents,
    incidentStore,
    intake,
    alerting: new AlertingStep(database, alertStore, settings, wake, alertingMetrics),
    step: new IncidentsStep(database, growth, intake, following, shops, metrics),
    pagesStep: new IncidentPagesStep(database, new IncidentDeliveryStore(), timeline, metrics),
    orders: new OrderService(finder, journal, cases, personal),
    declarations: new DeclarationService(database, shops, opening, audit, clock, wake),
    announcements: new AnnouncementService(database, announcementStore, shops, audit, clock),
  };
}

/** A configured shop whose database is read at this address, and which nobody writes to. */
export function shopOf(readUrl: string, id = shopId): Shop {
  const profile = testShopProfile();
  const timeouts = { lockTimeoutMs: 500, statementTimeoutMs: 5_000, transactionTimeoutMs: 15_000 };
  return {
    id,
    name: 'Shop',
    profile,
    profileHash: 'hash',
    adapter: new PostgresShopAdapter({
      ...{ profile, readUrl, writeUrl: undefined, concurrency: 1 },
      ...timeouts,
      markerOf: () => 'unused',
      mayWrite: () => Promise.resolve(false),
    }),
    policy: {
      ...{ approvals: 1, expires_minutes: 60, concurrency: 1, per_hour: 100 },
      ...{ stop_at_failure_rate: 0.1, stop_at_lock_timeouts: 5, lock_timeout_ms: 500 },
      ...{ statement_timeout_ms: 5_000, transaction_timeout_ms: 15_000 },
    },
    credentials: { replicate: readUrl, read: readUrl },
  };
}

async function person(
  { database }: ReinstateTestDatabase,
  name: string,
  kind: 'person' | 'service',
): Promise<Caller> {
  const personId = newId();
  await database.query('INSERT INTO person (id, name, kind, created_at) VALUES ($1, $2, $3, $4)', [
    personId,
    name,
    kind,
    start,
  ]);
  return { personId, name, kind, role: 'responder', tokenId: newId() };
}

function cancelled(orderId: string, given: Cancellation): Partial<OrderEvent> {
  const { heldMinor = 4_990, second = 0, ...event } = given;
  const customerId = event.customerId ?? `customer of ${orderId}`;
  const at = new Date(start.getTime() + second * 1000);
  return {
    committedAt: at.toISOString(),
    orderId,
    orderNumber: `S-${orderId}`,
    customerId,
    snapshot: snapshotBefore(orderId, { customerId, heldMinor }),
    rowChanges: event.actorKind === undefined ? [] : [historyRow(orderId)],
    ...event,
  };
}

/** What the shop's history says where the actor is known. */
export function historyRow(orderId: string): OrderEvent['rowChanges'][number] {
  return {
    table: 'shop.history',
    key: [`h${orderId}`],
    operation: 'insert',
    before: null,
    after: { id: `h${orderId}`, order_id: orderId, kind: 'CANCELLED' },
  };
}

function snapshotBefore(
  orderId: string,
  given: { customerId: string; heldMinor: number },
): OrderSnapshot {
  return {
    orderId,
    number: `S-${orderId}`,
    status: 'paid',
    state: 'open',
    customerId: given.customerId,
    currency: 'EUR',
    totalMinor: 4_990,
    placedAt: '2026-11-22T01:00:00.000000Z',
    cancelledAt: null,
    lines: [],
    payments: [
      {
        paymentId: `p${orderId}`,
        state: 'captured',
        heldMinor: given.heldMinor,
        refundedMinor: 0,
      },
    ],
    attributes: { channel: 'web' },
  };
}

function rowsOf(orderId: string, heldMinor: number) {
  const order = {
    ...{ id: orderId, number: `S-${orderId}`, customer_id: null, status: 'cancelled' },
    ...{ currency: 'EUR', total_minor: '0', channel: 'web', placed_at: '2026-11-22 01:00:00+00' },
  };
  const payment = {
    ...{ id: `p${orderId}`, order_id: orderId },
    ...{ amount_minor: String(heldMinor), state: 'captured' },
  };
  return [
    { table: 'shop.orders', key: [orderId], orderId, image: order },
    { table: 'shop.payment', key: [`p${orderId}`], orderId, image: payment },
  ];
}

function sentence(numbers: FindingNumbers): string {
  return `${numbers.orders} customers cancelled, ${numbers.expected ?? 0.4} expected`;
}

function measure(numbers: FindingNumbers): string {
  return JSON.stringify({
    slice: {},
    orders: numbers.orders,
    accounts: numbers.orders,
    money: {},
    since: start,
    until: start,
    expected: numbers.expected ?? 0.4,
    weeksPerChance: 100,
    rising: numbers.rising ?? true,
    learntDays: 30,
  });
}
