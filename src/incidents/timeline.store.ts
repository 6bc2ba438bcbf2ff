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
   * Locks the incident's row until the transaction ends and takes `count` positions; gives the last one,
   * and the shop that the incident is of.
   */
  async takePositions(
    transaction: Transaction,
    incidentId: string,
    count: number,
  ): Promise<{ last: number; shopId: string } | undefined> {
    return transaction.queryOne(
      `UPDATE incident SET timeline_head = timeline_head + $2 WHERE id = $1
       RETURNING timeline_head AS last, shop_id AS "shopId"`,
      [incidentId, count],
    );
  }

  /** The orders of these cases, each with the shop's own trace of its cancellation. */
  async subjects(reader: Reader, caseIds: readonly string[]): Promise<CaseSubject[]> {
    return reader.query<CaseSubject>(
      `SELECT c.id AS "caseId", c.order_id AS "orderId", e.traceparent
       FROM incident_case c
       LEFT JOIN journal_entry e ON e.shop_id = c.shop_id AND e.position = c.cancel_position
       WHERE c.id = ANY($1)`,
      [caseIds],
    );
  }

  /** Writes entries under consecutive positions, the first one `firstPosition`, in one statement. */
  async insert(
    transaction: Transaction,
    place: { incidentId: string; firstPosition: number; at: Date },
    entries: readonly NewTimelineEntry[],
  ): Promise<void> {
    await transaction.query(
      `INSERT INTO timeline_entry (incident_id, position, at, type, case_id, person_id, data)
       SELECT $1, $2 + ordinal - 1, $3, type, case_id, person_id, data
       FROM unnest($4::text[], $5::uuid[], $6::uuid[], $7::jsonb[]) WITH ORDINALITY
         AS given(type, case_id, person_id, data, ordinal)`,
      [
        place.incidentId,
        place.firstPosition,
        place.at,
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
