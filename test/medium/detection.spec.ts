import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { DetectionMetrics } from '../../src/detection/detection.metrics.js';
import { DetectionSettings } from '../../src/detection/detection.settings.js';
import { DetectionStep } from '../../src/detection/detection.step.js';
import { DetectionStores } from '../../src/detection/detection.stores.js';
import { DetectorSchool } from '../../src/detection/detector-school.js';
import { DetectorStateStore } from '../../src/detection/detector-state.store.js';
import { FindingStore } from '../../src/detection/finding.store.js';
import type { Finding } from '../../src/detection/finding.js';
import { HistoryStore } from '../../src/detection/history.store.js';
import { ShopWatch } from '../../src/detection/shop-watch.js';
import { StreamTimeStore } from '../../src/detection/stream-time.store.js';
import { WatchedShops } from '../../src/detection/watched-shops.js';
import { JournalService } from '../../src/journal/journal.service.js';
import { JournalStore } from '../../src/journal/journal.store.js';
import { PersonalData, ServiceKey } from '../../src/journal/personal-data.js';
import { PersonalKeyStore } from '../../src/journal/personal-key.store.js';
import type { OrderEvent } from '../../src/orders/order-event.js';
import { ManualClock } from '../../src/platform/clock.js';
import { Wake } from '../../src/platform/work/wake.js';
import { parseProfile } from '../../src/shops/profile-file.js';
import type { Profile } from '../../src/shops/profile.js';
import type { ShopAdapter } from '../../src/shops/shop-adapter.js';
import { ShopRegistry, type Shop } from '../../src/shops/shop-registry.js';
import { createReinstateDatabase, type ReinstateTestDatabase } from '../support/postgres.js';

const attachedAt = new Date('2026-06-29T00:00:00Z');
const secondMs = 1_000;
const dayMs = 86_400_000;

let test: ReinstateTestDatabase;
let profile: Profile;
let journal: JournalService;
const findings = new FindingStore();

beforeAll(async () => {
  test = await createReinstateDatabase();
  const path = 'profiles/sample-shop.yaml';
  profile = parseProfile(await readFile(path, 'utf8'), path);
  journal = new JournalService(test.database, new JournalStore());
});
afterAll(() => test.drop());

/** A process of its own: nothing of it is in memory elsewhere. */
function startProcess(clock: ManualClock, shopIds: readonly string[]) {
  const { database } = test;
  const registry = new Registry();
  const registered = new ShopRegistry(shopIds.map(shopOf));
  const metrics = new DetectionMetrics(registry, registered);
  const streams = new StreamTimeStore();
  const stores = new DetectionStores(new DetectorStateStore(), findings, streams);
  const key = new ServiceKey(Buffer.alloc(32, 1));
  const personal = new PersonalData(database, new PersonalKeyStore(), key, clock);
  const school = new DetectorSchool(database, journal, new HistoryStore(personal), streams);
  const shops = new WatchedShops(database, stores, school, new DetectionSettings(20));
  const watch = new ShopWatch(database, journal, shops, stores, metrics, clock);
  const step = new DetectionStep(registered, watch, new Wake());
  return {
    metrics: registry,
    /** runs until there is nothing more to do */
    async run(): Promise<void> {
      const context = { now: clock.now(), signal: new AbortController().signal };
      while ((await step.run(context)) === 'more') context.now = clock.now();
    },
  };
}

/** Detection opens no connection to the shop: of a shop it uses the id and the profile. */
function shopOf(id: string): Shop {
  return {
    id,
    name: id,
    profile,
    profileHash: '',
    adapter: undefined as unknown as ShopAdapter,
    policy: {} as Shop['policy'],
    credentials: { replicate: '', read: '' },
  };
}

