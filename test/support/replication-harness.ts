import { Registry } from 'prom-client';
import { JournalService } from '../../src/journal/journal.service.js';
import { JournalStore } from '../../src/journal/journal.store.js';
import { OrderHistory } from '../../src/journal/order-history.service.js';
import { OrderHistoryStore } from '../../src/journal/order-history.store.js';
import { PersonalData, ServiceKey } from '../../src/journal/personal-data.js';
import { PersonalKeyStore } from '../../src/journal/personal-key.store.js';
import { RowImageStore, type StoredRow } from '../../src/journal/row-image.store.js';
import { ShopAttacher } from '../../src/intake/replication/attach/shop-attacher.js';
import { mapShop } from '../../src/intake/replication/interpret/shop-mapping.js';
import { isLater } from '../../src/intake/replication/source/lsn.js';
import { EventComposer } from '../../src/intake/replication/event-composer.js';
import { JournalWriter } from '../../src/intake/replication/journal-writer.js';
import { LargeTransactionInterpreter } from '../../src/intake/replication/large-transaction-interpreter.js';
import { SpoolStore } from '../../src/intake/replication/spool.store.js';
import { ReplicationMetrics } from '../../src/intake/replication/replication.metrics.js';
import { ReplicationSettings } from '../../src/intake/replication/replication.settings.js';
import { ReplicationStore } from '../../src/intake/replication/replication.store.js';
import type { PartLimits } from '../../src/intake/replication/source/source-transaction.js';
import { Spool } from '../../src/intake/replication/spool.js';
import type { StreamRow } from '../../src/intake/replication/stream-state.js';
import { StreamInspector } from '../../src/intake/replication/stream-inspector.js';
import { ShopStream } from '../../src/intake/replication/shop-stream.js';
import type { StreamTimings } from '../../src/intake/replication/stream-timings.js';
import { StreamRowMetrics } from '../../src/intake/replication/stream-rows.metrics.js';
import { StreamRowsStore } from '../../src/intake/replication/stream-rows.store.js';
import { SnapshotWriter } from '../../src/intake/replication/snapshot-writer.js';
import { TouchedRowStore } from '../../src/intake/replication/touched-row.store.js';
import { TouchedRows } from '../../src/intake/replication/touched-rows.js';
import { TransactionInterpreter } from '../../src/intake/replication/transaction-interpreter.js';
import type { JournalEntry } from '../../src/orders/order-event.js';
import { SystemClock } from '../../src/platform/clock.js';
import { ScrapedRows } from '../../src/platform/telemetry/scraped-rows.js';
import type { Database } from '../../src/platform/database/database.js';
import { Wake } from '../../src/platform/work/wake.js';
import type { Profile } from '../../src/shops/profile.js';
import { PostgresShopAdapter } from '../../src/shops/postgres/postgres-shop-adapter.js';
import { MarkerKey, signedMarker } from '../../src/shops/restore-marker.js';
import { RestoreMarkerStore } from '../../src/shops/restore-marker.store.js';
import { RestoreMarkers } from '../../src/shops/restore-markers.js';
import { ShopRegistry } from '../../src/shops/shop-registry.js';
import { insertShop } from './order-events.js';
import { createReinstateDatabase, withClient, type ReinstateTestDatabase } from './postgres.js';
import { testShopProfile, type TestShop } from './test-shop.js';

/** Fast enough for tests: what takes seconds in service takes tenths here. */
export const quickTimings: StreamTimings = {
  feedbackIntervalMs: 200,
  silenceMs: 5_000,
  noteIntervalMs: 100,
  retryMs: 100,
  retryMsMax: 500,
  slotLimitMs: 30_000,
  guardIntervalMs: 200,
  leaseMs: 2_000,
  leaseRenewMs: 200,
};

export interface HarnessLimits {
  readonly retainedBytesMax?: number;
  readonly spoolBytesMax?: number;
  readonly partLimits?: PartLimits;
}

/** All that replication is made of, on a database of ours that is there. */
export function replicationParts(database: Database, limits: HarnessLimits = {}) {
  const clock = new SystemClock();
  const wake = new Wake();
  const journal = new JournalService(database, new JournalStore());
  const rowImages = new RowImageStore();
  const serviceKey = new ServiceKey(Buffer.alloc(32, 7));
  const personalData = new PersonalData(database, new PersonalKeyStore(), serviceKey, clock);
  const store = new ReplicationStore();
  const registry = new Registry();
  const metrics = new ReplicationMetrics(registry);
  new StreamRowMetrics(registry, new ScrapedRows(registry, database, clock), new StreamRowsStore());
  const markerKey = MarkerKey.from(serviceKey.bytes);
  const shops = new ShopRegistry([]);
  const markers = new RestoreMarkers(markerKey, new RestoreMarkerStore(), clock, shops, registry);
  const settings = new ReplicationSettings(limits.retainedBytesMax ?? 10 * 2 ** 30, {
    spoolBytesMax: limits.spoolBytesMax ?? 2 ** 30,
    ...(limits.partLimits && { partLimits: limits.partLimits }),
  });
  const spool = new Spool(personalData, new SpoolStore(), settings);
  const composer = new EventComposer(rowImages, personalData, markers);
  const touched = new TouchedRows(new TouchedRowStore(), spool);
  const large = new LargeTransactionInterpreter(rowImages, personalData, spool, touched, composer);
  const interpreter = new TransactionInterpreter(rowImages, composer, large);
  const parts = {
    database,
    journal,
    rowImages,
    store,
    writer: new JournalWriter(database, journal, interpreter, spool, store, clock, wake),
    snapshots: new SnapshotWriter(database, journal, rowImages, personalData, store, spool, clock),
    metrics,
    clock,
    settings,
  };
  return {
    parts,
    journal,
    rowImages,
    store,
    personalData,
    registry,
    markerKey,
    markers,
    clock,
    wake,
  };
}

