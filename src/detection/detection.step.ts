import { Injectable } from '@nestjs/common';
import { messageOf } from '../platform/errors.js';
import { Log } from '../platform/telemetry/log.js';
import { withLogContext } from '../platform/telemetry/log-context.js';
import type { BackgroundStep, StepContext } from '../platform/work/background-step.js';
import { Wake } from '../platform/work/wake.js';
import { ShopRegistry, type Shop } from '../shops/shop-registry.js';
import { ShopWatch, type WatchOutcome } from './shop-watch.js';

/** Watches every shop's journal; a shop whose detection fails does not stop the others'. */
@Injectable()
export class DetectionStep implements BackgroundStep {
  readonly name = 'detection';
  readonly intervalMs = 500;
  private readonly log = new Log('Detection');
  /** the last failure of each shop, so that one that goes on is logged once */
  private readonly failures = new Map<string, string>();

  constructor(
    private readonly registry: ShopRegistry,
    private readonly watch: ShopWatch,
    private readonly wake: Wake,
  ) {}

  async run({ now, signal }: StepContext): Promise<'idle' | 'more'> {
    let more = false;
    for (const shop of this.registry.list()) {
      if (signal.aborted) return 'idle';
      const outcome = await withLogContext({ shop: shop.id }, () => this.runShop(shop, now));
      if (outcome.found) this.wake.notify('alerting');
      more ||= outcome.more;
    }
    return more ? 'more' : 'idle';
  }

  private async runShop(shop: Shop, now: Date): Promise<WatchOutcome> {
    try {
      const outcome = await this.watch.run(shop, now);
      this.failures.delete(shop.id);
      return outcome;
    } catch (error) {
      const message = messageOf(error);
      if (this.failures.get(shop.id) !== message) {
        this.log.error(
          { event: 'detection-failing' },
          `detection of shop ${shop.id} failed and is tried again: ${message}`,
        );
      }
      this.failures.set(shop.id, message);
      return { more: false, found: false };
    }
  }
}