/** A shop with four weeks of past orders in its row images, as the initial snapshot leaves them. */
async function attach(
  id: string,
  options: { state?: string; cancelledBefore?: number } = {},
): Promise<void> {
  await test.database.query(
    `INSERT INTO shop (id, name, profile_name, profile_hash, created_at) VALUES ($1, $1, 'sample-shop', '', $2)`,
    [id, attachedAt],
  );
  await test.database.query(
    `INSERT INTO replication_stream (shop_id, state, slot_name, publication_name, updated_at)
     VALUES ($1, $2, $1, $1, $3)`,
    [id, options.state ?? 'streaming', attachedAt],
  );
  await test.database.query(
    `INSERT INTO row_image (shop_id, table_name, row_key, order_id, image)
     SELECT $1, 'shop.orders', jsonb_build_array(n::text)::text, n::text, jsonb_build_object(
       'id', n::text, 'number', 'N' || n, 'customer_id', (n % 700)::text,
       'status', CASE WHEN n % 33 = 0 THEN 'cancelled' ELSE 'delivered' END, 'currency', 'EUR', 'total_minor', '4200',
       'channel', CASE n % 3 WHEN 0 THEN 'ios' ELSE 'web' END, 'payment_method', 'card', 'warehouse', 'W' || n % 2,
       'placed_at', ($2::timestamptz + (n * interval '12 minutes'))::text,
       'cancelled_at', CASE WHEN n % 33 = 0 THEN ($2::timestamptz + (n * interval '12 minutes') + interval '2 hours')::text END)
     FROM generate_series(1, 3350) AS n`,
    [id, new Date(attachedAt.getTime() - 28 * dayMs)],
  );
  await test.database.query(
    `INSERT INTO row_image (shop_id, table_name, row_key, order_id, image)
     SELECT $1, 'shop.order_history', jsonb_build_array(n::text)::text, n::text, jsonb_build_object(
       'id', n::text, 'order_id', n::text, 'type', 'CANCELLED', 'actor_kind', 'customer', 'actor', 'customer:' || n % 700,
       'reason', 'changed my mind', 'created_at', ($2::timestamptz + (n * interval '12 minutes') + interval '2 hours')::text)
     FROM generate_series(33, 3350, 33) AS n`,
    [id, new Date(attachedAt.getTime() - 28 * dayMs)],
  );
  // the newest of them have been cancelled by the job, one every ten seconds
  await test.database.query(
    `UPDATE row_image SET image = image || jsonb_build_object('status', 'cancelled',
       'cancelled_at', ($2::timestamptz - ((3350 - order_id::int) * interval '10 seconds'))::text)
     WHERE shop_id = $1 AND table_name = 'shop.orders' AND order_id::int > 3350 - $3`,
    [id, new Date(attachedAt.getTime() - secondMs), options.cancelledBefore ?? 0],
  );
}

interface Happening {
  readonly number: number;
  readonly at: Date;
  readonly kind: 'placed' | 'cancelled';
  readonly change?: Partial<OrderEvent>;
}

function eventOf(shopId: string, { number, at, kind, change }: Happening): OrderEvent {
  const total = { amountMinor: 4_200, currency: 'EUR' };
  const attributes = { channel: 'web', payment_method: 'card', warehouse: `W${number % 2}` };
  return {
    shopId,
    source: { incarnation: '1/1/1', commitLsn: `0/${number.toString(16)}`, transactionId: number },
    orderId: `live-${number}`,
    orderNumber: `L${number}`,
    kinds: [kind],
    statusBefore: kind === 'placed' ? null : 'paid',
    statusAfter: kind === 'placed' ? 'paid' : 'cancelled',
    actorKind: 'unknown',
    actor: null,
    reason: null,
    customerId: `c${number}`,
    total,
    attributes,
    rowChanges: [],
    snapshot: {
      orderId: `live-${number}`,
      number: `L${number}`,
      status: 'paid',
      state: 'open',
      customerId: `c${number}`,
      currency: 'EUR',
      totalMinor: 4_200,
      placedAt: null,
      cancelledAt: null,
      lines: [],
      payments: [{ paymentId: '1', state: 'captured', heldMinor: 4_200, refundedMinor: 0 }],
      attributes,
    },
    marker: null,
    traceparent: null,
    committedAt: at.toISOString(),
    ...change,
  };
}

async function append(shopId: string, happenings: readonly Happening[], now: Date): Promise<void> {
  const events = happenings.map((happening) => eventOf(shopId, happening));
  await test.database.transaction((transaction) =>
    journal.append(transaction, shopId, events, now),
  );
}

