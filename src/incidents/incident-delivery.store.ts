import { Injectable } from '@nestjs/common';
import type { Reader, Transaction } from '../platform/database/database.js';

/** What became of a page on its way to one receiver. */
export interface EndedDelivery {
  readonly id: string;
  readonly pageId: string;
  readonly kind: string;
  readonly receiver: string;
  readonly attempts: number;
  /** null: it never arrived */
  readonly deliveredAt: Date | null;
  /** why it did not, or a note */
  readonly outcome: string | null;
}

const untold = `page p JOIN page_delivery d ON d.page_id = p.id AND d.state <> 'pending'
  LEFT JOIN incident_delivery told ON told.delivery_id = d.id`;

/** Deliveries of pages that alerting has ended, and which of them the timelines have told. */
@Injectable()
export class IncidentDeliveryStore {
  /** Incidents of which a page has arrived, or was given up, that their timeline does not tell of yet. */
  async incidentsToTell(
    reader: Reader,
    given: { except: readonly string[]; limit: number },
  ): Promise<string[]> {
    const rows = await reader.query<{ id: string }>(
      `SELECT i.id FROM incident i WHERE i.id <> ALL($1::uuid[]) AND EXISTS (
         SELECT FROM ${untold} WHERE p.incident_id = i.id AND told.delivery_id IS NULL)
       ORDER BY i.number LIMIT $2`,
      [given.except, given.limit],
    );
    return rows.map((row) => row.id);
  }

  /** Deliveries of the incident that are not told yet, in the order in which they ended; they are told now. */
  async take(transaction: Transaction, incidentId: string, now: Date): Promise<EndedDelivery[]> {
    return transaction.query<EndedDelivery>(
      `WITH ended AS (
         SELECT d.id, d.page_id, p.body ->> 'kind' AS kind, d.receiver, d.attempts, d.delivered_at, d.last_error,
                p.created_at
         FROM ${untold} WHERE p.incident_id = $1 AND told.delivery_id IS NULL
       ), told_now AS (
         INSERT INTO incident_delivery (delivery_id, incident_id, told_at) SELECT id, $1, $2 FROM ended
         ON CONFLICT DO NOTHING RETURNING delivery_id
       )
       SELECT e.id, e.page_id AS "pageId", e.kind, e.receiver, e.attempts, e.delivered_at AS "deliveredAt",
              e.last_error AS outcome
       FROM ended e JOIN told_now t ON t.delivery_id = e.id
       ORDER BY coalesce(e.delivered_at, $2), e.created_at, e.id`,
      [incidentId, now],
    );
  }
}
