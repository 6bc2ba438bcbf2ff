import { Injectable } from '@nestjs/common';
import { Counter, Histogram, Registry } from 'prom-client';
import { actorKinds, type JournalEntry } from '../orders/order-event.js';

/**
 * `reinstate_orders_placed_total{shop}`, `reinstate_orders_cancelled_total{shop,actor_kind}` (our own
 * restores and undos left out), `reinstate_findings_total{shop,detector}` and
 * `reinstate_detection_delay_seconds{detector}`: from the commit of the cancellation that made the
 * finding to the finding.
 */
@Injectable()
export class DetectionMetrics {
  private readonly placed: Counter<'shop'>;
  private readonly cancelled: Counter<'shop' | 'actor_kind'>;
  private readonly findings: Counter<'shop' | 'detector'>;
  private readonly delay: Histogram<'detector'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.placed = new Counter({
      name: 'reinstate_orders_placed_total',
      help: 'Orders placed, as the journal tells.',
      labelNames: ['shop'],
      registers,
    });
    this.cancelled = new Counter({
      name: 'reinstate_orders_cancelled_total',
      help: 'Orders cancelled, by who did it; our own undos are not counted.',
      labelNames: ['shop', 'actor_kind'],
      registers,
    });
    this.findings = new Counter({
      name: 'reinstate_findings_total',
      help: 'Findings opened, by detector.',
      labelNames: ['shop', 'detector'],
      registers,
    });
    this.delay = new Histogram({
      name: 'reinstate_detection_delay_seconds',
      help: 'From the commit of the cancellation that made a finding to the finding.',
      labelNames: ['detector'],
      buckets: [0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300],
      registers,
    });
  }

  /** Shows a shop's counters before anything happened, so that the first increase can be seen. */
  introduce(shop: string, detector: string): void {
    this.placed.inc({ shop }, 0);
    this.findings.inc({ shop, detector }, 0);
    for (const actorKind of actorKinds) this.cancelled.inc({ shop, actor_kind: actorKind }, 0);
  }

  counted(shop: string, entries: readonly JournalEntry[]): void {
    for (const entry of entries) {
      if (entry.marker !== null) continue;
      if (entry.kinds.includes('placed')) this.placed.inc({ shop });
      if (entry.kinds.includes('cancelled')) {
        this.cancelled.inc({ shop, actor_kind: entry.actorKind });
      }
    }
  }

  opened(finding: { shop: string; detector: string; delaySeconds: number }): void {
    const { shop, detector, delaySeconds } = finding;
    this.findings.inc({ shop, detector });
    this.delay.observe({ detector }, Math.max(0, delaySeconds));
  }
}
