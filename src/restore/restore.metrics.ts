import { Injectable } from '@nestjs/common';
import { Counter, Histogram, Registry } from 'prom-client';
import {
  failureReasons,
  refusalReasons,
  type FailureReason,
  type RefusalReason,
} from '../shops/shop-adapter.js';
import { ShopRegistry } from '../shops/shop-registry.js';

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

/**
 * `reinstate_restore_items_total{shop,outcome,reason}`: what attempts to restore (or undo) orders came
 * to, and `reinstate_restore_item_duration_seconds{shop}`: how long the shop was busy with one.
 */
@Injectable()
export class RestoreMetrics {
  private readonly items: Counter<'shop' | 'outcome' | 'reason'>;
  private readonly duration: Histogram<'shop'>;

  constructor(registry: Registry, shops: ShopRegistry) {
    this.items = new Counter({
      name: 'reinstate_restore_items_total',
      help: 'Attempts to restore or undo an order, by what they came to and why.',
      labelNames: ['shop', 'outcome', 'reason'],
      registers: [registry],
    });
    this.duration = new Histogram({
      name: 'reinstate_restore_item_duration_seconds',
      help: 'How long one attempt to restore or undo an order took in the shop.',
      labelNames: ['shop'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15],
      registers: [registry],
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

  private zero(shop: string): void {
    for (const [outcome, reasons] of Object.entries(reasonsOf))
      for (const reason of reasons) this.items.inc({ shop, outcome, reason }, 0);
    this.duration.zero({ shop });
  }
}
