import { Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../platform/database/database.js';
import { Fault } from '../platform/errors.js';
import { Log } from '../platform/telemetry/log.js';
import { timelineSchemas, type NewTimelineEntry, type TimelineEntry } from './timeline.js';
import { timelineLine, type CaseSubject } from './timeline-log.js';
import { TimelineStore, type TimelineQuery } from './timeline.store.js';

/** How many entries go into one statement. */
const batch = 1_000;

/**
 * The append-only story of an incident. An entry is written in the transaction of the change that it
 * tells of, under a lock of the incident's row, so that positions have no holes and the order of
 * entries is the order of commits. Lock an incident before its cases: all of us do it in this order.
 */
@Injectable()
export class TimelineService {
  private readonly lines = new Log('Incidents');

  constructor(
    private readonly database: Database,
    private readonly store: TimelineStore,
  ) {}

  /** Writes one entry; its data is checked against the schema of its type. */
  async append(
    transaction: Transaction,
    entry: NewTimelineEntry & { readonly incidentId: string; readonly at: Date },
  ): Promise<void> {
    await this.appendAll(transaction, { incidentId: entry.incidentId, at: entry.at }, [entry]);
  }

  /** Writes several entries of one incident in the given order. */
  async appendAll(
    transaction: Transaction,
    place: { readonly incidentId: string; readonly at: Date },
    entries: readonly NewTimelineEntry[],
  ): Promise<void> {
    if (entries.length === 0) return;
    const checked = entries.map(checkedEntry);
    const subjects = new Map<string, CaseSubject>();
    let shopId = '';
    for (let start = 0; start < checked.length; start += batch) {
      const written = await this.store.append(
        transaction,
        place,
        checked.slice(start, start + batch),
      );
      if (written === undefined) throw missingIncident(place.incidentId);
      shopId = written.shopId;
      for (const subject of written.subjects) subjects.set(subject.caseId, subject);
    }
    const { incidentId } = place;
    // once it stands
    transaction.afterCommit(() => this.log(checked, { incidentId, shopId, subjects }));
  }

  /** One line per entry. */
  private log(
    entries: readonly NewTimelineEntry[],
    place: {
      incidentId: string;
      shopId: string;
      subjects: ReadonlyMap<string, CaseSubject>;
    },
  ): void {
    const { subjects, ...of } = place;
    for (const entry of entries) {
      const subject = subjects.get(entry.caseId ?? '');
      const { level, event, message } = timelineLine(entry, { ...of, subject });
      this.lines[level](event, message);
    }
  }

  /** Oldest first. */
  async list(query: TimelineQuery): Promise<TimelineEntry[]> {
    return this.store.list(this.database, query);
  }
}

export function missingIncident(incidentId: string): Fault {
  return new Fault('missing', 'incident-unknown', `there is no incident ${incidentId}`);
}

function checkedEntry(entry: NewTimelineEntry): NewTimelineEntry {
  timelineSchemas[entry.type].parse(entry.data);
  return entry;
}
