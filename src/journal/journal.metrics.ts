import { Injectable } from '@nestjs/common';
import { Registry } from 'prom-client';
import { actorKinds } from '../orders/order-event.js';
import { counterOfRows } from '../platform/telemetry/row-metrics.js';
import { ScrapedRows } from '../platform/telemetry/scraped-rows.js';
import { JournalStore } from './journal.store.js';
import { tallied, type Tallied } from './order-tally.js';

const verdicts = tallied.filter((what) => what !== 'placed' && what !== 'cancelled');

/**
 * `reinstate_orders_placed_total{shop}`, `reinstate_orders_cancelled_total{shop,actor_kind}` and
 * `reinstate_orders_judged_total{shop,actor_kind,verdict}`. They are counted in the transactions that
 * journal and judge, and read from there: each process tells the same, and goes on after a restart.
 */
@Injectable()
export class JournalMetrics {
  constructor(registry: Registry, scraped: ScrapedRows, store: JournalStore) {
    const read = scraped.define('orders', (reader) => store.readTally(reader));
    type Tally = Awaited<ReturnType<JournalStore['readTally']>>;
    const of = (tally: Tally, wanted: readonly Tallied[]) =>
      tally.flatMap(({ shopId: shop, counts }) => {
        const zeros = wanted.flatMap((what) =>
          actorKinds.map((actorKind) => ({ what, actorKind, orders: 0 })),
        );
        const found = counts.filter(({ what }) => wanted.includes(what));
        return [...zeros, ...found].map((count) => ({ shop, ...count }));
      });
    const zeros = () => [];
    counterOfRows(registry, {
      ...{ read, zeros, name: 'reinstate_orders_placed_total' },
      help: 'Orders placed, as the journal tells.',
      labelNames: ['shop'],
      samples: (tally) =>
        of(tally, ['placed']).map(({ shop, orders }) => ({ labels: { shop }, value: orders })),
    });
    counterOfRows(registry, {
      ...{ read, zeros, name: 'reinstate_orders_cancelled_total' },
      help: 'Orders cancelled, by who did it; our own undos are not counted.',
      labelNames: ['shop', 'actor_kind'],
      samples: (tally) =>
        of(tally, ['cancelled']).map(({ shop, actorKind, orders }) => ({
          labels: { shop, actor_kind: actorKind },
          value: orders,
        })),
    });
    counterOfRows(registry, {
      ...{ read, zeros, name: 'reinstate_orders_judged_total' },
      help: 'Verdicts given on cancelled orders, by who cancelled; one that is given another verdict counts again.',
      labelNames: ['shop', 'actor_kind', 'verdict'],
      samples: (tally) =>
        of(tally, verdicts).map(({ shop, actorKind, what, orders }) => ({
          labels: { shop, actor_kind: actorKind, verdict: what },
          value: orders,
        })),
    });
  }
}
