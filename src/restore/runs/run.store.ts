import { Injectable } from '@nestjs/common';
import type { Reader, Transaction } from '../../platform/database/database.js';
import {
  itemStates,
  type AttemptTally,
  type Counts,
  type Run,
  type RunState,
  type StopReason,
} from './run.js';

const columns = `r.id, r.plan_id AS "planId", r.incident_id AS "incidentId", r.shop_id AS "shopId", r.action,
  r.plan_hash AS "planHash", r.state, r.stage, r.stop_reason AS "stopReason", r.limits, r.started_by AS "startedBy",
  r.started_at AS "startedAt", r.ended_at AS "endedAt", r.by_hand AS "byHand",
  r.bleeding_override AS "bleedingOverride", r.bleed_position AS "bleedPosition", r.counted_from AS "countedFrom",
  r.version`;

export type NewRun = Omit<Run, 'stage' | 'stopReason' | 'endedAt' | 'countedFrom' | 'version'>;

/** Whether the shop may be written to: armed, and not stopped by the kill switch. */
export interface ShopGate {
  readonly armed: boolean;
  readonly stopped: boolean;
  readonly stopReason: string | null;
  /** position of the newest journal entry */
  readonly journalHead: number;
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
  async ofIncident(reader: Reader, incidentId: string): Promise<Run[]> {
    return reader.query<Run>(
      `SELECT ${columns} FROM restore_run r WHERE r.incident_id = $1 ORDER BY r.started_at DESC, r.id DESC`,
      [incidentId],
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
      `SELECT ${columns} FROM restore_run r
       WHERE r.state = 'running' OR EXISTS (
         SELECT FROM restore_run_item i WHERE i.run_id = r.id AND i.state IN ('attempting', 'unknown', 'applied'))
       ORDER BY r.started_at, r.id`,
    );
  }

  async setState(
    transaction: Transaction,
    runId: string,
    change: { state: RunState; stopReason: StopReason | null; endedAt: Date | null },
  ): Promise<void> {
    await transaction.query(
      `UPDATE restore_run SET state = $2, stop_reason = $3, ended_at = $4, version = version + 1 WHERE id = $1`,
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
         counted_from = coalesce((SELECT max(a.id) FROM restore_attempt a JOIN restore_run_item i
                                  ON i.id = a.run_item_id WHERE i.run_id = $1), 0)
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

  async gate(reader: Reader, shopId: string): Promise<ShopGate> {
    const row = await reader.queryOne<ShopGate>(
      `SELECT armed_at IS NOT NULL AS armed, stopped_at IS NOT NULL AS stopped, stop_reason AS "stopReason",
         journal_head AS "journalHead"
       FROM shop WHERE id = $1`,
      [shopId],
    );
    return row ?? { armed: false, stopped: false, stopReason: null, journalHead: 0 };
  }

  /** Items by state: of all stages, or up to one. */
  async counts(reader: Reader, runId: string, upToStage?: number): Promise<Counts> {
    const rows = await reader.query<{ state: keyof Counts; count: number }>(
      `SELECT state, count(*) AS count FROM restore_run_item
       WHERE run_id = $1 AND ($2::integer IS NULL OR stage <= $2) GROUP BY state`,
      [runId, upToStage ?? null],
    );
    const counts = Object.fromEntries(itemStates.map((state) => [state, 0])) as Record<
      keyof Counts,
      number
    >;
    for (const row of rows) counts[row.state] = row.count;
    return counts;
  }

  /** How attempts ended since the start or the last resume. */
  async tally(reader: Reader, run: Run): Promise<AttemptTally> {
    const row = await reader.queryOne<AttemptTally>(
      `WITH ended AS (
         SELECT a.id, a.outcome, a.reason FROM restore_attempt a JOIN restore_run_item i ON i.id = a.run_item_id
         WHERE i.run_id = $1 AND a.id > $2 AND a.outcome IN ('applied', 'refused', 'failed', 'retry', 'unknown')
       )
       SELECT count(*) FILTER (WHERE outcome <> 'retry') AS final, count(*) FILTER (WHERE outcome = 'failed') AS failed,
         ARRAY(SELECT reason FROM ended ORDER BY id DESC LIMIT $3) AS "latestReasons" FROM ended`,
      [run.id, run.countedFrom, run.limits.stopAtLockTimeouts],
    );
    return row ?? { final: 0, failed: 0, latestReasons: [] };
  }
}
