import { Injectable } from '@nestjs/common';
import type { Reader, Transaction } from '../../platform/database/database.js';
import type { MomentCursor } from '../../platform/http/page.js';
import { dueCountedMax, type Waiting } from '../../platform/work/work-queues.js';
import type { AttemptTally, Run, RunState, StageCount, StopReason } from './run.js';

const tallyColumns = `r.ended_orders AS "endedOrders", r.failed_orders AS "failedOrders", r.locked_in_row AS "lockedInRow"`;

const columns = `r.id, r.plan_id AS "planId", r.incident_id AS "incidentId", r.shop_id AS "shopId", r.action,
  r.plan_hash AS "planHash", r.state, r.stage, r.stop_reason AS "stopReason", r.limits, r.started_by AS "startedBy",
  r.started_at AS "startedAt", r.ended_at AS "endedAt", r.by_hand AS "byHand",
  r.bleeding_override AS "bleedingOverride", r.bleed_position AS "bleedPosition", ${tallyColumns},
  r.waiting_since AS "waitingSince", r.version`;

/** An attempt's outcome is not known, or its echo has not come and nobody has settled it. */
const isUnsettled = `EXISTS (
  SELECT FROM restore_run_item i WHERE i.run_id = r.id AND i.state IN ('attempting', 'unknown', 'applied')
    AND NOT (i.state = 'applied' AND i.settled_outcome IS NOT DISTINCT FROM 'applied'))`;

export type NewRun = Omit<
  Run,
  'stage' | 'stopReason' | 'endedAt' | 'waitingSince' | 'version' | keyof AttemptTally
>;

/** Whether the shop may be written to: armed, and not stopped by the kill switch. */
export interface ShopGate {
  readonly armed: boolean;
  readonly stopped: boolean;
  readonly stopReason: string | null;
  /** position of the newest journal entry */
  readonly journalHead: number;
}

/** What decides whether a run may begin another order. */
export interface RunPulse extends Omit<ShopGate, 'journalHead'>, AttemptTally {
  readonly state: RunState;
}

