import { Injectable } from '@nestjs/common';
import { findingMeasureSchema, type FindingNumbers } from '../alerting/alert.js';
import { present } from '../platform/assert.js';
import type { Reader, Transaction } from '../platform/database/database.js';
import { money } from '../platform/money.js';
import { dueCountedMax, type Waiting } from '../platform/work/work-queues.js';
import type { IncidentNumbers } from './incident-line.js';
import type { Declaration } from './incident.js';
import type { Verdict } from './verdict/verdict.js';

/** An alert as incidents need it, with the numbers of its finding. */
export interface AlertToTake {
  readonly id: string;
  readonly shopId: string;
  readonly findingId: string;
  readonly fingerprint: string;
  readonly state: 'firing' | 'resolved';
  readonly summary: string;
  readonly version: number;
  /** the incident that it belongs to so far */
  readonly incidentId: string | null;
  /** where its shop's journal ends */
  readonly journalHead: number;
}

/** What detection says of an incident's alert. */
export interface AlertNumbers {
  readonly id: string;
  readonly firing: boolean;
  /** when the shop committed what made its finding; null where that is not known */
  readonly committedAt: Date | null;
  readonly measure: FindingNumbers;
}

/** A range of a shop's journal. */
export interface JournalRange {
  readonly shopId: string;
  readonly after: number;
  readonly upTo: number;
}

/** What makes incidents grow: rows that lower rooms wrote, and what the incidents know of them already. */
@Injectable()
export class GrowthStore {
  /** Alerts that no incident knows of yet, or only in an older version; oldest first, without those of `except`. */
  async alertsToTake(
    reader: Reader,
    given: { shopIds: readonly string[]; except: readonly string[]; limit: number },
  ): Promise<string[]> {
    const rows = await reader.query<{ id: string }>(
      `SELECT a.id FROM alert a LEFT JOIN incident_alert l ON l.alert_id = a.id
       WHERE a.shop_id = ANY($1) AND a.id <> ALL($2::uuid[])
         AND (l.alert_id IS NULL OR l.alert_version < a.version)
       ORDER BY a.starts_at, a.id LIMIT $3`,
      [given.shopIds, given.except, given.limit],
    );
    return rows.map((row) => row.id);
  }

  /** Alerts that no incident knows of yet, or only in an older version; since when the first unknown one fires. */
  async waiting(reader: Reader): Promise<Waiting> {
    const row = await reader.queryOne<Waiting>(
      `SELECT count(*) AS due, min(starts_at) FILTER (WHERE is_new) AS since FROM (
         SELECT a.starts_at, l.alert_id IS NULL AS is_new FROM alert a LEFT JOIN incident_alert l ON l.alert_id = a.id
         WHERE l.alert_id IS NULL OR l.alert_version < a.version LIMIT $1) AS untaken`,
      [dueCountedMax],
    );
    return row ?? { due: 0, since: null };
  }

  /**
   * Incidents, not resolved, of whose shop's journal there is more to read, with a case that has settled
   * or has to be read again, or with new cases that others may be like.
   */
  async incidentsToFollow(
    reader: Reader,
    shopIds: readonly string[],
    now: Date,
  ): Promise<string[]> {
    const rows = await reader.query<{ id: string }>(
      `SELECT i.id FROM incident i JOIN shop s ON s.id = i.shop_id
       WHERE i.status <> 'resolved' AND i.shop_id = ANY($1)
         AND (i.journal_position < s.journal_head OR i.harms_due OR i.alike_position IS NOT NULL
           OR EXISTS (SELECT 1 FROM incident_case c WHERE c.incident_id = i.id AND c.settles_at <= $2)
           OR EXISTS (SELECT 1 FROM incident_case c WHERE c.incident_id = i.id AND c.unread))
       ORDER BY i.number`,
      [shopIds, now],
    );
    return rows.map((row) => row.id);
  }

  async readAlert(reader: Reader, alertId: string): Promise<AlertToTake | undefined> {
    return reader.queryOne<AlertToTake>(
      `SELECT a.id, a.shop_id AS "shopId", a.finding_id AS "findingId", a.fingerprint, a.state,
              a.annotations ->> 'summary' AS summary, a.version, l.incident_id AS "incidentId",
              s.journal_head AS "journalHead"
       FROM alert a JOIN shop s ON s.id = a.shop_id LEFT JOIN incident_alert l ON l.alert_id = a.id
       WHERE a.id = $1`,
      [alertId],
    );
  }

