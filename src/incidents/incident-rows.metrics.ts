import { Injectable } from '@nestjs/common';
import { Registry } from 'prom-client';
import { severities } from '../alerting/severity.js';
import { actorKinds } from '../orders/order-event.js';
import { minorUnitDigits } from '../platform/money.js';
import { gaugeOfRows } from '../platform/telemetry/row-metrics.js';
import { ScrapedRows } from '../platform/telemetry/scraped-rows.js';
import { WorkQueues } from '../platform/work/work-queues.js';
import { ShopRegistry } from '../shops/shop-registry.js';
import { caseStates } from './case.js';
import { CaseStore, type CaseMoney } from './case.store.js';
import { GrowthStore } from './growth.store.js';
import { IncidentStore } from './incident.store.js';
import { verdicts } from './verdict/verdict.js';

/**
 * `reinstate_incidents_open{shop,severity}`; `reinstate_cases{shop,state}` and
 * `reinstate_cases_judged{shop,actor_kind,verdict}` (of incidents that are not resolved);
 * `reinstate_money_at_risk{shop,currency}` and `reinstate_money_recovered{shop,currency}`; and the queue of
 * the step `incidents`.
 */
@Injectable()
export class IncidentRowMetrics {
  constructor(
    registry: Registry,
    scraped: ScrapedRows,
    queues: WorkQueues,
    shops: ShopRegistry,
    incidents: IncidentStore,
    cases: CaseStore,
    growth: GrowthStore,
  ) {
    showIncidents(registry, { scraped, shops, incidents });
    showCases(registry, { scraped, shops, cases });
    showMoney(registry, { scraped, shops, cases });
    queues.show('incidents', (reader) => growth.waiting(reader));
  }
}

function showIncidents(
  registry: Registry,
  parts: { scraped: ScrapedRows; shops: ShopRegistry; incidents: IncidentStore },
): void {
  const { scraped, shops, incidents } = parts;
  const read = scraped.define('incidents', (reader) => incidents.countOpen(reader));
  gaugeOfRows(registry, {
    read,
    name: 'reinstate_incidents_open',
    help: 'Incidents that are not resolved, by shop and severity.',
    labelNames: ['shop', 'severity'],
    zeros: () =>
      shops.list().flatMap(({ id: shop }) => severities.map((severity) => ({ shop, severity }))),
    samples: (rows) =>
      rows.map(({ shopId: shop, severity, count }) => ({
        labels: { shop, severity },
        value: count,
      })),
  });
}

function showCases(
  registry: Registry,
  { scraped, shops, cases }: { scraped: ScrapedRows; shops: ShopRegistry; cases: CaseStore },
): void {
  const read = scraped.define('cases', (reader) => cases.countUnresolved(reader));
  gaugeOfRows(registry, {
    read,
    name: 'reinstate_cases',
    help: 'Cases of incidents that are not resolved, by shop and state.',
    labelNames: ['shop', 'state'],
    zeros: () =>
      shops.list().flatMap(({ id: shop }) => caseStates.map((state) => ({ shop, state }))),
    samples: (rows) =>
      rows.map(({ shopId: shop, state, count }) => ({ labels: { shop, state }, value: count })),
  });
  gaugeOfRows(registry, {
    read,
    name: 'reinstate_cases_judged',
    help: 'Cases of incidents that are not resolved, by who cancelled the order and by verdict.',
    labelNames: ['shop', 'actor_kind', 'verdict'],
    zeros: () =>
      shops
        .list()
        .flatMap(({ id: shop }) =>
          actorKinds.flatMap((actor_kind) =>
            verdicts.map((verdict) => ({ shop, actor_kind, verdict })),
          ),
        ),
    samples: (rows) =>
      rows.map(({ shopId: shop, actorKind: actor_kind, verdict, count }) => ({
        labels: { shop, actor_kind, verdict },
        value: count,
      })),
  });
}

/** In whole units of the currency, as Prometheus counts; of a shop without such orders 0, of no currency. */
function showMoney(
  registry: Registry,
  { scraped, shops, cases }: { scraped: ScrapedRows; shops: ShopRegistry; cases: CaseStore },
): void {
  const read = scraped.define('money', (reader) => cases.sumMoney(reader));
  const show = (
    metric: { name: string; help: string },
    minorOf: (money: CaseMoney) => number,
  ): void =>
    gaugeOfRows(registry, {
      ...metric,
      read,
      labelNames: ['shop', 'currency'],
      zeros: () => [],
      samples: (rows) => [
        ...shops
          .list()
          .filter(({ id }) => !rows.some(({ shopId }) => shopId === id))
          .map(({ id: shop }) => ({ labels: { shop, currency: '' }, value: 0 })),
        ...rows.map((row) => ({
          labels: { shop: row.shopId, currency: row.currency },
          value: minorOf(row) / 10 ** minorUnitDigits(row.currency),
        })),
      ],
    });
  show(
    {
      name: 'reinstate_money_at_risk',
      help: 'Money that shops hold of wrongly cancelled orders that are not restored, in units of the currency.',
    },
    ({ atRiskMinor }) => atRiskMinor,
  );
  show(
    {
      name: 'reinstate_money_recovered',
      help: 'Money of orders that stand restored, in units of the currency.',
    },
    ({ recoveredMinor }) => recoveredMinor,
  );
}