const byJob = { actorKind: 'job' as const, actor: 'unpaid-orders', reason: 'unpaid' };

/** So many orders of different customers, cancelled half a second apart. */
function failure(count: number, from: Date, change: Partial<OrderEvent> = byJob): Happening[] {
  return Array.from({ length: count }, (_, index) => ({
    number: 1_000 + index,
    at: new Date(from.getTime() + index * 500),
    kind: 'cancelled' as const,
    change,
  }));
}

async function findingsOf(shopId: string): Promise<Finding[]> {
  return findings.list(test.database, { shopId, state: null, before: null, limit: 100 });
}

async function entriesOf(shopId: string): Promise<number[]> {
  const rows = await test.database.query<{ position: number }>(
    `SELECT e.position FROM finding_entry e JOIN finding f ON f.id = e.finding_id
     WHERE f.shop_id = $1 ORDER BY e.position`,
    [shopId],
  );
  return rows.map(({ position }) => position);
}

async function heard(shopId: string, at: Date): Promise<void> {
  await test.database.query(
    'UPDATE replication_stream SET last_message_at = $2 WHERE shop_id = $1',
    [shopId, at],
  );
}

const clockAt = (offsetMs: number): ManualClock =>
  new ManualClock(new Date(attachedAt.getTime() + offsetMs));

