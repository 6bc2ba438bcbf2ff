import { Injectable } from '@nestjs/common';
import type { Reader, Transaction } from '../platform/database/database.js';
import { newId } from '../platform/ids.js';
import { dueCountedMax, type Waiting } from '../platform/work/work-queues.js';
import type { NewPage, PageBody, PageDelivery } from './page.js';
import type { SentPage } from './page.schema.js';

/** What a delivery has come to, as its row holds it. */
export type DeliveryState =
  | { readonly state: 'delivered'; readonly at: Date; readonly note: string | null }
  | { readonly state: 'pending'; readonly nextAttemptAt: Date; readonly error: string }
  | { readonly state: 'failed'; readonly error: string };

/** Which pages to list; `before` is the last page of the part before. */
export interface SentPagesQuery {
  readonly incidentId: string | null;
  readonly state: DeliveryState['state'] | null;
  readonly before: { readonly createdAt: Date; readonly id: string } | null;
  readonly limit: number;
}

interface DeliveryRow {
  id: string;
  page_id: string;
  receiver: string;
  attempts: number;
  dedupe_key: string;
  incident_id: string | null;
  first_line: string;
  body: PageBody;
  created_at: Date;
  committed_at: Date | null;
}

@Injectable()
export class PageStore {
  /** Writes the page with one pending delivery per receiver; its id, or undefined where the key is taken. */
  async add(
    transaction: Transaction,
    page: NewPage,
    receivers: readonly string[],
  ): Promise<string | undefined> {
    const row = await transaction.queryOne<{ id: string }>(
      `WITH made AS (
         INSERT INTO page (id, dedupe_key, incident_id, first_line, body, created_at, committed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (dedupe_key) DO NOTHING RETURNING id, created_at
       ), addressed AS (
         INSERT INTO page_delivery (id, page_id, receiver, state, next_attempt_at)
         SELECT given.id, made.id, given.receiver, 'pending', made.created_at
         FROM made, unnest($8::uuid[], $9::text[]) AS given(id, receiver)
       )
       SELECT id FROM made`,
      [
        newId(),
        page.dedupeKey,
        page.incidentId,
        page.firstLine,
        JSON.stringify(page.body),
        page.now,
        page.committedAt ?? null,
        receivers.map(() => newId()),
        receivers,
      ],
    );
    return row?.id;
  }

  /**
   * Takes deliveries that are due, and puts them off until `leaseEndsAt`: whoever dies while sending
   * leaves them to be sent again then. So a page is delivered at least once, rarely twice.
   */
  async claim(
    reader: Reader,
    options: { now: Date; leaseEndsAt: Date; limit: number },
  ): Promise<PageDelivery[]> {
    const rows = await reader.query<DeliveryRow>(
      `WITH due AS (
         SELECT id FROM page_delivery WHERE state = 'pending' AND next_attempt_at <= $1
         ORDER BY next_attempt_at, id LIMIT $3 FOR UPDATE SKIP LOCKED
       ), claimed AS (
         UPDATE page_delivery d SET attempts = d.attempts + 1, last_attempt_at = $1, next_attempt_at = $2
         FROM due WHERE d.id = due.id RETURNING d.id, d.page_id, d.receiver, d.attempts
       )
       SELECT c.id, c.page_id, c.receiver, c.attempts, p.dedupe_key, p.incident_id, p.first_line, p.body, p.created_at,
              p.committed_at
       FROM claimed c JOIN page p ON p.id = c.page_id ORDER BY p.created_at, c.id`,
      [options.now, options.leaseEndsAt, options.limit],
    );
    return rows.map(deliveryOf);
  }

