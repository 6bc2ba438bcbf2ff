import { Injectable } from '@nestjs/common';
import type { Reader, Row } from '../platform/database/database.js';
import { dueCountedMax, type Waiting } from '../platform/work/work-queues.js';
import { findingMeasureSchema, type Alert, type AlertContent, type Finding } from './alert.js';

const alertColumns = `id, shop_id, finding_id, finding_version, name, fingerprint, state, labels, annotations,
  starts_at, ends_at, version`;

/** Alerts of findings and of streams, as one; a pending one is none yet. */
const allAlerts = `(SELECT ${alertColumns} FROM alert
  UNION ALL SELECT id, shop_id, NULL, NULL, name, fingerprint, state, labels, annotations, starts_at, ends_at, version
  FROM stream_alert WHERE state <> 'pending')`;

/** Which alerts to list; `before` is the last alert of the page before. */
export interface AlertQuery {
  readonly shopId: string | null;
  readonly state: 'firing' | 'resolved' | null;
  readonly before: { readonly startsAt: Date; readonly id: string } | null;
  readonly limit: number;
}

@Injectable()
export class AlertStore {
  /** Findings that no alert tells of yet, or only in an older version; oldest first, without those of `except`. */
  async readUntold(
    reader: Reader,
    given: { except: readonly string[]; limit: number },
  ): Promise<UntoldFinding[]> {
    const rows = await reader.query<FindingRow>(
      `SELECT f.id, f.shop_id, f.detector, f.fingerprint, f.state, f.slice, f.sentence, f.measure, f.found_at,
              f.closed_at, f.version
       FROM finding f LEFT JOIN alert a ON a.finding_id = f.id
       WHERE (a.id IS NULL OR a.finding_version < f.version) AND f.id <> ALL($1::uuid[])
       ORDER BY f.found_at, f.id LIMIT $2`,
      [given.except, given.limit],
    );
    return rows.map((row) => ({ id: row.id, read: () => findingOf(row) }));
  }

  /**
   * Makes the finding's alert say this, unless it tells of this version or a newer one already; true
   * where something changed. Safe to repeat and to run in two processes at once.
   */
  async tell(reader: Reader, id: string, alert: AlertContent): Promise<boolean> {
    const row = await reader.queryOne(
      `INSERT INTO alert (id, shop_id, finding_id, finding_version, name, fingerprint, state, labels, annotations,
         starts_at, ends_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
       ON CONFLICT (finding_id) DO UPDATE
         SET finding_version = excluded.finding_version, state = excluded.state, labels = excluded.labels,
             annotations = excluded.annotations, ends_at = excluded.ends_at, version = alert.version + 1
         WHERE alert.finding_version < excluded.finding_version
       RETURNING id`,
      [
        id,
        alert.shopId,
        alert.findingId,
        alert.findingVersion,
        alert.name,
        alert.fingerprint,
        alert.state,
        JSON.stringify(alert.labels),
        JSON.stringify(alert.annotations),
        alert.startsAt,
        alert.endsAt,
      ],
    );
    return row !== undefined;
  }

  async read(reader: Reader, id: string): Promise<Alert | undefined> {
    const row = await reader.queryOne(`SELECT * FROM ${allAlerts} a WHERE id = $1`, [id]);
    return row === undefined ? undefined : alertOfRow(row);
  }

  /** Newest first. */
  async list(reader: Reader, query: AlertQuery): Promise<Alert[]> {
    const rows = await reader.query(
      `SELECT * FROM ${allAlerts} a
       WHERE ($1::text IS NULL OR shop_id = $1) AND ($2::text IS NULL OR state = $2)
         AND ($3::timestamptz IS NULL OR (starts_at, id) < ($3, $4::uuid))
       ORDER BY starts_at DESC, id DESC LIMIT $5`,
      [
        query.shopId,
        query.state,
        query.before?.startsAt ?? null,
        query.before?.id ?? null,
        query.limit,
      ],
    );
    return rows.map(alertOfRow);
  }

  async countFiring(
    reader: Reader,
  ): Promise<{ shopId: string; name: string; severity: string; count: number }[]> {
    return reader.query(
      `SELECT shop_id AS "shopId", name, labels ->> 'severity' AS severity, count(*) AS count
       FROM ${allAlerts} a WHERE state = 'firing' GROUP BY 1, 2, 3`,
    );
  }

  /** Findings that no alert tells of yet, or only in an older version. */
  async waiting(reader: Reader): Promise<Waiting> {
    const row = await reader.queryOne<Waiting>(
      `SELECT count(*) AS due, min(found_at) FILTER (WHERE is_new) AS since FROM (
         SELECT f.found_at, a.id IS NULL AS is_new FROM finding f LEFT JOIN alert a ON a.finding_id = f.id
         WHERE a.id IS NULL OR a.finding_version < f.version LIMIT $1) AS untold`,
      [dueCountedMax],
    );
    return row ?? { due: 0, since: null };
  }
}

/** A finding that is to be told. A row that makes no sense fails when it is read, and not the others with it. */
export interface UntoldFinding {
  readonly id: string;
  read(): Finding;
}

interface FindingRow {
  id: string;
  shop_id: string;
  detector: string;
  fingerprint: string;
  state: 'live' | 'closed';
  slice: Record<string, string>;
  sentence: string;
  measure: unknown;
  found_at: Date;
  closed_at: Date | null;
  version: number;
}

function findingOf(row: FindingRow): Finding {
  return {
    id: row.id,
    shopId: row.shop_id,
    detector: row.detector,
    fingerprint: row.fingerprint,
    state: row.state,
    slice: row.slice,
    sentence: row.sentence,
    measure: findingMeasureSchema.parse(row.measure),
    foundAt: row.found_at,
    closedAt: row.closed_at,
    version: row.version,
  };
}

interface AlertRow {
  id: string;
  shop_id: string;
  finding_id: string | null;
  finding_version: number | null;
  name: string;
  fingerprint: string;
  state: 'firing' | 'resolved';
  labels: Record<string, string>;
  annotations: Record<string, string>;
  starts_at: Date;
  ends_at: Date | null;
  version: number;
}

function alertOfRow(given: Row): Alert {
  const row = given as unknown as AlertRow;
  return {
    id: row.id,
    shopId: row.shop_id,
    findingId: row.finding_id,
    findingVersion: row.finding_version,
    name: row.name,
    fingerprint: row.fingerprint,
    state: row.state,
    labels: row.labels,
    annotations: row.annotations,
    startsAt: row.starts_at,
    endsAt: row.ends_at,
    version: row.version,
  };
}
