import { Registry } from 'prom-client';
import { AlertService } from '../../src/alerting/alert.service.js';
import { AlertStore } from '../../src/alerting/alert.store.js';
import { AlertingMetrics } from '../../src/alerting/alerting.metrics.js';
import { AlertingRowMetrics } from '../../src/alerting/alerting-rows.metrics.js';
import { AlertingSettings } from '../../src/alerting/alerting.settings.js';
import { PageService } from '../../src/alerting/page.service.js';
import { PageStore } from '../../src/alerting/page.store.js';
import { StreamAlertStep } from '../../src/alerting/streams/stream-alert.step.js';
import { StreamAlertStore } from '../../src/alerting/streams/stream-alert.store.js';
import { ReplicationMetrics } from '../../src/intake/replication/replication.metrics.js';
import { ReplicationSettings } from '../../src/intake/replication/replication.settings.js';
import { ReplicationStore } from '../../src/intake/replication/replication.store.js';
import { StreamInspector } from '../../src/intake/replication/stream-inspector.js';
import { ManualClock } from '../../src/platform/clock.js';
import type { Database } from '../../src/platform/database/database.js';
import { ScrapedRows } from '../../src/platform/telemetry/scraped-rows.js';
import { Wake } from '../../src/platform/work/wake.js';
import { WorkQueues } from '../../src/platform/work/work-queues.js';
import { ShopRegistry } from '../../src/shops/shop-registry.js';
import { shopOf } from './incident-harness.js';

/** The step that looks at streams, over the given shops by URL; `look` moves the clock on, and then runs it. */
export function watchStreams(
  database: Database,
  shops: Readonly<Record<string, string>>,
  start: Date,
) {
  const clock = new ManualClock(start);
  const registry = new Registry();
  const settings = new AlertingSettings({
    receivers: [{ name: 'chat', webhook: { url: 'http://127.0.0.1:1/', secret: 'x'.repeat(16) } }],
    publicUrl: 'https://reinstate.example',
  });
  const [alerts, pageStore] = [new AlertStore(), new PageStore()];
  const metrics = new AlertingMetrics(registry, settings);
  const shopRegistry = new ShopRegistry(Object.entries(shops).map(([id, url]) => shopOf(url, id)));
  const scraped = new ScrapedRows(registry, database, clock);
  const queues = new WorkQueues(registry, scraped);
  const rows = [registry, scraped, queues, settings, shopRegistry, alerts, pageStore] as const;
  new AlertingRowMetrics(...rows);
  const replication = new ReplicationMetrics(new Registry());
  const step = new StreamAlertStep(
    database,
    new StreamAlertStore(),
    new PageService(pageStore, settings, new Wake()),
    settings,
    shopRegistry,
    new StreamInspector(
      database,
      new ReplicationStore(),
      replication,
      clock,
      new ReplicationSettings(2 ** 30),
    ),
    metrics,
  );
  const { signal } = new AbortController();
  return {
    clock,
    registry,
    step,
    alerts: new AlertService(database, alerts),
    close: () => shopRegistry.onModuleDestroy(),
    look: async (seconds = 0) => {
      clock.advance(seconds * 1_000);
      while ((await step.run({ now: clock.now(), signal })) === 'more');
    },
    /** Looks every five seconds for so long, as the service does. */
    lookOn: async (seconds: number) => {
      for (let passed = 0; passed < seconds; passed += 5) {
        clock.advance(5_000);
        await step.run({ now: clock.now(), signal });
      }
    },
    pages: () =>
      database.query<{ line: string; kind: string; severity: string; details: string[] }>(
        `SELECT first_line AS line, body ->> 'kind' AS kind, body ->> 'severity' AS severity,
                body -> 'details' AS details
         FROM page WHERE incident_id IS NULL ORDER BY created_at, id`,
      ),
  };
}

export type StreamWatch = ReturnType<typeof watchStreams>;
