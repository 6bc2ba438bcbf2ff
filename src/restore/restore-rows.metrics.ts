import { Injectable } from '@nestjs/common';
import { Registry } from 'prom-client';
import { gaugeOfRows } from '../platform/telemetry/row-metrics.js';
import { ScrapedRows } from '../platform/telemetry/scraped-rows.js';
import { WorkQueues } from '../platform/work/work-queues.js';
import { ShopRegistry } from '../shops/shop-registry.js';
import { EchoStore } from './runs/echo.store.js';
import { stopReasons } from './runs/run.js';
import { RunStore } from './runs/run.store.js';

/** How an incident's newest run stands; `waiting`: only a person can take it further. Only what stopped has a reason. */
const standings = [
  ...['running', 'waiting', 'paused', 'finished'].map((state) => ({ state, reason: '' })),
  ...stopReasons.map((reason) => ({ state: 'stopped', reason })),
];

/** `reinstate_restore_runs{shop,state,reason}`, and the queues of the steps `restore-run` and `restore-echo`. */
@Injectable()
export class RestoreRowMetrics {
  constructor(
    registry: Registry,
    scraped: ScrapedRows,
    queues: WorkQueues,
    shops: ShopRegistry,
    runs: RunStore,
    echoes: EchoStore,
  ) {
    const read = scraped.define('runs', (reader) => runs.countNewest(reader));
    gaugeOfRows(registry, {
      read,
      name: 'reinstate_restore_runs',
      help: 'Incidents that are not resolved, by how their newest restore run stands, and why it stopped.',
      labelNames: ['shop', 'state', 'reason'],
      zeros: () =>
        shops
          .list()
          .flatMap(({ id: shop }) => standings.map((standing) => ({ shop, ...standing }))),
      samples: (rows) =>
        rows.map(({ shopId: shop, state, reason, count }) => ({
          labels: { shop, state, reason },
          value: count,
        })),
    });
    queues.show('restore-run', (reader, now) => runs.waiting(reader, now));
    queues.show('restore-echo', (reader) => echoes.waiting(reader));
  }
}
