import { Injectable } from '@nestjs/common';
import { Counter, Histogram, Registry } from 'prom-client';
import {
  failureReasons,
  refusalReasons,
  type FailureReason,
  type RefusalReason,
} from '../shops/shop-adapter.js';
import { ShopRegistry } from '../shops/shop-registry.js';
import { stopReasons, type StopReason } from './runs/run.js';

type Outcome = 'applied' | 'verified' | 'refused' | 'retry' | 'failed' | 'unknown';
type Reason = RefusalReason | FailureReason | '';

/** Which reasons go with which outcome: all series that can ever be. */
const reasonsOf: Readonly<Record<Outcome, readonly Reason[]>> = {
  applied: [''],
  verified: [''],
  refused: refusalReasons,
  retry: failureReasons,
  failed: failureReasons,
  unknown: [''],
};

const [minute, hour, day] = [60, 3_600, 86_400];

/**
 * `reinstate_restore_items_total{shop,outcome,reason}`: what attempts to restore (or undo) orders came to;
 * `reinstate_restore_item_duration_seconds{shop}`: how long the shop was busy with one;
 * `reinstate_time_to_restore_seconds{shop}`: for how long an order was cancelled before it was restored;
 * `reinstate_restore_run_stops_total{shop,reason}`.
 */
@Injectable()
export class RestoreMetrics {
  private readonly items: Counter<'shop' | 'outcome' | 'reason'>;
  private readonly duration: Histogram<'shop'>;
  private readonly timeToRestore: Histogram<'shop'>;
  private readonly stops: Counter<'shop' | 'reason'>;

  constructor(registry: Registry, shops: ShopRegistry) {
    const registers = [registry];
    this.items = new Counter({
      name: 'reinstate_restore_items_total',
      help: 'Attempts to restore or undo an order, by what they came to and why.',
      labelNames: ['shop', 'outcome', 'reason'],
      registers,
    });
    this.duration = new Histogram({
      name: 'reinstate_restore_item_duration_seconds',
      help: 'How long one attempt to restore or undo an order took in the shop.',
      labelNames: ['shop'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15],
      registers,
    });
    this.timeToRestore = new Histogram({
      name: 'reinstate_time_to_restore_seconds',
      help: 'From the cancellation of an order to its restore, verified.',
      labelNames: ['shop'],
      buckets: [
        minute,
        5 * minute,
        10 * minute,
        30 * minute,
        hour,
        2 * hour,
        4 * hour,
        8 * hour,
      ].concat([day, 3 * day, 7 * day]),
      registers,
    });
    this.stops = new Counter({
      name: 'reinstate_restore_run_stops_total',
      help: 'Restore runs that were stopped, by hand or by themselves, by the reason.',
      labelNames: ['shop', 'reason'],
      registers,
    });
    for (const { id: shop } of shops.list()) this.zero(shop);
  }

  attempted(shop: string, attempt: { outcome: Outcome; reason?: Reason; seconds: number }): void {
    this.counted(shop, attempt);
    this.duration.observe({ shop }, attempt.seconds);
  }

  counted(shop: string, { outcome, reason = '' }: { outcome: Outcome; reason?: Reason }): void {
    this.items.inc({ shop, outcome, reason });
  }

  /** An order is restored; a shop whose clock is ahead of ours makes the time 0. */
  restored(shop: string, seconds: number): void {
    this.timeToRestore.observe({ shop }, Math.max(0, seconds));
  }

  stopped(shop: string, reason: StopReason): void {
    this.stops.inc({ shop, reason });
  }

  private zero(shop: string): void {
    for (const [outcome, reasons] of Object.entries(reasonsOf))
      for (const reason of reasons) this.items.inc({ shop, outcome, reason }, 0);
    for (const reason of stopReasons) this.stops.inc({ shop, reason }, 0);
    this.duration.zero({ shop });
    this.timeToRestore.zero({ shop });
  }
}
