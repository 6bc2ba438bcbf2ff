import { Injectable } from '@nestjs/common';
import { Registry } from 'prom-client';
import { gaugeOfRows } from '../platform/telemetry/row-metrics.js';
import { ScrapedRows } from '../platform/telemetry/scraped-rows.js';
import { WorkQueues } from '../platform/work/work-queues.js';
import { ShopRegistry } from '../shops/shop-registry.js';
import { runStandings } from './runs/standing.js';
import { RunStandingStore } from './runs/standing.store.js';
import { runbookRunStep } from './runs/step-name.js';

/**
 * `reinstate_runbook_runs{shop,state,cause}` and `reinstate_runbook_run_waiting_seconds{shop}`, and the queue
 * of the step `runbook-run`. Dry runs do nothing and are not told.
 */
@Injectable()
export class RunbookRowMetrics {
  constructor(
    registry: Registry,
    scraped: ScrapedRows,
    queues: WorkQueues,
    shops: ShopRegistry,
    standings: RunStandingStore,
  ) {
    const ids = () => shops.list().map(({ id: shop }) => shop);
    const read = scraped.define('runbook runs', async (reader, now) =>
      (await standings.count(reader)).map((row) => ({
        ...row,
        waitedSeconds: row.since === null ? 0 : (now.getTime() - row.since.getTime()) / 1000,
      })),
    );
    gaugeOfRows(registry, {
      read,
      name: 'reinstate_runbook_runs',
      help: 'Runbook runs that have not ended, by how they stand, and what they wait for or why they stopped.',
      labelNames: ['shop', 'state', 'cause'],
      zeros: () => ids().flatMap((shop) => runStandings.map((standing) => ({ shop, ...standing }))),
      samples: (rows) =>
        rows.map(({ shopId: shop, state, cause, count }) => ({
          labels: { shop, state, cause },
          value: count,
        })),
    });
    gaugeOfRows(registry, {
      read,
      name: 'reinstate_runbook_run_waiting_seconds',
      help: 'How long a runbook run has waited for a person by now, the longest of a shop; 0 where none waits.',
      labelNames: ['shop'],
      zeros: () => ids().map((shop) => ({ shop })),
      samples: (rows) =>
        [...Map.groupBy(rows, ({ shopId }) => shopId)].map(([shop, group]) => ({
          labels: { shop },
          value: Math.max(
            0,
            ...group.filter(({ state }) => state === 'waiting').map((row) => row.waitedSeconds),
          ),
        })),
    });
    queues.show(runbookRunStep, (reader, now) => standings.waiting(reader, now));
  }
}