export type Harness = Awaited<ReturnType<typeof createHarness>>;

/** Reinstate's own database and all that replication is made of, for one shop. */
export async function createHarness(
  shop: TestShop,
  given: HarnessLimits & { profile?: Profile } = {},
) {
  const reinstate: ReinstateTestDatabase = await createReinstateDatabase();
  const { database } = reinstate;
  const shopId = 'test-shop';
  await withClient(reinstate.url, (client) => client.query(insertShop, [shopId]));
  const made = replicationParts(database, given);
  const { parts, journal, rowImages, store, personalData, registry, markerKey, markers } = made;
  const { clock, wake } = made;
  const attacher = new ShopAttacher(database, store, clock);
  const { metrics, settings } = parts;
  const inspector = new StreamInspector(database, store, metrics, clock, settings);
  const streams: ShopStream[] = [];
  const target = (profile: Profile = given.profile ?? testShopProfile()) => ({
    shopId,
    mapping: mapShop(profile),
    replicateUrl: shop.credentials.replicate,
    readUrl: shop.credentials.read,
    check: async () => {
      const adapter = new PostgresShopAdapter({
        profile,
        readUrl: shop.credentials.read,
        writeUrl: shop.credentials.write,
        lockTimeoutMs: 500,
        statementTimeoutMs: 5_000,
        transactionTimeoutMs: 10_000,
        concurrency: 1,
        markerOf: (item) => signedMarker({ shopId, ...item }, markerKey),
        mayWrite: () => Promise.resolve(false),
      });
      return adapter.check().finally(() => adapter.close());
    },
  });
  const open = (profile?: Profile): ShopStream => {
    const stream = new ShopStream(target(profile), parts, quickTimings);
    streams.push(stream);
    return stream;
  };
  /** Stops every stream that was opened so far. */
  const stopAll = async (): Promise<void> => {
    await Promise.all(streams.splice(0).map((stream) => stream.stop()));
  };
  return {
    ...parts,
    reinstate,
    shop,
    shopId,
    attacher,
    inspector,
    history: new OrderHistory(database, new JournalStore(), rowImages, new OrderHistoryStore()),
    personalData,
    wake,
    registry,
    markerKey,
    markers,
    target,
    open,
    /** Attaches the shop and follows it. */
    attach: async (options: { allowUnboundedWal?: boolean } = {}): Promise<ShopStream> => {
      const held = await attacher.attach(target(), {
        credential: shop.credentials.attach,
        allowUnboundedWal: options.allowUnboundedWal ?? false,
        slotLimitMs: 30_000,
      });
      const stream = open();
      stream.start(held ?? undefined);
      return stream;
    },
    row: async (): Promise<StreamRow> => {
      const row = await store.read(database, shopId);
      if (row === undefined) throw new Error('the shop has no stream');
      return row;
    },
    /** Waits until everything that the shop has committed by now is journalled. */
    caughtUp: async (limitMs = 60_000): Promise<void> => {
      const [now] = await shop.query<{ lsn: string }>('SELECT pg_current_wal_lsn()::text AS lsn');
      await until(
        'the journal has passed the shop',
        async () => {
          const row = await store.read(database, shopId);
          return (
            row !== undefined &&
            row.confirmedLsn !== null &&
            !isLater(now?.lsn ?? '0/0', row.confirmedLsn)
          );
        },
        limitMs,
      );
    },
    entries: async (): Promise<JournalEntry[]> => journal.readAfter(shopId, 0, 100_000),
    images: async (profile: Profile = testShopProfile()): Promise<StoredRow[]> => {
      const tables = [...mapShop(profile).tables.keys()];
      const pages = await Promise.all(
        tables.map((table) =>
          rowImages.ofTable(database, { shopId, table, afterKey: null, limit: 100_000 }),
        ),
      );
      return pages.flat();
    },
    stopAll,
    close: async (): Promise<void> => {
      await stopAll();
      await reinstate.drop();
    },
  };
}

/** Waits until `done` gives a value that is not false, null or undefined. */
export async function until<T>(
  what: string,
  done: () => Promise<T | false | null | undefined> | T | false | null | undefined,
  limitMs = 20_000,
): Promise<T> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const value = await done();
    if (value !== false && value !== null && value !== undefined) return value;
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