  /** Ties the alert to the incident, in a version that is still to be taken. */
  async link(
    transaction: Transaction,
    link: { alertId: string; incidentId: string; now: Date },
  ): Promise<void> {
    await transaction.query(
      `INSERT INTO incident_alert (alert_id, incident_id, alert_version, alert_state, joined_at)
       VALUES ($1, $2, 0, 'firing', $3)
       ON CONFLICT (alert_id) DO UPDATE SET incident_id = excluded.incident_id`,
      [link.alertId, link.incidentId, link.now],
    );
  }

  /**
   * Notes that the incident, which the caller has locked, knows this version of the alert; gives the state in which
   * it knew it before.
   */
  async taken(
    transaction: Transaction,
    alert: AlertToTake,
  ): Promise<AlertToTake['state'] | undefined> {
    const row = await transaction.queryOne<{ before: AlertToTake['state'] }>(
      `WITH known AS (SELECT alert_state FROM incident_alert WHERE alert_id = $1)
       UPDATE incident_alert SET alert_version = $2, alert_state = $3 FROM known WHERE alert_id = $1
       RETURNING known.alert_state AS before`,
      [alert.id, alert.version, alert.state],
    );
    return row?.before;
  }

  /**
   * The open incident that has the most of a finding's orders as its cases, with how many of how many.
   */
  async nearestIncident(
    reader: Reader,
    alert: AlertToTake,
  ): Promise<{ incidentId: string; shared: number; orders: number } | undefined> {
    return reader.queryOne(
      `SELECT i.id AS "incidentId", count(DISTINCT c.order_id) AS shared,
              (SELECT count(DISTINCT order_id) FROM finding_entry WHERE finding_id = $1) AS orders
       FROM finding_entry f
       JOIN incident_case c ON c.shop_id = $2 AND c.order_id = f.order_id
       JOIN incident i ON i.id = c.incident_id AND i.status <> 'resolved'
       WHERE f.finding_id = $1 GROUP BY i.id ORDER BY shared DESC, i.id LIMIT 1`,
      [alert.findingId, alert.shopId],
    );
  }

  /**
   * Orders of the finding that are not cases of the incident yet, nor of another one that is not resolved,
   * in the order of their cancellation.
   */
  async newOrders(
    reader: Reader,
    source: { incidentId: string; findingId: string },
    limit: number,
  ): Promise<string[]> {
    const rows = await reader.query<{ order_id: string }>(
      `SELECT f.order_id FROM finding_entry f
       WHERE f.finding_id = $1 AND NOT EXISTS (
         SELECT 1 FROM incident_case c JOIN incident own ON own.id = $2 JOIN incident i ON i.id = c.incident_id
         WHERE c.shop_id = own.shop_id AND c.order_id = f.order_id
           AND (i.id = own.id OR i.status <> 'resolved' AND c.cancel_position >= f.position))
       GROUP BY f.order_id ORDER BY min(f.position) LIMIT $3`,
      [source.findingId, source.incidentId, limit],
    );
    return rows.map((row) => row.order_id);
  }

  /** Orders cancelled in this range of the journal within a declaration's period, if their attributes fit. */
  async declaredOrders(
    reader: Reader,
    range: JournalRange,
    declaration: Declaration,
  ): Promise<{ orderId: string; position: number }[]> {
    return reader.query(
      `SELECT order_id AS "orderId", min(position) AS position FROM journal_entry
       WHERE shop_id = $1 AND position > $2 AND position <= $3 AND 'cancelled' = ANY(kinds) AND marker IS NULL
         AND committed_at >= $4 AND ($5::timestamptz IS NULL OR committed_at < $5) AND attributes @> $6
       GROUP BY order_id ORDER BY position`,
      [
        range.shopId,
        range.after,
        range.upTo,
        declaration.since,
        declaration.until,
        JSON.stringify(declaration.filter.attributes ?? {}),
      ],
    );
  }

  /** Which of these orders have a cancellation in the journal. */
  async journalled(
    reader: Reader,
    shopId: string,
    orderIds: readonly string[],
  ): Promise<Set<string>> {
    const rows = await reader.query<{ order_id: string }>(
      `SELECT DISTINCT order_id FROM journal_entry
       WHERE shop_id = $1 AND order_id = ANY($2) AND 'cancelled' = ANY(kinds) AND marker IS NULL`,
      [shopId, orderIds],
    );
    return new Set(rows.map((row) => row.order_id));
  }

