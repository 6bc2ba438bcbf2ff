import { Injectable } from '@nestjs/common';
import { Registry } from 'prom-client';
import { gaugeOfRows } from '../platform/telemetry/row-metrics.js';
import { ScrapedRows } from '../platform/telemetry/scraped-rows.js';
import { WorkQueues } from '../platform/work/work-queues.js';
import { ShopRegistry } from '../shops/shop-registry.js';
import { alertNames } from './alert.js';
import { AlertStore } from './alert.store.js';
import { AlertingSettings } from './alerting.settings.js';
import { PageStore } from './page.store.js';
import { severities } from './severity.js';

/**
 * `reinstate_alerts_firing{shop,alertname,severity}`, `reinstate_page_deliveries_pending{receiver}` and
 * `reinstate_page_deliveries_oldest_pending_seconds{receiver}`, and the queues of this room's steps.
 */
@Injectable()
export class AlertingRowMetrics {
  constructor(
    registry: Registry,
    scraped: ScrapedRows,
    queues: WorkQueues,
    settings: AlertingSettings,
    shops: ShopRegistry,
    alerts: AlertStore,
    pages: PageStore,
  ) {
    showAlerts(registry, { scraped, shops, alerts });
    showPages(registry, { scraped, settings, pages });
    queues.show('alerting', (reader) => alerts.waiting(reader));
    queues.show('page-delivery', (reader, now) => pages.waiting(reader, now));
  }
}

function showAlerts(
  registry: Registry,
  { scraped, shops, alerts }: { scraped: ScrapedRows; shops: ShopRegistry; alerts: AlertStore },
): void {
  const read = scraped.define('alerts', (reader) => alerts.countFiring(reader));
  gaugeOfRows(registry, {
    read,
    name: 'reinstate_alerts_firing',
    help: 'Alerts that are firing, by shop, name and severity.',
    labelNames: ['shop', 'alertname', 'severity'],
    zeros: () =>
      shops
        .list()
        .flatMap(({ id: shop }) =>
          alertNames.flatMap((alertname) =>
            severities.map((severity) => ({ shop, alertname, severity })),
          ),
        ),
    samples: (rows) =>
      rows.map(({ shopId: shop, name: alertname, severity, count }) => ({
        labels: { shop, alertname, severity },
        value: count,
      })),
  });
}

function showPages(
  registry: Registry,
  parts: { scraped: ScrapedRows; settings: AlertingSettings; pages: PageStore },
): void {
  const { scraped, settings, pages } = parts;
  const receivers = settings.receivers.map(({ name }) => name);
  const labelNames = ['receiver'] as const;
  const zeros = () => receivers.map((receiver) => ({ receiver }));
  const read = scraped.define('pages', async (reader, now) => {
    const rows = await pages.countPending(reader);
    return rows
      .filter(({ receiver }) => receivers.includes(receiver))
      .map(({ since, ...row }) => ({ ...row, ageMs: now.getTime() - since.getTime() }));
  });
  gaugeOfRows(registry, {
    ...{ read, zeros, labelNames, name: 'reinstate_page_deliveries_pending' },
    help: 'Pages that are still to be delivered, by receiver.',
    samples: (rows) => rows.map(({ receiver, count }) => ({ labels: { receiver }, value: count })),
  });
  gaugeOfRows(registry, {
    ...{ read, zeros, labelNames, name: 'reinstate_page_deliveries_oldest_pending_seconds' },
    help: 'How long the oldest page has waited that is still to be delivered, by receiver; 0 where none waits.',
    samples: (rows) =>
      rows.map(({ receiver, ageMs }) => ({ labels: { receiver }, value: ageMs / 1000 })),
  });
}
