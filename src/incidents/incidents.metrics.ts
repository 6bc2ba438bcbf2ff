import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Registry } from 'prom-client';
import { severities } from '../alerting/severity.js';
import { Database } from '../platform/database/database.js';
import { ShopRegistry } from '../shops/shop-registry.js';
import { caseStates } from './case.js';
import { CaseStore } from './case.store.js';
import { IncidentStore } from './incident.store.js';

/** What the step `incidents` works on, row by row. */
const rowKinds = ['alert', 'incident', 'page'] as const;

/**
 * `reinstate_incidents_open{shop,severity}` and `reinstate_cases{shop,state}` (of incidents that are not
 * resolved), read from the database at each scrape: any replica tells the same. And
 * `reinstate_incidents_failures_total{row}`.
 */
@Injectable()
export class IncidentsMetrics {
  private readonly failures: Counter<'row'>;

  constructor(
    registry: Registry,
    database: Database,
    shops: ShopRegistry,
    incidents: IncidentStore,
    cases: CaseStore,
  ) {
    this.failures = new Counter({
      name: 'reinstate_incidents_failures_total',
      help: 'Times that an alert, an incident or a page could not be worked on; it is tried again.',
      labelNames: ['row'],
      registers: [registry],
    });
    for (const row of rowKinds) this.failures.inc({ row }, 0);
    const shopIds = () => shops.list().map((shop) => shop.id);
    new Gauge({
      name: 'reinstate_incidents_open',
      help: 'Incidents that are not resolved, by shop and severity.',
      labelNames: ['shop', 'severity'],
      registers: [registry],
      async collect() {
        for (const shop of shopIds())
          for (const severity of severities) this.set({ shop, severity }, 0);
        for (const { shopId: shop, severity, count } of await incidents.countOpen(database))
          this.set({ shop, severity }, count);
      },
    });
    new Gauge({
      name: 'reinstate_cases',
      help: 'Cases of incidents that are not resolved, by shop and state.',
      labelNames: ['shop', 'state'],
      registers: [registry],
      async collect() {
        for (const shop of shopIds()) for (const state of caseStates) this.set({ shop, state }, 0);
        for (const { shopId: shop, state, count } of await cases.countByState(database))
          this.set({ shop, state }, count);
      },
    });
  }

  /** A row could not be worked on; the others were. */
  rowFailed(row: (typeof rowKinds)[number]): void {
    this.failures.inc({ row });
  }
}
