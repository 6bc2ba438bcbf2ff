import { Injectable } from '@nestjs/common';
import { Counter, Histogram, Registry } from 'prom-client';
import { ShopRegistry } from '../shops/shop-registry.js';
import { cancellationScan } from './detectors/cancellation-scan.js';

/**
 * `reinstate_findings_total{shop,detector}`, and `reinstate_detection_delay_seconds{shop,detector}`: from the
 * commit of the cancellation that made the finding, by the shop's clock, to the finding.
 */
@Injectable()
export class DetectionMetrics {
  private readonly findings: Counter<'shop' | 'detector'>;
  private readonly delay: Histogram<'shop' | 'detector'>;

  constructor(registry: Registry, shops: ShopRegistry) {
    const registers = [registry];
    this.findings = new Counter({
      name: 'reinstate_findings_total',
      help: 'Findings opened, by detector.',
      labelNames: ['shop', 'detector'],
      registers,
    });
    this.delay = new Histogram({
      name: 'reinstate_detection_delay_seconds',
      help: 'From the commit of the cancellation that made a finding to the finding.',
      labelNames: ['shop', 'detector'],
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300],
      registers,
    });
    for (const { id: shop } of shops.list()) {
      this.findings.inc({ shop, detector: cancellationScan }, 0);
      this.delay.zero({ shop, detector: cancellationScan });
    }
  }

  opened({ shop, detector }: Detected): void {
    this.findings.inc({ shop, detector });
  }

  /** How long after the shop's commit it was opened; a shop whose clock is ahead of ours makes that 0. */
  delayed({ shop, detector }: Detected, seconds: number): void {
    this.delay.observe({ shop, detector }, Math.max(0, seconds));
  }
}

/** By which detector, in which shop. */
interface Detected {
  readonly shop: string;
  readonly detector: string;
}
