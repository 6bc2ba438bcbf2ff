import { Injectable } from '@nestjs/common';
import { Database } from '../platform/database/database.js';
import { Log } from '../platform/telemetry/log.js';
import { withLogContext } from '../platform/telemetry/log-context.js';
import type { BackgroundStep, StepContext } from '../platform/work/background-step.js';
import { RowByRow } from '../platform/work/row-by-row.js';
import { ShopRegistry } from '../shops/shop-registry.js';
import { AlertIntakeService } from './alert-intake.service.js';
import { GrowthStore } from './growth.store.js';
import { IncidentFollowService } from './incident-follow.service.js';
import { IncidentsMetrics } from './incidents.metrics.js';

/** Alerts taken in one run. */
const batch = 20;

/**
 * Opens incidents for alerts, adds cases as more orders are hit, and judges again as more becomes
 * known. Each alert and each incident is a transaction of its own: one that fails stops no other, and is
 * tried again.
 */
@Injectable()
export class IncidentsStep implements BackgroundStep {
  readonly name = 'incidents';
  readonly intervalMs = 500;
  private readonly alerts: RowByRow;
  private readonly incidents: RowByRow;

  constructor(
    private readonly database: Database,
    private readonly store: GrowthStore,
    private readonly intake: AlertIntakeService,
    private readonly following: IncidentFollowService,
    private readonly shops: ShopRegistry,
    metrics: IncidentsMetrics,
  ) {
    const log = new Log('Incidents');
    this.alerts = new RowByRow({
      ...{ log, event: 'alert-not-taken', field: 'alert_id' },
      words: 'an alert cannot be taken into an incident',
      count: () => metrics.rowFailed('alert'),
    });
    this.incidents = new RowByRow({
      ...{ log, event: 'incident-not-followed', field: 'incident_id' },
      words: 'an incident cannot be followed',
      count: () => metrics.rowFailed('incident'),
    });
  }

  async run(context: StepContext): Promise<'idle' | 'more'> {
    const { now } = context;
    const shopIds = this.shops.list().map((shop) => shop.id);
    const except = this.alerts.resting(now);
    const alerts = await this.store.alertsToTake(this.database, { shopIds, except, limit: batch });
    const taken = await this.alerts.each(alerts, context, (id) =>
      withLogContext({ alert_id: id }, () => this.intake.take(id, now)),
    );
    const incidents = await this.store.incidentsToFollow(this.database, shopIds, now);
    const followed = await this.incidents.each(incidents, context, (id) =>
      withLogContext({ incident_id: id }, () => this.following.follow(id, now)),
    );
    return taken.more || followed.more || alerts.length === batch ? 'more' : 'idle';
  }
}
