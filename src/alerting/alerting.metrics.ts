import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Registry } from 'prom-client';
import { Database } from '../platform/database/database.js';
import { AlertStore } from './alert.store.js';
import { AlertingSettings } from './alerting.settings.js';
import { deliveryFailures, type DeliveryFailure } from './notifiers/notifier.js';
import { PageStore } from './page.store.js';

/** What an attempt can end in; `gave-up` is counted besides the reason of the last attempt. */
const outcomes = ['delivered', ...deliveryFailures, 'gave-up'] as const;
type Outcome = 'delivered' | DeliveryFailure | 'gave-up';

/** What a background step of this room works on, row by row. */
const rowKinds = ['finding', 'stream'] as const;

/**
 * `reinstate_page_deliveries_total{receiver,outcome}` (attempts), `reinstate_page_deliveries_pending{receiver}`
 * `reinstate_alerts_firing{shop}` and `reinstate_alerting_failures_total{row}`. Receivers and shops are those of the configuration.
 */
@Injectable()
export class AlertingMetrics {
  private readonly deliveries: Counter<'receiver' | 'outcome'>;
  private readonly failures: Counter<'row'>;

  constructor(
    registry: Registry,
    settings: AlertingSettings,
    database: Database,
    alerts: AlertStore,
    pages: PageStore,
  ) {
    this.deliveries = new Counter({
      name: 'reinstate_page_deliveries_total',
      help: 'Attempts to deliver a page, by receiver and outcome.',
      labelNames: ['receiver', 'outcome'],
      registers: [registry],
    });
    this.failures = new Counter({
      name: 'reinstate_alerting_failures_total',
      help: 'Times that a finding or a stream could not be made into alerts; it is tried again.',
      labelNames: ['row'],
      registers: [registry],
    });
    for (const row of rowKinds) this.failures.inc({ row }, 0);
    const receivers = settings.receivers.map(({ name }) => name);
    for (const receiver of receivers)
      for (const outcome of outcomes) this.deliveries.inc({ receiver, outcome }, 0);
    pendingGauge(registry, receivers, () => pages.countPending(database));
    firingGauge(registry, () => alerts.countFiring(database));
  }

  /** A row could not be worked on; the others were. */
  rowFailed(row: (typeof rowKinds)[number]): void {
    this.failures.inc({ row });
  }

  attempted(receiver: string, outcome: Outcome): void {
    this.deliveries.inc({ receiver, outcome });
  }
}

function pendingGauge(
  registry: Registry,
  receivers: readonly string[],
  count: () => Promise<{ receiver: string; count: number }[]>,
): void {
  new Gauge({
    name: 'reinstate_page_deliveries_pending',
    help: 'Pages that are still to be delivered, by receiver.',
    labelNames: ['receiver'],
    registers: [registry],
    async collect() {
      const counts = new Map((await count()).map((row) => [row.receiver, row.count]));
      for (const receiver of receivers) this.set({ receiver }, counts.get(receiver) ?? 0);
    },
  });
}

function firingGauge(
  registry: Registry,
  count: () => Promise<{ shopId: string; count: number }[]>,
): void {
  new Gauge({
    name: 'reinstate_alerts_firing',
    help: 'Alerts that are firing, by shop.',
    labelNames: ['shop'],
    registers: [registry],
    async collect() {
      for (const row of await count()) this.set({ shop: row.shopId }, row.count);
    },
  });
}
