import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { Severity } from '../alerting/severity.js';
import type { Reader, Transaction } from '../platform/database/database.js';
import type { Declaration, Incident, IncidentStatus } from './incident.js';

const columns = `i.id, i.number, i.shop_id AS "shopId", i.fingerprint, i.alert_id AS "alertId", i.title, i.severity,
  i.severity_by AS "severityBy", i.status, i.journal_position AS "journalPosition", i.assignee_id AS "assigneeId",
  i.declared_by AS "declaredBy", i.declaration, i.opened_at AS "openedAt", i.acknowledged_at AS "acknowledgedAt",
  i.resolved_at AS "resolvedAt", i.version`;

/** An incident to be opened: by an alert, or declared by a person. */
export interface NewIncident {
  readonly id: string;
  readonly shopId: string;
  readonly fingerprint: string;
  readonly alertId: string | null;
  readonly title: string;
  readonly severity: Severity;
  /** where in the shop's journal to look on from */
  readonly journalPosition: number;
  readonly declaredBy: string | null;
  readonly declaration: Declaration | null;
  readonly openedAt: Date;
}

export interface IncidentQuery {
  readonly shopId: string | null;
  readonly statuses: readonly IncidentStatus[] | null;
  /** number of the last incident of the page before */
  readonly beforeNumber: number | null;
  readonly limit: number;
}

/** What of an incident's row may change, and how it is called in SQL. */
const changeable = {
  alertId: 'alert_id',
  title: 'title',
  severity: 'severity',
  severityBy: 'severity_by',
  status: 'status',
  journalPosition: 'journal_position',
  assigneeId: 'assignee_id',
  acknowledgedAt: 'acknowledged_at',
  resolvedAt: 'resolved_at',
} as const;
export type IncidentChange = Partial<Pick<Incident, keyof typeof changeable>>;

@Injectable()
export class IncidentStore {
  /** Opens it; undefined where an incident of its fingerprint is open already (the database sees to that). */
  async insert(transaction: Transaction, incident: NewIncident): Promise<Incident | undefined> {
    return transaction.queryOne<Incident>(
      `INSERT INTO incident AS i (id, shop_id, fingerprint, alert_id, title, severity, status, journal_position,
         declared_by, declaration, opened_at)
       VALUES ($1, $2, $3, $4, $5, $6, 'open', $7, $8, $9, $10)
       ON CONFLICT (fingerprint) WHERE status <> 'resolved' DO NOTHING RETURNING ${columns}`,
      [
        incident.id,
        incident.shopId,
        incident.fingerprint,
        incident.alertId,
        incident.title,
        incident.severity,
        incident.journalPosition,
        incident.declaredBy,
        incident.declaration === null ? null : JSON.stringify(incident.declaration),
        incident.openedAt,
      ],
    );
  }

  /** Locks an incident until the transaction ends. Always before its cases. */
  async lock(transaction: Transaction, incidentId: string): Promise<Incident | undefined> {
    return transaction.queryOne<Incident>(
      `SELECT ${columns} FROM incident i WHERE i.id = $1 FOR UPDATE`,
      [incidentId],
    );
  }

  /** The incident of this fingerprint that is not resolved, locked. */
  async lockOpen(transaction: Transaction, fingerprint: string): Promise<Incident | undefined> {
    return transaction.queryOne<Incident>(
      `SELECT ${columns} FROM incident i WHERE i.fingerprint = $1 AND i.status <> 'resolved' FOR UPDATE`,
      [fingerprint],
    );
  }

  async read(reader: Reader, incidentId: string): Promise<Incident | undefined> {
    return reader.queryOne<Incident>(`SELECT ${columns} FROM incident i WHERE i.id = $1`, [
      incidentId,
    ]);
  }

  /** Newest first. */
  async list(reader: Reader, query: IncidentQuery): Promise<Incident[]> {
    return reader.query<Incident>(
      `SELECT ${columns} FROM incident i
       WHERE ($1::text IS NULL OR i.shop_id = $1) AND ($2::text[] IS NULL OR i.status = ANY($2))
         AND ($3::bigint IS NULL OR i.number < $3)
       ORDER BY i.number DESC LIMIT $4`,
      [query.shopId, query.statuses, query.beforeNumber, query.limit],
    );
  }

  /** Sets the given columns. The caller has locked the row, and writes the timeline entry. */
  async update(
    transaction: Transaction,
    incidentId: string,
    change: IncidentChange,
  ): Promise<void> {
    const names = (Object.keys(changeable) as (keyof typeof changeable)[]).filter(
      (name) => change[name] !== undefined,
    );
    if (names.length === 0) return;
    const sets = names.map((name, index) => `${changeable[name]} = $${index + 2}`);
    await transaction.query(
      `UPDATE incident SET ${sets.join(', ')}, version = version + 1 WHERE id = $1`,
      [incidentId, ...names.map((name) => change[name])],
    );
  }

  /**
   * The same for a change of status; false where it would make a second open incident of one
   * fingerprint. Then the transaction can only be rolled back.
   */
  async tryUpdate(
    transaction: Transaction,
    incidentId: string,
    change: IncidentChange,
  ): Promise<boolean> {
    try {
      await this.update(transaction, incidentId, change);
      return true;
    } catch (error) {
      if (isUniqueViolation(error)) return false;
      throw error;
    }
  }

  /** How many incidents that are not resolved there are, by shop and severity. */
  async countOpen(
    reader: Reader,
  ): Promise<{ shopId: string; severity: Severity; count: number }[]> {
    return reader.query(
      `SELECT shop_id AS "shopId", severity, count(*) AS count
       FROM incident WHERE status <> 'resolved' GROUP BY shop_id, severity`,
    );
  }

  /** The names of persons, by id; disabled ones too, since what they did stays. */
  async names(reader: Reader, personIds: readonly string[]): Promise<Map<string, string>> {
    const rows = await reader.query<{ id: string; name: string }>(
      'SELECT id, name FROM person WHERE id = ANY($1::uuid[])',
      [personIds],
    );
    return new Map(rows.map((row) => [row.id, row.name]));
  }

  /** The name of somebody who can be given work; undefined for a service, or who has left. */
  async assignable(reader: Reader, personId: string): Promise<string | undefined> {
    const row = await reader.queryOne<{ name: string }>(
      `SELECT name FROM person WHERE id = $1 AND kind = 'person' AND disabled_at IS NULL`,
      [personId],
    );
    return row?.name;
  }
}

function isUniqueViolation(error: unknown): boolean {
  return z.object({ code: z.literal('23505') }).safeParse(error).success;
}
