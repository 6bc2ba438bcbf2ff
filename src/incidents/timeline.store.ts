import { Injectable } from '@nestjs/common';
import type { Reader, Transaction } from '../platform/database/database.js';
import type { CaseSubject } from './timeline-log.js';
import type { NewTimelineEntry, TimelineEntry } from './timeline.js';

export interface TimelineQuery {
  readonly incidentId: string;
  readonly afterPosition: number;
  /** leaves out what tells of single cases only */
  readonly incidentOnly: boolean;
  readonly caseId: string | null;
  readonly limit: number;
}

/** Where entries were written, and what their cases are about. */
export interface AppendedTo {
  readonly shopId: string;
  readonly subjects: readonly CaseSubject[];
}

/** What a case's state or verdict did, and each attempt at its order; told under the case, and left out of the incident's own story. */
const ofCasesOnly = [
  'case-added',
  'case-state-changed',
  'case-cancelled-again',
  'money-changed',
  'order-begun',
  'order-put-back',
  'verdict-changed',
];

@Injectable()
export class TimelineStore {
  /**
   * Locks the incident's row until the transaction ends, and writes entries under the next positions, in their order.
   * Gives the shop that the incident is of and, of each case that an entry tells of, its order and the shop's own trace
   * of the cancellation; undefined where there is no such incident.
   */
  async append(
    transaction: Transaction,
    place: { readonly incidentId: string; readonly at: Date },
    entries: readonly NewTimelineEntry[],
  ): Promise<AppendedTo | undefined> {
    return transaction.queryOne<AppendedTo>(
      `WITH taken AS (
         UPDATE incident SET timeline_head = timeline_head + $3 WHERE id = $1 RETURNING timeline_head AS last, shop_id
       ), written AS (
         INSERT INTO timeline_entry (incident_id, position, at, type, case_id, person_id, data)
         SELECT $1, taken.last - $3 + ordinal, $2, type, case_id, person_id, data
         FROM taken, unnest($4::text[], $5::uuid[], $6::uuid[], $7::jsonb[]) WITH ORDINALITY
           AS given(type, case_id, person_id, data, ordinal)
       )
       SELECT shop_id AS "shopId", coalesce((
         SELECT jsonb_agg(jsonb_build_object('caseId', c.id, 'orderId', c.order_id, 'traceparent', c.traceparent))
         FROM incident_case c WHERE c.id = ANY($5::uuid[])), '[]') AS subjects FROM taken`,
      [
        place.incidentId,
        place.at,
        entries.length,
        entries.map((entry) => entry.type),
        entries.map((entry) => entry.caseId ?? null),
        entries.map((entry) => entry.personId ?? null),
        entries.map((entry) => JSON.stringify(entry.data)),
      ],
    );
  }

  /** Oldest first. */
  async list(reader: Reader, query: TimelineQuery): Promise<TimelineEntry[]> {
    return reader.query<TimelineEntry>(
      `SELECT t.incident_id AS "incidentId", t.position, t.at, t.type, t.case_id AS "caseId",
              t.person_id AS "personId", p.name AS person, t.data
       FROM timeline_entry t LEFT JOIN person p ON p.id = t.person_id
       WHERE t.incident_id = $1 AND t.position > $2
         AND ($3::uuid IS NULL OR t.case_id = $3)
         AND (NOT $4 OR t.type <> ALL($5::text[]))
       ORDER BY t.position LIMIT $6`,
      [
        query.incidentId,
        query.afterPosition,
        query.caseId,
        query.incidentOnly,
        ofCasesOnly,
        query.limit,
      ],
    );
  }
}