  async journalHead(reader: Reader, shopId: string): Promise<number> {
    const row = await reader.queryOne<{ journal_head: number }>(
      'SELECT journal_head FROM shop WHERE id = $1',
      [shopId],
    );
    return row?.journal_head ?? 0;
  }

  /** The position just before the first entry that was committed at this time or later. */
  async positionBefore(reader: Reader, shopId: string, moment: Date): Promise<number> {
    const row = await reader.queryOne<{ position: number | null }>(
      'SELECT min(position) - 1 AS position FROM journal_entry WHERE shop_id = $1 AND committed_at >= $2',
      [shopId, moment],
    );
    return row?.position ?? this.journalHead(reader, shopId);
  }

  /** Orders that are like its new cases are to be looked for. */
  async seekAlike(transaction: Transaction, incidentId: string): Promise<void> {
    await transaction.query('UPDATE incident SET harms_due = true WHERE id = $1', [incidentId]);
  }

  async setPosition(transaction: Transaction, incidentId: string, position: number): Promise<void> {
    await transaction.query('UPDATE incident SET journal_position = $2 WHERE id = $1', [
      incidentId,
      position,
    ]);
  }

  /** What the incident's cases come to; see `IncidentNumbers`. Read at once, since whoever is paged waits for it. */
  async numbers(reader: Reader, incidentId: string): Promise<IncidentNumbers> {
    const row = await reader.queryOne<NumbersRow>(
      `WITH one AS (
         SELECT verdict, order_id, customer_id, cancelled_at, actor_kind, actor, cancel_reason, currency, held_minor,
                verdict <> 'intended' AS is_harmed, verdict <> 'intended' AND held_minor > 0 AS is_paid
         FROM incident_case WHERE incident_id = $1
       ), counted AS (
         SELECT count(*) FILTER (WHERE verdict = 'wrongful') AS wrongful,
                count(*) FILTER (WHERE verdict = 'intended') AS intended,
                count(*) FILTER (WHERE verdict = 'unsure') AS unsure, count(*) FILTER (WHERE is_paid) AS paid
         FROM one
       ), harmed AS (
         SELECT one.* FROM one, counted WHERE is_harmed AND (is_paid OR counted.paid = 0)
       )
       SELECT wrongful, intended, unsure, paid,
         (SELECT count(DISTINCT coalesce('customer ' || customer_id, 'order ' || order_id)) FROM harmed) AS customers,
         (SELECT min(cancelled_at) FROM harmed) AS since,
         (SELECT jsonb_build_object('actorKind', actor_kind, 'actor', actor, 'reason', cancel_reason, 'orders', count(*))
          FROM harmed GROUP BY actor_kind, actor, cancel_reason
          ORDER BY count(*) DESC, actor_kind, actor, cancel_reason LIMIT 1) AS most,
         (SELECT coalesce(jsonb_agg(jsonb_build_object('currency', currency, 'sum', sum::text) ORDER BY currency), '[]')
          FROM (SELECT currency, sum(held_minor) AS sum FROM one WHERE is_paid AND currency IS NOT NULL
                GROUP BY currency) held) AS money
       FROM counted`,
      [incidentId],
    );
    const {
      wrongful,
      intended,
      unsure,
      most: by,
      money: sums,
      ...counts
    } = present(row, 'one row');
    return {
      ...counts,
      verdicts: { wrongful, intended, unsure },
      money: sums.map(({ sum, currency }) => money(Number(sum), currency)),
      by,
    };
  }

  /** What detection says of the incident's alerts, newest first. */
  async alertNumbers(reader: Reader, incidentId: string): Promise<AlertNumbers[]> {
    const rows = await reader.query<Omit<AlertNumbers, 'measure'> & { measure: unknown }>(
      `SELECT a.id, a.state = 'firing' AS firing, f.committed_at AS "committedAt", f.measure FROM incident_alert l
       JOIN alert a ON a.id = l.alert_id JOIN finding f ON f.id = a.finding_id
       WHERE l.incident_id = $1 ORDER BY a.starts_at DESC, a.id DESC`,
      [incidentId],
    );
    return rows.map((row) => ({ ...row, measure: findingMeasureSchema.parse(row.measure) }));
  }
}

interface NumbersRow extends Record<Verdict, number> {
  readonly paid: number;
  readonly customers: number;
  readonly since: Date | null;
  readonly most: IncidentNumbers['by'];
  readonly money: readonly { readonly currency: string; readonly sum: string }[];
}