describe('the detection step', () => {
  it('learns the past once, finds a failure, names all its orders, and closes it when the stream is quiet', async () => {
    await attach('finds');
    const clock = clockAt(0);
    const process = startProcess(clock, ['finds']);
    await process.run();
    const state = await test.database.queryOne('SELECT position, revision FROM detector_state');
    expect(state).toEqual({ position: 0, revision: 1 });
    await process.run();
    expect(await test.database.queryOne('SELECT revision FROM detector_state')).toEqual({
      revision: 1,
    });

    clock.advance(20 * secondMs);
    await append('finds', failure(14, new Date(attachedAt.getTime() + 10 * secondMs)), clock.now());
    await process.run();
    const [finding] = await findingsOf('finds');
    expect(finding).toMatchObject({ state: 'live', detector: 'cancellation-scan' });
    expect(finding?.measure).toMatchObject({
      orders: 14,
      paidOrders: 14,
      accounts: 14,
      money: { EUR: 58_800 },
      rising: true,
    });
    expect(finding?.measure.learntDays).toBeGreaterThan(27);
    expect(finding?.sentence).toContain(
      '14 paid orders of 14 customers (EUR 588.00) were cancelled by',
    );
    expect(await entriesOf('finds')).toEqual(Array.from({ length: 14 }, (_, index) => index + 1));
    const text = await process.metrics.metrics();
    expect(text).toContain('reinstate_findings_total{shop="finds",detector="cancellation-scan"} 1');
    expect(text).toContain(
      'reinstate_detection_delay_seconds_count{shop="finds",detector="cancellation-scan"} 1',
    );

    // the delay counts from the commit of the cancellation that made it, which is noted
    const [made] = await test.database.query<{ at: Date }>(
      `SELECT f.committed_at AS at FROM finding f JOIN finding_entry e
         ON e.finding_id = f.id AND e.committed_at = f.committed_at WHERE f.shop_id = 'finds'`,
    );
    const seconds = (clock.now().getTime() - (made?.at.getTime() ?? 0)) / secondMs;
    expect(text).toContain(
      `reinstate_detection_delay_seconds_sum{shop="finds",detector="cancellation-scan"} ${seconds}\n`,
    );

    // a stream that is not heard of is not quiet, however late it gets
    clock.advance(2 * 3_600 * secondMs);
    await process.run();
    expect((await findingsOf('finds'))[0]).toMatchObject({ state: 'live' });
    await heard('finds', clock.now());
    await process.run();
    const [closed] = await findingsOf('finds');
    expect(closed).toMatchObject({ state: 'closed', closedAt: clock.now() });
    expect(closed?.measure.rising).toBe(false);
    expect(closed?.version).toBeGreaterThan(finding?.version ?? 0);
  });

  it('gives the same findings when it is cut off after any batch and goes on in another process', async () => {
    const story = failure(16, new Date(attachedAt.getTime() + 60 * secondMs));
    const told: unknown[] = [];
    for (const [id, cuts] of [
      ['whole', [16]],
      ['cut', [1, 2, 3, 5, 8, 9, 16]],
    ] as const) {
      await attach(id);
      const clock = clockAt(70 * secondMs);
      let from = 0;
      for (const cut of cuts) {
        await append(id, story.slice(from, cut), clock.now());
        await startProcess(clock, [id]).run();
        from = cut;
      }
      const [finding] = await findingsOf(id);
      told.push({ measure: finding?.measure, entries: await entriesOf(id) });
      expect(finding?.state).toBe('live');
    }
    expect(told[1]).toEqual(told[0]);
  });

  it('writes its whole state where it found something, or after two thousand entries; else how far it has read', async () => {
    await attach('written');
    const clock = clockAt(70 * secondMs);
    const process = startProcess(clock, ['written']);
    const written = () =>
      test.database.queryOne(
        `SELECT position, state_position, revision FROM detector_state WHERE shop_id = 'written'`,
      );
    const tell = async (happenings: readonly Happening[]) => {
      await append('written', happenings, clock.now());
      await process.run();
      return written();
    };
    const placed = (count: number, first: number): Happening[] =>
      Array.from({ length: count }, (_none, index) => ({
        number: first + index,
        at: new Date(attachedAt.getTime() + secondMs),
        kind: 'placed' as const,
      }));
    await process.run();
    expect(await written()).toEqual({ position: 0, state_position: 0, revision: 1 });
    expect(await tell(placed(400, 10_000))).toEqual({
      position: 400,
      state_position: 0,
      revision: 2,
    });
    // after each 500 of them, and the fifth time as a whole
    expect(await tell(placed(2_000, 20_000))).toEqual({
      position: 2_400,
      state_position: 2_400,
      revision: 6,
    });
    const found = failure(12, new Date(attachedAt.getTime() + 5 * secondMs));
    expect(await tell(found)).toEqual({ position: 2_412, state_position: 2_412, revision: 7 });
    expect((await findingsOf('written'))[0]?.measure.orders).toBe(12);
  });

  it('counts each entry once when two processes work at the same moment', async () => {
    await attach('twice');
    const clock = clockAt(30 * secondMs);
    const [one, other] = [startProcess(clock, ['twice']), startProcess(clock, ['twice'])];
    await Promise.all([one.run(), other.run()]);
    await append('twice', failure(12, new Date(attachedAt.getTime() + 5 * secondMs)), clock.now());
    await Promise.all([one.run(), other.run()]);
    await Promise.all([one.run(), other.run()]);
    expect(await findingsOf('twice')).toHaveLength(1);
    expect((await findingsOf('twice'))[0]?.measure.orders).toBe(12);
    expect(await entriesOf('twice')).toHaveLength(12);
  });

  it('writes nothing when saving fails, and starts again from what was saved', async () => {
    await attach('rolled-back');
    const clock = clockAt(30 * secondMs);
    const process = startProcess(clock, ['rolled-back']);
    await process.run();
    await append(
      'rolled-back',
      failure(12, new Date(attachedAt.getTime() + 5 * secondMs)),
      clock.now(),
    );
    // the finding's fingerprint is cut so that its row is refused
    await withSuperuser(
      `ALTER TABLE reinstate.finding ADD CONSTRAINT refused CHECK (shop_id <> 'rolled-back') NOT VALID`,
    );
    await process.run();
    expect(
      await test.database.queryOne(
        `SELECT position FROM detector_state WHERE shop_id = 'rolled-back'`,
      ),
    ).toEqual({ position: 0 });
    await withSuperuser('ALTER TABLE reinstate.finding DROP CONSTRAINT refused');
    await process.run();
    expect((await findingsOf('rolled-back'))[0]?.measure.orders).toBe(12);
  });

  it('goes on with the other shops when one fails', async () => {
    await attach('healthy');
    const clock = clockAt(30 * secondMs);
    // a shop that is not written down cannot have its state saved
    const process = startProcess(clock, ['no-such-row', 'healthy']);
    await append(
      'healthy',
      failure(12, new Date(attachedAt.getTime() + 5 * secondMs)),
      clock.now(),
    );
    await process.run();
    expect(await findingsOf('healthy')).toHaveLength(1);
  });

  it('waits for the initial snapshot', async () => {
    await attach('snapshot', { state: 'snapshot' });
    const process = startProcess(clockAt(0), ['snapshot']);
    await process.run();
    const saved = `SELECT position FROM detector_state WHERE shop_id = 'snapshot'`;
    expect(await test.database.queryOne(saved)).toBeUndefined();
    await test.database.query(
      `UPDATE replication_stream SET state = 'streaming' WHERE shop_id = 'snapshot'`,
    );
    await process.run();
    expect(await test.database.queryOne(saved)).toEqual({ position: 0 });
  });

  it('does not take our own undos for cancellations', async () => {
    await attach('undo');
    const clock = clockAt(30 * secondMs);
    const marker = { action: 'undo' as const, itemId: 'item' };
    const undone = failure(20, new Date(attachedAt.getTime() + 5 * secondMs), { ...byJob, marker });
    await append('undo', undone, clock.now());
    const process = startProcess(clock, ['undo']);
    await process.run();
    expect(await findingsOf('undo')).toEqual([]);
  });

  it('takes a failure that began before the attach for a failure, not for what the shop is like', async () => {
    await attach('under-way', { cancelledBefore: 40 });
    const clock = clockAt(0);
    const process = startProcess(clock, ['under-way']);
    await process.run();
    expect(await findingsOf('under-way')).toEqual([]);
    clock.advance(10 * secondMs);
    const next = failure(1, new Date(attachedAt.getTime() + 5 * secondMs), {
      actorKind: 'unknown',
    });
    await append('under-way', next, clock.now());
    await process.run();
    const [finding] = await findingsOf('under-way');
    expect(finding?.state).toBe('live');
    expect(finding?.measure.orders).toBeGreaterThanOrEqual(40);
    expect(finding?.measure.since.getTime()).toBeLessThan(attachedAt.getTime() - 300 * secondMs);
    // only what the journal holds can be an entry
    expect(await entriesOf('under-way')).toEqual([1]);
  });

  it('says in the finding that changes were lost', async () => {
    await attach('gap');
    const clock = clockAt(30 * secondMs);
    const process = startProcess(clock, ['gap']);
    await append('gap', failure(12, new Date(attachedAt.getTime() + 5 * secondMs)), clock.now());
    await process.run();
    expect((await findingsOf('gap'))[0]?.measure.gap).toBeNull();
    clock.advance(60 * secondMs);
    const lost = { orderId: '', orderNumber: null, kinds: ['gap' as const], snapshot: null };
    await append(
      'gap',
      [{ number: 1, at: clock.now(), kind: 'cancelled', change: lost }],
      clock.now(),
    );
    await process.run();
    const [finding] = await findingsOf('gap');
    expect(finding?.measure.gap?.until).toEqual(clock.now());
    expect(finding?.sentence).toContain('changes of the shop were lost between');
  });

  it('learns anew where the state is of another version, and raises nothing of what is past', async () => {
    await attach('upgraded');
    const clock = clockAt(30 * secondMs);
    await append(
      'upgraded',
      failure(12, new Date(attachedAt.getTime() + 5 * secondMs)),
      clock.now(),
    );
    await startProcess(clock, ['upgraded']).run();
    await test.database.query(
      `UPDATE detector_state SET state = jsonb_set(state, '{detector,version}', '0') WHERE shop_id = 'upgraded'`,
    );
    await startProcess(clock, ['upgraded']).run();
    expect((await findingsOf('upgraded')).map(({ state }) => state)).toEqual(['closed']);
    clock.advance(secondMs);
    await append('upgraded', [{ number: 5_000, at: clock.now(), kind: 'placed' }], clock.now());
    await startProcess(clock, ['upgraded']).run();
    expect(await findingsOf('upgraded')).toHaveLength(1);
  });
});

async function withSuperuser(sql: string): Promise<void> {
  const { withClient } = await import('../support/postgres.js');
  await withClient(test.url, (client) => client.query(sql));
}
