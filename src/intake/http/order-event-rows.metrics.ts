import { Injectable } from '@nestjs/common';
import { Registry } from 'prom-client';
import { gaugeOfRows } from '../../platform/telemetry/row-metrics.js';
import { ScrapedRows } from '../../platform/telemetry/scraped-rows.js';
import { ShopRegistry } from '../../shops/shop-registry.js';
import { OrderEventSettings } from './order-event.settings.js';
import { OrderEventStore } from './order-event.store.js';

/**
 * `reinstate_order_events_silent_seconds{shop}` and `reinstate_order_events_silent_bound_seconds{shop}`. Both
 * are 0 for shops that are followed by their database, and for those that have not told anything yet.
 */
@Injectable()
export class OrderEventRowMetrics {
  constructor(
    registry: Registry,
    scraped: ScrapedRows,
    shops: ShopRegistry,
    store: OrderEventStore,
    settings: OrderEventSettings,
  ) {
    const isTold = (shopId: string) =>
      shops.list().some(({ id, credentials }) => id === shopId && credentials === undefined);
    const read = scraped.define('order events', async (reader, now) =>
      (await store.lastTold(reader))
        .filter(({ shopId }) => isTold(shopId))
        .map(({ shopId, receivedAt }) => ({
          labels: { shop: shopId },
          silentSeconds: Math.max(0, (now.getTime() - receivedAt.getTime()) / 1000),
        })),
    );
    const labelNames = ['shop'] as const;
    const zeros = () => shops.list().map(({ id: shop }) => ({ shop }));
    gaugeOfRows(registry, {
      ...{ read, labelNames, zeros, name: 'reinstate_order_events_silent_seconds' },
      help: 'For how long a shop without PostgreSQL has told nothing of its orders.',
      samples: (rows) => rows.map(({ labels, silentSeconds: value }) => ({ labels, value })),
    });
    const value = (settings.silentAfterMs ?? 0) / 1000;
    gaugeOfRows(registry, {
      ...{ read, labelNames, zeros, name: 'reinstate_order_events_silent_bound_seconds' },
      help: 'After so long such a shop counts as silent; 0 where none does.',
      samples: (rows) => rows.map(({ labels }) => ({ labels, value })),
    });
  }
}
