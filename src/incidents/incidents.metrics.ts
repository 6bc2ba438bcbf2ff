import { Injectable } from '@nestjs/common';
import { Gauge, Registry } from 'prom-client';
import { severities } from '../alerting/severity.js';
import { Database } from '../platform/database/database.js';
import { ShopRegistry } from '../shops/shop-registry.js';
import { caseStates } from './case.js';
import { CaseStore } from './case.store.js';
import { IncidentStore } from './incident.store.js';

/**
 * `reinstate_incidents_open{shop,severity}` and `reinstate_cases{shop,state}` (of incidents that are not
 * resolved), read from the database at each scrape: any replica tells the same.
 */
@Injectable()
export class IncidentsMetrics {
  constructor(
    registry: Registry,
    database: Database,
    shops: ShopRegistry,
    incidents: IncidentStore,
    cases: CaseStore,
  ) {
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
}
