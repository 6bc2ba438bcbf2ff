import { Injectable } from '@nestjs/common';
import { Database } from '../platform/database/database.js';
import { Log } from '../platform/telemetry/log.js';
import type { BackgroundStep, StepContext } from '../platform/work/background-step.js';
import { RowByRow } from '../platform/work/row-by-row.js';
import { IncidentDeliveryStore, type EndedDelivery } from './incident-delivery.store.js';
import { IncidentsMetrics } from './incidents.metrics.js';
import type { NewTimelineEntry } from './timeline.js';
import { TimelineService } from './timeline.service.js';

/** Incidents told of in one run. */
const batch = 50;

/** Tells on an incident's timeline whom its pages reached, and whom they never will: once each. */
@Injectable()
export class IncidentPagesStep implements BackgroundStep {
  readonly name = 'incident-pages';
  readonly intervalMs = 2_000;
  private readonly rows: RowByRow;

  constructor(
    private readonly database: Database,
    private readonly store: IncidentDeliveryStore,
    private readonly timeline: TimelineService,
    metrics: IncidentsMetrics,
  ) {
    const log = new Log('Incidents');
    this.rows = new RowByRow({
      ...{ log, event: 'pages-not-told', field: 'incident_id' },
      words: "what became of an incident's pages cannot be told",
      count: () => metrics.rowFailed('page'),
    });
  }

  async run(context: StepContext): Promise<'idle' | 'more'> {
    const { now } = context;
    const except = this.rows.resting(now);
    const ids = await this.store.incidentsToTell(this.database, { except, limit: batch });
    await this.rows.each(ids, context, (id) => this.tell(id, now));
    return ids.length === batch ? 'more' : 'idle';
  }

  private async tell(incidentId: string, now: Date): Promise<'done'> {
    await this.database.transaction(async (transaction) => {
      const ended = await this.store.take(transaction, incidentId, now);
      const place = { incidentId, at: now };
      await this.timeline.appendAll(transaction, place, ended.map(entryOf));
    });
    return 'done';
  }
}

function entryOf(delivery: EndedDelivery): NewTimelineEntry {
  const { pageId, kind, receiver, attempts, deliveredAt, outcome } = delivery;
  const data = { pageId, kind, receiver, attempts };
  if (deliveredAt !== null)
    return { type: 'page-delivered', data: { ...data, deliveredAt: deliveredAt.toISOString() } };
  return { type: 'page-lost', data: { ...data, words: outcome ?? 'given up' } };
}