@Injectable()
export class RunStore {
  async insert(transaction: Transaction, run: NewRun): Promise<void> {
    await transaction.query(
      `INSERT INTO restore_run (id, plan_id, incident_id, shop_id, action, plan_hash, state, limits, started_by,
         started_at, ended_at, by_hand, bleeding_override, bleed_position)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
      [
        run.id,
        run.planId,
        run.incidentId,
        run.shopId,
        run.action,
        run.planHash,
        run.state,
        JSON.stringify(run.limits),
        run.startedBy,
        run.startedAt,
        run.state === 'finished' ? run.startedAt : null,
        run.byHand,
        run.bleedingOverride,
        run.bleedPosition,
      ],
    );
  }

  async read(reader: Reader, runId: string): Promise<Run | undefined> {
    return reader.queryOne<Run>(`SELECT ${columns} FROM restore_run r WHERE r.id = $1`, [runId]);
  }

  async ofPlan(reader: Reader, planId: string): Promise<Run | undefined> {
    return reader.queryOne<Run>(`SELECT ${columns} FROM restore_run r WHERE r.plan_id = $1`, [
      planId,
    ]);
  }

  /** Newest first. */
  async ofIncident(
    reader: Reader,
    asked: { incidentId: string; before: MomentCursor | null; limit: number },
  ): Promise<Run[]> {
    const { incidentId, before, limit } = asked;
    return reader.query<Run>(
      `SELECT ${columns} FROM restore_run r
       WHERE r.incident_id = $1
         AND ($2::timestamptz IS NULL OR (r.started_at, r.id) < ($2, $3::uuid))
       ORDER BY r.started_at DESC, r.id DESC LIMIT $4`,
      [incidentId, before?.at ?? null, before?.id ?? null, limit],
    );
  }

  /** Locks a run until the transaction ends. Always before its items, its incident and its cases. */
  async lock(transaction: Transaction, runId: string): Promise<Run | undefined> {
    return transaction.queryOne<Run>(
      `SELECT ${columns} FROM restore_run r WHERE r.id = $1 FOR UPDATE`,
      [runId],
    );
  }

  /** Locks the runs of an incident that are running or paused. Always before the incident. */
  async lockActive(transaction: Transaction, incidentId: string): Promise<Run[]> {
    return transaction.query<Run>(
      `SELECT ${columns} FROM restore_run r
       WHERE r.incident_id = $1 AND r.state IN ('running', 'paused') ORDER BY r.id FOR UPDATE`,
      [incidentId],
    );
  }

  /** Runs that something is to be done for: running ones, and others with attempts that are not settled. */
  async active(reader: Reader): Promise<Run[]> {
    return reader.query<Run>(
      `SELECT ${columns} FROM restore_run r WHERE r.state = 'running' OR ${isUnsettled} ORDER BY r.started_at, r.id`,
    );
  }

  /** The first run of an incident that may still write to the shop, or of whose attempts some are not settled. */
  async notEnded(
    reader: Reader,
    incidentId: string,
  ): Promise<{ id: string; state: RunState; planNumber: number } | undefined> {
    return reader.queryOne(
      `SELECT r.id, r.state, p.number AS "planNumber" FROM restore_run r JOIN restore_plan p ON p.id = r.plan_id
       WHERE r.incident_id = $1 AND (r.state IN ('running', 'paused') OR ${isUnsettled})
       ORDER BY r.started_at, r.id LIMIT 1`,
      [incidentId],
    );
  }

  async setState(
    transaction: Transaction,
    runId: string,
    change: { state: RunState; stopReason: StopReason | null; endedAt: Date | null },
  ): Promise<void> {
    await transaction.query(
      `UPDATE restore_run SET state = $2, stop_reason = $3, ended_at = $4, version = version + 1,
         waiting_since = CASE WHEN $2 IN ('running', 'finished') THEN NULL ELSE waiting_since END
       WHERE id = $1`,
      [runId, change.state, change.stopReason, change.endedAt],
    );
  }

  /** Limits and bleeding are judged anew from here on. */
  async startCounting(
    transaction: Transaction,
    runId: string,
    from: { bleedPosition: number; bleedingOverride: string | null },
  ): Promise<void> {
    await transaction.query(
      `UPDATE restore_run SET bleed_position = $2, bleeding_override = coalesce($3, bleeding_override),
         ended_orders = 0, failed_orders = 0, locked_in_row = 0
       WHERE id = $1`,
      [runId, from.bleedPosition, from.bleedingOverride],
    );
  }

  async setStage(transaction: Transaction, runId: string, stage: number): Promise<void> {
    await transaction.query(
      'UPDATE restore_run SET stage = $2, version = version + 1 WHERE id = $1 AND stage < $2',
      [runId, stage],
    );
  }

  /** Moves the first pending item of a later stage into this one; false where there is none. */
  async promote(transaction: Transaction, runId: string, stage: number): Promise<boolean> {
    const rows = await transaction.query(
      `UPDATE restore_run_item SET stage = $2 WHERE id = (
         SELECT id FROM restore_run_item WHERE run_id = $1 AND state = 'pending' AND stage > $2
         ORDER BY sequence LIMIT 1 FOR UPDATE) RETURNING id`,
      [runId, stage],
    );
    return rows.length > 0;
  }

  async gate(reader: Reader, shopId: string): Promise<ShopGate> {
    const row = await reader.queryOne<ShopGate>(
      `SELECT armed_at IS NOT NULL AS armed, stopped_at IS NOT NULL AS stopped, stop_reason AS "stopReason",
         journal_head AS "journalHead"
       FROM shop WHERE id = $1`,
      [shopId],
    );
    return row ?? { armed: false, stopped: false, stopReason: null, journalHead: 0 };
  }

  /** The run's state, the shop's and the limits' counters in one look: undefined where there is no such run. */
  async pulse(reader: Reader, runId: string): Promise<RunPulse | undefined> {
    return reader.queryOne<RunPulse>(
      `SELECT r.state, ${tallyColumns}, s.armed_at IS NOT NULL AS armed, s.stopped_at IS NOT NULL AS stopped,
         s.stop_reason AS "stopReason"
       FROM restore_run r JOIN shop s ON s.id = r.shop_id WHERE r.id = $1`,
      [runId],
    );
  }

  /** Its items by stage and state. */
  async stageCounts(reader: Reader, runId: string): Promise<StageCount[]> {
    return reader.query<StageCount>(
      `SELECT stage, state, count(*) AS count,
         count(*) FILTER (WHERE state = 'applied' AND settled_outcome = 'applied') AS settled
       FROM restore_run_item WHERE run_id = $1 GROUP BY stage, state`,
      [runId],
    );
  }

  /** How many unresolved incidents have a newest run that stands so, by shop. */
  async countNewest(
    reader: Reader,
  ): Promise<{ shopId: string; state: string; reason: string; count: number }[]> {
    return reader.query(
      `SELECT newest.shop_id AS "shopId", newest.state, newest.reason, count(*) AS count FROM incident i
       CROSS JOIN LATERAL (
         SELECT r.shop_id, coalesce(r.stop_reason, '') AS reason,
           CASE WHEN r.state = 'running' AND r.waiting_since IS NOT NULL THEN 'waiting' ELSE r.state END AS state
         FROM restore_run r WHERE r.incident_id = i.id ORDER BY r.started_at DESC, r.id DESC LIMIT 1) newest
       WHERE i.status <> 'resolved' GROUP BY 1, 2, 3`,
    );
  }

  /** Orders of running runs whose turn has come, and since when the first of them waits. */
  async waiting(reader: Reader, now: Date): Promise<Waiting> {
    const row = await reader.queryOne<Waiting>(
      `SELECT count(*) AS due, min(since) AS since FROM (
         SELECT coalesce(i.next_attempt_at, i.updated_at) AS since
         FROM restore_run r JOIN restore_run_item i ON i.run_id = r.id AND i.state = 'pending' AND i.stage <= r.stage
         WHERE r.state = 'running' AND (i.next_attempt_at IS NULL OR i.next_attempt_at <= $1) LIMIT $2) AS due`,
      [now, dueCountedMax],
    );
    return row ?? { due: 0, since: null };
  }

  /** Notes since when only a person can take the run further; null: that is not so any more. */
  async setWaiting(transaction: Transaction, runId: string, since: Date | null): Promise<void> {
    await transaction.query('UPDATE restore_run SET waiting_since = $2 WHERE id = $1', [
      runId,
      since,
    ]);
  }
}
