import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { SentPage } from '../alerting/page.schema.js';
import { PageViewService } from '../alerting/page-view.service.js';
import { Database } from '../platform/database/database.js';
import { decodeCursor, pageOf, type Page } from '../platform/http/page.js';
import type { Case } from './case.js';
import { CaseService } from './case.service.js';
import { CaseStore } from './case.store.js';
import type {
  CaseListQuery,
  IncidentListQuery,
  IncidentPagesQuery,
  IncidentView,
  TimelineListQuery,
} from './incident.schema.js';
import type { Incident } from './incident.js';
import { IncidentService } from './incident.service.js';
import { IncidentStore } from './incident.store.js';
import type { TimelineEntry } from './timeline.js';
import { TimelineService } from './timeline.service.js';

const caseCursorSchema = z.object({ createdAt: z.coerce.date(), id: z.uuid() });

/** Incidents as the API shows them: with names of persons and counts of cases, page by page. */
@Injectable()
export class IncidentViewService {
  constructor(
    private readonly database: Database,
    private readonly service: IncidentService,
    private readonly store: IncidentStore,
    private readonly cases: CaseService,
    private readonly caseStore: CaseStore,
    private readonly timeline: TimelineService,
    private readonly pages: PageViewService,
  ) {}

  async get(incidentId: string): Promise<IncidentView> {
    return this.of(await this.service.get(incidentId));
  }

  async of(incident: Incident): Promise<IncidentView> {
    const [view] = await this.views([incident]);
    return view ?? this.get(incident.id);
  }

  /** Newest first. */
  async list({ shop, status, limit, cursor }: IncidentListQuery): Promise<Page<IncidentView>> {
    const found = await this.service.list({
      shopId: shop ?? null,
      statuses: status ?? null,
      beforeNumber: decodeCursor(cursor, z.int()),
      limit: limit + 1,
    });
    const page = pageOf(found, limit, (last) => last.number);
    return { ...page, items: await this.views(page.items) };
  }

  /** In the order in which they were added. */
  async listCases(incidentId: string, query: CaseListQuery): Promise<Page<Case>> {
    await this.service.get(incidentId);
    const { state, verdict, limit, cursor } = query;
    const found = await this.cases.list({
      incidentId,
      states: state ?? null,
      verdicts: verdict ?? null,
      after: decodeCursor(cursor, caseCursorSchema),
      limit: limit + 1,
    });
    return pageOf(found, limit, ({ createdAt, id }) => ({ createdAt, id }));
  }

  /** Oldest first. */
  async listTimeline(incidentId: string, query: TimelineListQuery): Promise<Page<TimelineEntry>> {
    await this.service.get(incidentId);
    const found = await this.timeline.list({
      incidentId,
      afterPosition: decodeCursor(query.cursor, z.int()) ?? 0,
      incidentOnly: query.scope === 'incident',
      caseId: query.case ?? null,
      limit: query.limit + 1,
    });
    return pageOf(found, query.limit, (last) => last.position);
  }

  /** Newest first. */
  async listPages(incidentId: string, query: IncidentPagesQuery): Promise<Page<SentPage>> {
    await this.service.get(incidentId);
    return this.pages.list({ ...query, incident: incidentId });
  }

  private async views(incidents: readonly Incident[]): Promise<IncidentView[]> {
    const ids = incidents.map((incident) => incident.id);
    const counts = Map.groupBy(
      await this.caseStore.countOfIncidents(this.database, ids),
      (count) => count.incidentId,
    );
    const persons = incidents.flatMap(({ assigneeId, declaredBy }) => [assigneeId, declaredBy]);
    const names = await this.store.names(
      this.database,
      persons.filter((id) => id !== null),
    );
    return incidents.map((incident) => viewOf(incident, counts.get(incident.id) ?? [], names));
  }
}

function viewOf(
  incident: Incident,
  counts: readonly { state: string; verdict: string; count: number }[],
  names: ReadonlyMap<string, string>,
): IncidentView {
  const person = (id: string | null) => (id === null ? null : { id, name: names.get(id) ?? '' });
  const { id, number, shopId, title, severity, status, alertId, declaration } = incident;
  return {
    ...{ id, number, shopId, title, severity, status, alertId, declaration },
    assignee: person(incident.assigneeId),
    declaredBy: person(incident.declaredBy),
    openedAt: incident.openedAt,
    acknowledgedAt: incident.acknowledgedAt,
    resolvedAt: incident.resolvedAt,
    cases: {
      total: counts.reduce((sum, { count }) => sum + count, 0),
      byState: sumBy(counts, ({ state }) => state),
      byVerdict: sumBy(counts, ({ verdict }) => verdict),
    },
  };
}

function sumBy<Counted extends { count: number }>(
  counts: readonly Counted[],
  key: (counted: Counted) => string,
): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const counted of counts) sums[key(counted)] = (sums[key(counted)] ?? 0) + counted.count;
  return sums;
}
