import { Injectable } from '@nestjs/common';
import type { Reader, Transaction } from '../../platform/database/database.js';
import { columnsOf } from '../../platform/database/entity.js';
import { newId } from '../../platform/ids.js';
import type { Step } from '../definition.js';
import type { StepWait } from '../step.js';
import { RunbookRunEntity } from './run.entity.js';
import { RunbookStepEntity } from './run-step.entity.js';
import type { RunbookRun, RunbookRunState, RunbookStep } from './run.js';

export type NewRunbookRun = Omit<RunbookRun, 'number' | 'state' | 'endedAt' | 'version'>;

/** A run as people see it in lists. */
export interface RunbookRunRow extends RunbookRun {
  readonly startedByName: string;
  readonly actsForName: string;
}

/** How a begun step ended, or that it was left out. */
export type StepEnd = Pick<
  RunbookStep,
  'state' | 'reason' | 'words' | 'evidence' | 'result' | 'endedAt'
>;

@Injectable()
export class RunbookRunStore {
  /** Gives the run's number. */
  async insert(
    transaction: Transaction,
    run: NewRunbookRun,
    steps: readonly Step[],
  ): Promise<number> {
    const [row] = await transaction.query<{ number: number }>(
      `INSERT INTO runbook_run (id, incident_id, shop_id, runbook, text, text_hash, dry_run, assumptions, state,
         started_by, started_at, acts_for, token_id)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'running', $9, $10, $11, $12) RETURNING number`,
      [
        ...[run.id, run.incidentId, run.shopId, run.runbook, run.text, run.textHash, run.dryRun],
        ...[JSON.stringify(run.assumptions), run.startedBy, run.startedAt, run.actsFor],
        run.tokenId,
      ],
    );
    for (const [sequence, definition] of steps.entries()) {
      await transaction.query(
        `INSERT INTO runbook_step (id, run_id, sequence, name, definition, state, key)
         VALUES ($1, $2, $3, $4, $5, 'pending', $6)`,
        [newId(), run.id, sequence, definition.name, JSON.stringify(definition), newId()],
      );
    }
    return row?.number ?? 0;
  }

  async read(reader: Reader, runId: string): Promise<RunbookRunRow | undefined> {
    const [run] = await this.rows(reader, 'r.id = $1', [runId]);
    return run;
  }

  /** Newest first. */
  async ofIncident(
    reader: Reader,
    asked: { incidentId: string; beforeNumber: number | null; limit: number },
  ): Promise<RunbookRunRow[]> {
    const { incidentId, beforeNumber, limit } = asked;
    return this.rows(
      reader,
      `r.incident_id = $1 AND ($2::bigint IS NULL OR r.number < $2) ORDER BY r.number DESC LIMIT $3`,
      [incidentId, beforeNumber, limit],
    );
  }

  /** Locks a run until the transaction ends. Always before its incident. */
  async lock(transaction: Transaction, runId: string): Promise<RunbookRun | undefined> {
    return transaction.queryOne<RunbookRun>(
      `SELECT ${columnsOf(RunbookRunEntity, 'r')} FROM runbook_run r WHERE r.id = $1 FOR UPDATE`,
      [runId],
    );
  }

  /** The run of this runbook that has not ended yet, and does things. */
  async open(
    reader: Reader,
    asked: { incidentId: string; runbook: string },
  ): Promise<{ number: number; state: RunbookRunState } | undefined> {
    return reader.queryOne(
      `SELECT number, state FROM runbook_run
       WHERE incident_id = $1 AND runbook = $2 AND state IN ('running', 'paused', 'stopped') AND NOT dry_run`,
      [asked.incidentId, asked.runbook],
    );
  }

  /** Runs that go on by themselves, oldest first, of those whose step is to be looked at by now. */
  async running(
    reader: Reader,
    asked: { now: Date; after: string | null; limit: number },
  ): Promise<string[]> {
    const rows = await reader.query<{ id: string }>(
      `SELECT r.id FROM runbook_run r
       WHERE r.state = 'running' AND ($3::uuid IS NULL OR r.id > $3) AND NOT EXISTS (
         SELECT FROM runbook_step s WHERE s.run_id = r.id AND s.state = 'begun' AND s.next_look_at > $1)
       ORDER BY r.id LIMIT $2`,
      [asked.now, asked.limit, asked.after],
    );
    return rows.map(({ id }) => id);
  }