  /**
   * Notes what an attempt has come to; false where it comes too late to change anything. A delivered page
   * stays delivered, whatever a late other attempt says.
   */
  async record(reader: Reader, delivery: PageDelivery, outcome: DeliveryState): Promise<boolean> {
    const rows = await reader.query(
      `UPDATE page_delivery SET state = $3, next_attempt_at = $4, last_error = $5, delivered_at = $6
       WHERE id = $1 AND state = 'pending' AND (attempts = $2 OR $3 = 'delivered') RETURNING id`,
      [
        delivery.id,
        delivery.attempt,
        outcome.state,
        outcome.state === 'pending' ? outcome.nextAttemptAt : null,
        outcome.state === 'delivered' ? outcome.note : outcome.error,
        outcome.state === 'delivered' ? outcome.at : null,
      ],
    );
    return rows.length > 0;
  }

  /** Newest first, each with its deliveries. */
  async list(reader: Reader, query: SentPagesQuery): Promise<SentPage[]> {
    const pages = await reader.query<Omit<SentPage, 'deliveries'>>(
      `SELECT p.id, p.incident_id AS "incidentId", p.body ->> 'kind' AS kind, p.body ->> 'severity' AS severity,
              p.first_line AS "firstLine", p.created_at AS "createdAt"
       FROM page p
       WHERE ($1::uuid IS NULL OR p.incident_id = $1)
         AND ($2::text IS NULL OR EXISTS (SELECT FROM page_delivery d WHERE d.page_id = p.id AND d.state = $2))
         AND ($3::timestamptz IS NULL OR (p.created_at, p.id) < ($3, $4::uuid))
       ORDER BY p.created_at DESC, p.id DESC LIMIT $5`,
      [
        query.incidentId,
        query.state,
        query.before?.createdAt ?? null,
        query.before?.id ?? null,
        query.limit,
      ],
    );
    const deliveries = Map.groupBy(
      await this.deliveriesOf(
        reader,
        pages.map((page) => page.id),
      ),
      (delivery) => delivery.pageId,
    );
    return pages.map((page) => ({
      ...page,
      deliveries: (deliveries.get(page.id) ?? []).map(({ delivery }) => delivery),
    }));
  }

  private async deliveriesOf(
    reader: Reader,
    pageIds: readonly string[],
  ): Promise<{ pageId: string; delivery: SentPage['deliveries'][number] }[]> {
    const rows = await reader.query<SentPage['deliveries'][number] & { pageId: string }>(
      `SELECT page_id AS "pageId", receiver, state, attempts, last_error AS outcome, last_attempt_at AS "lastAttemptAt",
              next_attempt_at AS "nextAttemptAt", delivered_at AS "deliveredAt"
       FROM page_delivery WHERE page_id = ANY($1::uuid[]) ORDER BY receiver`,
      [pageIds],
    );
    return rows.map(({ pageId, ...delivery }) => ({ pageId, delivery }));
  }

  /** Pages still to be delivered, and when the oldest of them was written. */
  async countPending(reader: Reader): Promise<{ receiver: string; count: number; since: Date }[]> {
    return reader.query(
      `SELECT d.receiver, count(*) AS count, min(p.created_at) AS since
       FROM page_delivery d JOIN page p ON p.id = d.page_id WHERE d.state = 'pending' GROUP BY d.receiver`,
    );
  }

  /** Deliveries whose next attempt is due. */
  async waiting(reader: Reader, now: Date): Promise<Waiting> {
    const row = await reader.queryOne<Waiting>(
      `SELECT count(*) AS due, min(next_attempt_at) AS since FROM (
         SELECT next_attempt_at FROM page_delivery WHERE state = 'pending' AND next_attempt_at <= $1
         ORDER BY next_attempt_at LIMIT $2) AS due`,
      [now, dueCountedMax],
    );
    return row ?? { due: 0, since: null };
  }
}

function deliveryOf(row: DeliveryRow): PageDelivery {
  return {
    id: row.id,
    pageId: row.page_id,
    receiver: row.receiver,
    attempt: row.attempts,
    dedupeKey: row.dedupe_key,
    incidentId: row.incident_id,
    firstLine: row.first_line,
    body: row.body,
    createdAt: row.created_at,
    committedAt: row.committed_at,
  };
}
