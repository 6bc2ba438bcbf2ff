import { Injectable } from '@nestjs/common';
import { findingMeasureSchema, type FindingNumbers } from '../alerting/alert.js';
import type { ActorKind } from '../orders/order-event.js';
import type { Reader, Transaction } from '../platform/database/database.js';
import { money, type Money } from '../platform/money.js';
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
}

/** An alert's tie to the incident that it belongs to. */
export interface AlertLink {
  readonly incidentId: string;
  readonly alertState: 'firing' | 'resolved';
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

  /** When the shop committed what made the finding that this alert tells of; null where that is not known. */
  async committedAt(reader: Reader, alertId: string): Promise<Date | null> {
    const row = await reader.queryOne<{ committedAt: Date | null }>(
      `SELECT f.committed_at AS "committedAt" FROM alert a JOIN finding f ON f.id = a.finding_id WHERE a.id = $1`,
      [alertId],
    );
    return row?.committedAt ?? null;
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
      `SELECT id, shop_id AS "shopId", finding_id AS "findingId", fingerprint, state,
              annotations ->> 'summary' AS summary, version
       FROM alert WHERE id = $1`,
      [alertId],
    );
  }

  async readLink(reader: Reader, alertId: string): Promise<AlertLink | undefined> {
    return reader.queryOne<AlertLink>(
      'SELECT incident_id AS "incidentId", alert_state AS "alertState" FROM incident_alert WHERE alert_id = $1',
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

  /** Notes that the incident knows this version of the alert. */
  async taken(transaction: Transaction, alert: AlertToTake): Promise<void> {
    await transaction.query(
      'UPDATE incident_alert SET alert_version = $2, alert_state = $3 WHERE alert_id = $1',
      [alert.id, alert.version, alert.state],
    );
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

  /** What the incident's cases come to; see `IncidentNumbers`. */
  async numbers(reader: Reader, incidentId: string): Promise<IncidentNumbers> {
    const verdicts = await this.verdictCounts(reader, incidentId);
    const paid = await reader.queryOne<{ paid: number }>(
      `SELECT count(*) AS paid FROM incident_case
       WHERE incident_id = $1 AND verdict <> 'intended' AND held_minor > 0`,
      [incidentId],
    );
    const paidOnly = (paid?.paid ?? 0) > 0;
    const harmed = `FROM incident_case WHERE incident_id = $1 AND verdict <> 'intended' AND ($2 = false OR held_minor > 0)`;
    const base = await reader.queryOne<{ customers: number; since: Date | null }>(
      `SELECT count(DISTINCT coalesce('customer ' || customer_id, 'order ' || order_id)) AS customers, min(cancelled_at) AS since ${harmed}`,
      [incidentId, paidOnly],
    );
    const by = await reader.queryOne<{
      actorKind: ActorKind;
      actor: string | null;
      reason: string | null;
      orders: number;
    }>(
      `SELECT actor_kind AS "actorKind", actor, cancel_reason AS reason, count(*) AS orders ${harmed}
       GROUP BY actor_kind, actor, cancel_reason ORDER BY orders DESC, actor_kind, actor, cancel_reason LIMIT 1`,
      [incidentId, paidOnly],
    );
    return {
      verdicts,
      paid: paid?.paid ?? 0,
      customers: base?.customers ?? 0,
      money: await this.moneyHeld(reader, incidentId),
      since: base?.since ?? null,
      by: by ?? null,
    };
  }

  /** What detection says of the incident's alerts, newest first. */
  async alertNumbers(
    reader: Reader,
    incidentId: string,
  ): Promise<{ firing: boolean; measure: FindingNumbers }[]> {
    const rows = await reader.query<{ state: string; measure: unknown }>(
      `SELECT a.state, f.measure FROM incident_alert l
       JOIN alert a ON a.id = l.alert_id JOIN finding f ON f.id = a.finding_id
       WHERE l.incident_id = $1 ORDER BY a.starts_at DESC, a.id DESC`,
      [incidentId],
    );
    return rows.map((row) => ({
      firing: row.state === 'firing',
      measure: findingMeasureSchema.parse(row.measure),
    }));
  }

  private async verdictCounts(
    reader: Reader,
    incidentId: string,
  ): Promise<Record<Verdict, number>> {
    const rows = await reader.query<{ verdict: Verdict; count: number }>(
      'SELECT verdict, count(*) AS count FROM incident_case WHERE incident_id = $1 GROUP BY verdict',
      [incidentId],
    );
    const counts = new Map(rows.map((row) => [row.verdict, row.count]));
    const of = (verdict: Verdict) => counts.get(verdict) ?? 0;
    return { wrongful: of('wrongful'), intended: of('intended'), unsure: of('unsure') };
  }

  private async moneyHeld(reader: Reader, incidentId: string): Promise<Money[]> {
    const rows = await reader.query<{ currency: string; sum: string }>(
      `SELECT currency, sum(held_minor) AS sum FROM incident_case
       WHERE incident_id = $1 AND verdict <> 'intended' AND held_minor > 0 AND currency IS NOT NULL
       GROUP BY currency ORDER BY currency`,
      [incidentId],
    );
    return rows.map((row) => money(Number(row.sum), row.currency));
  }
}