  /** A run of the incident that has not ended yet, and does things. */
  async notEnded(
    reader: Reader,
    incidentId: string,
  ): Promise<Pick<RunbookRun, 'id' | 'number' | 'runbook' | 'state'> | undefined> {
    return reader.queryOne(
      `SELECT id, number, runbook, state FROM runbook_run
       WHERE incident_id = $1 AND state IN ('running', 'paused', 'stopped') AND NOT dry_run ORDER BY number LIMIT 1`,
      [incidentId],
    );
  }

  async setState(
    transaction: Transaction,
    runId: string,
    change: { state: RunbookRunState; endedAt: Date | null },
  ): Promise<void> {
    await transaction.query(
      `UPDATE runbook_run SET state = $2, ended_at = $3, version = version + 1 WHERE id = $1`,
      [runId, change.state, change.endedAt],
    );
  }

  /** From now on its steps are done for this person. */
  async setActor(
    transaction: Transaction,
    runId: string,
    { actsFor, tokenId }: { actsFor: string; tokenId: string },
  ): Promise<void> {
    await transaction.query(`UPDATE runbook_run SET acts_for = $2, token_id = $3 WHERE id = $1`, [
      runId,
      actsFor,
      tokenId,
    ]);
  }

  /** In the order in which they are done. */
  async steps(reader: Reader, runId: string): Promise<RunbookStep[]> {
    return reader.query<RunbookStep>(
      `SELECT ${columnsOf(RunbookStepEntity, 's')} FROM runbook_step s WHERE s.run_id = $1 ORDER BY s.sequence`,
      [runId],
    );
  }

  /** False where the step is not `pending` any more. */
  async begin(transaction: Transaction, step: RunbookStep, begunAt: Date): Promise<boolean> {
    const rows = await transaction.query(
      `UPDATE runbook_step SET state = 'begun', begun_at = $3, attempts = 1
       WHERE id = $1 AND key = $2 AND state = 'pending' RETURNING id`,
      [step.id, step.key, begunAt],
    );
    return rows.length === 1;
  }

  /** False where it is not as `step` says any more: what was found out about it then counts no more. */
  async end(transaction: Transaction, step: RunbookStep, end: StepEnd): Promise<boolean> {
    const rows = await transaction.query(
      `UPDATE runbook_step SET state = $4, reason = $5, words = $6, evidence = $7, result = $8, ended_at = $9,
         waits_for = NULL, next_look_at = NULL
       WHERE id = $1 AND key = $2 AND state = $3 RETURNING id`,
      [
        ...[step.id, step.key, step.state, end.state, end.reason, end.words],
        ...[jsonOrNull(end.evidence), jsonOrNull(end.result), end.endedAt],
      ],
    );
    return rows.length === 1;
  }

  /** What a begun step waits for, and until when it need not be looked at. */
  async wait(
    transaction: Transaction,
    step: RunbookStep,
    wait: { waitsFor: StepWait; words: string; nextLookAt: Date | null; attempts: number },
  ): Promise<void> {
    await transaction.query(
      `UPDATE runbook_step SET waits_for = $3, words = $4, next_look_at = $5, attempts = $6
       WHERE id = $1 AND key = $2 AND state = 'begun'`,
      [step.id, step.key, wait.waitsFor, wait.words, wait.nextLookAt, wait.attempts],
    );
  }

  /** Has the steps from this one on done anew, each under a new key. */
  async reset(transaction: Transaction, runId: string, fromSequence: number): Promise<void> {
    const steps = await transaction.query<{ id: string }>(
      `SELECT id FROM runbook_step WHERE run_id = $1 AND sequence >= $2 AND state <> 'pending'`,
      [runId, fromSequence],
    );
    await transaction.query(
      `UPDATE runbook_step s SET state = 'pending', key = given.key, attempts = 0, waits_for = NULL, next_look_at = NULL,
         reason = NULL, words = NULL, evidence = NULL, result = NULL, begun_at = NULL, ended_at = NULL
       FROM unnest($1::uuid[], $2::uuid[]) AS given(id, key) WHERE s.id = given.id`,
      [steps.map(({ id }) => id), steps.map(() => newId())],
    );
  }

  private async rows(
    reader: Reader,
    condition: string,
    values: readonly unknown[],
  ): Promise<RunbookRunRow[]> {
    return reader.query<RunbookRunRow>(
      `SELECT ${columnsOf(RunbookRunEntity, 'r')}, starter.name AS "startedByName", actor.name AS "actsForName"
       FROM runbook_run r JOIN person starter ON starter.id = r.started_by JOIN person actor ON actor.id = r.acts_for
       WHERE ${condition}`,
      values,
    );
  }
}

function jsonOrNull(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value);
}
