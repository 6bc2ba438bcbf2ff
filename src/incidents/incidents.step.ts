import { Injectable } from '@nestjs/common';
import { Database } from '../platform/database/database.js';
import { messageOf } from '../platform/errors.js';
import type { BackgroundStep, StepContext } from '../platform/work/background-step.js';
import { Wake } from '../platform/work/wake.js';
import { ShopRegistry } from '../shops/shop-registry.js';
import { AlertIntakeService } from './alert-intake.service.js';
import { GrowthStore } from './growth.store.js';
import { IncidentFollowService } from './incident-follow.service.js';

/** Alerts taken in one run. */
const batch = 20;

/**
 * Opens incidents for alerts, adds cases as more orders are hit, and judges again as more becomes
 * known. Each alert and each incident is a transaction of its own: one that fails stops no other.
 */
@Injectable()
export class IncidentsStep implements BackgroundStep {
  readonly name = 'incidents';
  readonly intervalMs = 500;

  constructor(
    private readonly database: Database,
    private readonly store: GrowthStore,
    private readonly intake: AlertIntakeService,
    private readonly following: IncidentFollowService,
    private readonly shops: ShopRegistry,
    private readonly wake: Wake,
  ) {}

  async run({ now, signal }: StepContext): Promise<'idle' | 'more'> {
    const shopIds = this.shops.list().map((shop) => shop.id);
    const alerts = await this.store.alertsToTake(this.database, shopIds, batch);
    const taken = await each(alerts, signal, (alertId) => this.intake.take(alertId, now));
    const incidents = await this.store.incidentsToFollow(this.database, shopIds, now);
    const followed = await each(incidents, signal, (id) => this.following.follow(id, now));
    if (taken.worked || followed.worked) this.wake.notify('page-delivery');
    raise([...taken.errors, ...followed.errors]);
    return taken.more || followed.more || alerts.length === batch ? 'more' : 'idle';
  }
}

/** Does the work for each id, one after the other; an error is kept until all had their turn. */
async function each(
  ids: readonly string[],
  signal: AbortSignal,
  work: (id: string) => Promise<'done' | 'more'>,
): Promise<{ worked: boolean; more: boolean; errors: unknown[] }> {
  const errors: unknown[] = [];
  let more = false;
  for (const id of ids) {
    if (signal.aborted) break;
    try {
      more = (await work(id)) === 'more' || more;
    } catch (error) {
      errors.push(error);
    }
  }
  return { worked: ids.length > 0, more, errors };
}

function raise(errors: readonly unknown[]): void {
  if (errors.length === 0) return;
  throw new AggregateError(errors, errors.map(messageOf).join('; '));
}
