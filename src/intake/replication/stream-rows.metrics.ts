import { Injectable } from '@nestjs/common';
import { Registry } from 'prom-client';
import { gaugeOfRows } from '../../platform/telemetry/row-metrics.js';
import { ScrapedRows } from '../../platform/telemetry/scraped-rows.js';
import { StreamRowsStore, type StreamStandingRow } from './stream-rows.store.js';
import { streamStates } from './stream-state.js';

/**
 * `reinstate_replication_state{shop,state}` and `reinstate_replication_lag_seconds{shop}`, from the streams'
 * rows: they are the same in every process, also in one that does not follow the shop itself.
 */
@Injectable()
export class StreamRowMetrics {
  constructor(registry: Registry, scraped: ScrapedRows, store: StreamRowsStore) {
    const read = scraped.define('streams', async (reader, now) =>
      (await store.standing(reader)).map((row) => ({ ...row, lagSeconds: lagSeconds(row, now) })),
    );
    const zeros = () => [];
    gaugeOfRows(registry, {
      ...{ read, zeros, name: 'reinstate_replication_state' },
      help: 'State of the shop’s replication stream: 1 for the present one.',
      labelNames: ['shop', 'state'],
      samples: (rows) =>
        rows.flatMap(({ shopId: shop, state: present }) =>
          streamStates.map((state) => ({
            labels: { shop, state },
            value: state === present ? 1 : 0,
          })),
        ),
    });
    gaugeOfRows(registry, {
      ...{ read, zeros, name: 'reinstate_replication_lag_seconds' },
      help: 'For how long changes of the shop may have waited to be journalled: since all that it committed was. 0 where it is not attached.',
      labelNames: ['shop'],
      samples: (rows) =>
        rows.map(({ shopId: shop, lagSeconds: value }) => ({ labels: { shop }, value })),
    });
  }
}

/** A quiet shop's server is noted as heard every ten seconds: up to there it says nothing. */
function lagSeconds({ state, seenUntil }: StreamStandingRow, now: Date): number {
  if (state === 'detached' || seenUntil === null) return 0;
  return Math.max(0, (now.getTime() - seenUntil.getTime()) / 1000);
}
