import { Injectable } from '@nestjs/common';
import type { Reader, Transaction } from '../../platform/database/database.js';
import { mayFollow } from '../../incidents/transitions.js';
import { assert } from '../../platform/assert.js';
import { itemTransitions, type ItemState, type RunItem, type SettledOutcome } from './run.js';

/** A `RunItem` of the rows that the statement calls `i`. */
export const runItemColumns = `i.id, i.run_id AS "runId", i.plan_item_id AS "planItemId", i.case_id AS "caseId", i.shop_id AS "shopId",
  i.action, i.order_id AS "orderId", i.order_number AS "orderNumber", i.span_position AS "spanPosition", i.sequence,
  i.stage, i.state, i.reason, i.detail, i.attempts, i.attempts_max AS "attemptsMax",
  i.next_attempt_at AS "nextAttemptAt", i.transaction_id AS "transactionId", i.incarnation,
  i.applied_at AS "appliedAt", i.echo_position AS "echoPosition", i.echo_difference AS "echoDifference",
  i.verified_at AS "verifiedAt", i.changed_position AS "changedPosition", i.settled_outcome AS "settledOutcome",
  i.settled_transaction_id AS "settledTransactionId", i.updated_at AS "updatedAt"`;

export interface NewRunItem {
  readonly id: string;
  readonly runId: string;
  readonly planItemId: string;
  readonly caseId: string;
  readonly shopId: string;
  readonly action: RunItem['action'];
  readonly orderId: string;
  readonly orderNumber: string | null;
  readonly spanPosition: number;
  readonly sequence: number;
  readonly stage: number;
  readonly attemptsMax: number;
}

/** A change of an item; what is left out stays as it is. */
export interface ItemChange {
  readonly state: ItemState;
  readonly reason?: string | null;
  readonly detail?: string | null;
  readonly nextAttemptAt?: Date | null;
  readonly appliedAt?: Date;
  readonly verifiedAt?: Date;
  readonly attemptsMax?: number;
  /** forgets the noted transaction: it is known that it was not committed */
  readonly forgetTransaction?: boolean;
  /** what a person said of the noted transaction */
  readonly settledOutcome?: SettledOutcome;
  /** only while no transaction is noted: a runner that was thought dead may note one after it was looked at */
  readonly onlyUnnoted?: boolean;
}

/** What may be claimed now. */
export interface ClaimOptions {
  readonly runId: string;
  readonly shopId: string;
  readonly now: Date;
  /** start of the hour that the shop's limit counts */
  readonly hourAgo: Date;
  readonly perHour: number;
  /** at most so many */
  readonly most: number;
}

@Injectable()
export class RunItemStore {
  async insert(transaction: Transaction, items: readonly NewRunItem[], now: Date): Promise<void> {
    await transaction.query(
      `INSERT INTO restore_run_item (id, run_id, plan_item_id, case_id, shop_id, action, order_id, order_number,
         span_position, sequence, stage, state, attempts_max, updated_at)
       SELECT g.id, g."runId", g."planItemId", g."caseId", g."shopId", g.action, g."orderId", g."orderNumber",
         g."spanPosition", g.sequence, g.stage, 'pending', g."attemptsMax", $2
       FROM jsonb_to_recordset($1::jsonb) AS g (id uuid, "runId" uuid, "planItemId" uuid, "caseId" uuid, "shopId" text,
         action text, "orderId" text, "orderNumber" text, "spanPosition" bigint, sequence integer, stage integer,
         "attemptsMax" integer)`,
      [JSON.stringify(items), now],
    );
  }

  async read(reader: Reader, itemId: string): Promise<RunItem | undefined> {
    return reader.queryOne<RunItem>(
      `SELECT ${runItemColumns} FROM restore_run_item i WHERE i.id = $1`,
      [itemId],
    );
  }

  async lock(transaction: Transaction, itemId: string): Promise<RunItem | undefined> {
    return transaction.queryOne<RunItem>(
      `SELECT ${runItemColumns} FROM restore_run_item i WHERE i.id = $1 FOR UPDATE`,
      [itemId],
    );
  }

  async pageOfRun(
    reader: Reader,
    query: {
      runId: string;
      states: readonly ItemState[] | null;
      afterSequence: number;
      limit: number;
    },
  ): Promise<RunItem[]> {
    return reader.query<RunItem>(
      `SELECT ${runItemColumns} FROM restore_run_item i
       WHERE i.run_id = $1 AND ($2::text[] IS NULL OR i.state = ANY($2)) AND i.sequence > $3
       ORDER BY i.sequence LIMIT $4`,
      [query.runId, query.states, query.afterSequence, query.limit],
    );
  }

  async inStates(reader: Reader, runId: string, states: readonly ItemState[]): Promise<RunItem[]> {
    return reader.query<RunItem>(
      `SELECT ${runItemColumns} FROM restore_run_item i WHERE i.run_id = $1 AND i.state = ANY($2) ORDER BY i.sequence`,
      [runId, states],
    );
  }

  /** When the newest order came to be without proof: unknown, or written, not seen in the stream and not settled. */
  async unprovenSince(reader: Reader, runId: string): Promise<Date | null> {
    const row = await reader.queryOne<{ since: Date | null }>(
      `SELECT max(updated_at) AS since FROM restore_run_item
       WHERE run_id = $1 AND (state = 'unknown' OR (state = 'applied' AND settled_outcome IS DISTINCT FROM 'applied'))`,
      [runId],
    );
    return row?.since ?? null;
  }

  /** When the shop cancelled the order; null where that is not known. */
  async cancelledAt(reader: Reader, item: RunItem): Promise<Date | null> {
    const row = await reader.queryOne<{ at: Date | null }>(
      'SELECT cancelled_at AS at FROM incident_case WHERE id = $1',
      [item.caseId],
    );
    return row?.at ?? null;
  }

  /** The verified restore that this undo takes back. */
  async restoredAt(transaction: Transaction, undo: RunItem): Promise<RunItem | undefined> {
    return transaction.queryOne<RunItem>(
      `SELECT ${runItemColumns} FROM restore_run_item i
       WHERE i.shop_id = $1 AND i.order_id = $2 AND i.action = 'restore' AND i.state = 'verified'
         AND i.echo_position = $3 FOR UPDATE`,
      [undo.shopId, undo.orderId, undo.spanPosition],
    );
  }

  /** Cases of items that wait for their turn. */
  async pendingCases(reader: Reader, runId: string): Promise<string[]> {
    const rows = await reader.query<{ id: string }>(
      `SELECT case_id AS id FROM restore_run_item WHERE run_id = $1 AND state = 'pending'`,
      [runId],
    );
    return rows.map((row) => row.id);
  }

  /** Restores of an order that were seen in the stream and not undone, newest first. */
  async restoredOf(reader: Reader, shopId: string, orderId: string): Promise<RunItem[]> {
    return reader.query<RunItem>(
      `SELECT ${runItemColumns} FROM restore_run_item i
       WHERE i.shop_id = $1 AND i.order_id = $2 AND i.action = 'restore'
         AND i.state IN ('applied', 'verified') AND i.echo_position IS NOT NULL ORDER BY i.echo_position DESC`,
      [shopId, orderId],
    );
  }

  /**
   * Takes the next items of a running run, in their order: their attempts are written down before the shop is
   * touched. None while the shop is not armed or the kill switch is set, and no more than its hour has room for.
   * One claim at a time per shop, so that the limit holds however many claim.
   * @throws the database's unique violation where one of these cancellations has been restored already
   */
  async claim(transaction: Transaction, options: ClaimOptions): Promise<RunItem[]> {
    await transaction.query(`SELECT pg_advisory_xact_lock(hashtext('reinstate.restore.' || $1))`, [
      options.shopId,
    ]);
    return transaction.query<RunItem>(
      `WITH due AS (
         SELECT i.id FROM restore_run_item i
           JOIN restore_run r ON r.id = i.run_id AND r.state = 'running'
           JOIN shop s ON s.id = r.shop_id AND s.armed_at IS NOT NULL AND s.stopped_at IS NULL
         WHERE i.run_id = $1 AND i.state = 'pending' AND i.stage <= r.stage
           AND (i.next_attempt_at IS NULL OR i.next_attempt_at <= $2)
         ORDER BY i.sequence
         LIMIT greatest(0, least($6, coalesce($5, 0)
           - (SELECT count(*) FROM restore_run_item used WHERE used.shop_id = $3 AND used.applied_at > $4)
           - (SELECT count(*) FROM restore_run_item used WHERE used.shop_id = $3
                AND used.state IN ('attempting', 'unknown') AND used.updated_at > $4)))
         FOR UPDATE OF i SKIP LOCKED
       ), claimed AS (
         UPDATE restore_run_item i SET state = 'attempting', attempts = i.attempts + 1, reason = NULL, detail = NULL,
           transaction_id = NULL, incarnation = NULL, next_attempt_at = NULL, updated_at = $2
         FROM due WHERE i.id = due.id RETURNING i.*
       ), started AS (
         INSERT INTO restore_attempt (run_item_id, attempt, at, outcome) SELECT id, attempts, $2, 'started' FROM claimed
       )
       SELECT ${runItemColumns} FROM claimed i ORDER BY i.sequence`,
      [options.runId, options.now, options.shopId, options.hourAgo, options.perHour, options.most],
    );
  }

  /** Whether the shop is armed and nobody has pulled the kill switch. */
  async mayWrite(reader: Reader, shopId: string): Promise<boolean> {
    const row = await reader.queryOne(
      'SELECT 1 FROM shop WHERE id = $1 AND armed_at IS NOT NULL AND stopped_at IS NULL',
      [shopId],
    );
    return row !== undefined;
  }

  /** Whether another item restores the same cancellation, or has restored it. */
  async isTaken(reader: Reader, item: RunItem): Promise<boolean> {
    const row = await reader.queryOne(
      `SELECT 1 FROM restore_run_item
       WHERE shop_id = $1 AND order_id = $2 AND action = $3 AND span_position = $4 AND id <> $5
         AND (state IN ('attempting', 'unknown', 'applied', 'verified') OR (state = 'failed' AND applied_at IS NOT NULL))`,
      [item.shopId, item.orderId, item.action, item.spanPosition, item.id],
    );
    return row !== undefined;
  }

  /** The first waiting item whose cancellation another item restores, or has restored, with that item's state. */
  async firstTaken(
    reader: Reader,
    runId: string,
  ): Promise<(RunItem & { rival: ItemState }) | undefined> {
    return reader.queryOne(
      `SELECT ${runItemColumns}, rival.state AS rival FROM restore_run_item i
         JOIN restore_run_item rival ON (rival.shop_id, rival.order_id, rival.action, rival.span_position)
                                      = (i.shop_id, i.order_id, i.action, i.span_position) AND rival.id <> i.id
       WHERE i.run_id = $1 AND i.state = 'pending'
         AND (rival.state IN ('attempting', 'unknown', 'applied', 'verified')
              OR (rival.state = 'failed' AND rival.applied_at IS NOT NULL))
       ORDER BY i.sequence LIMIT 1`,
      [runId],
    );
  }

  /**
   * Notes the shop's transaction just before its commit; false where this attempt is no longer the
   * item's, or the shop was stopped meanwhile: then it must not commit.
   */
  async note(
    reader: Reader,
    attempt: { item: RunItem; transactionId: number; incarnation: string; now: Date },
  ): Promise<boolean> {
    const rows = await reader.query(
      `UPDATE restore_run_item i SET transaction_id = $3, incarnation = $4, updated_at = $5
       FROM shop s
       WHERE i.id = $1 AND i.state = 'attempting' AND i.attempts = $2 AND s.id = i.shop_id
         AND s.armed_at IS NOT NULL AND s.stopped_at IS NULL
       RETURNING i.id`,
      [
        attempt.item.id,
        attempt.item.attempts,
        attempt.transactionId,
        attempt.incarnation,
        attempt.now,
      ],
    );
    return rows.length > 0;
  }

  /** The item of a plan item, in whatever run it is. */
  async ofPlanItem(reader: Reader, planItemId: string): Promise<RunItem | undefined> {
    return reader.queryOne<RunItem>(
      `SELECT ${runItemColumns} FROM restore_run_item i WHERE i.plan_item_id = $1`,
      [planItemId],
    );
  }

  /**
   * Changes an item that is still in the state (and at the attempt) in which it was read, and gives it as it
   * is now; undefined where it is not any more.
   */
  async change(
    transaction: Transaction,
    item: Pick<RunItem, 'id' | 'state' | 'attempts'>,
    change: ItemChange,
    now: Date,
  ): Promise<RunItem | undefined> {
    assert(
      // what is known of it may change, and its state not
      item.state === change.state ||
        mayFollow(itemTransitions, { from: item.state, to: change.state }),
      `an item that is ${item.state} cannot become ${change.state}`,
    );
    return transaction.queryOne<RunItem>(
      `UPDATE restore_run_item i SET state = $4,
         reason = CASE WHEN $5 THEN $6 ELSE reason END,
         detail = CASE WHEN $5 THEN $7 ELSE detail END,
         next_attempt_at = $8,
         applied_at = CASE WHEN $13 = 'not-applied' THEN NULL ELSE coalesce($9, applied_at) END, verified_at = coalesce($10, verified_at),
         attempts_max = coalesce($11, attempts_max),
         transaction_id = CASE WHEN $12 THEN NULL ELSE transaction_id END,
         incarnation = CASE WHEN $12 THEN NULL ELSE incarnation END,
         settled_outcome = coalesce($13, settled_outcome),
         settled_transaction_id = CASE WHEN $13::text IS NULL THEN settled_transaction_id ELSE transaction_id END,
         updated_at = $15
       WHERE id = $1 AND state = $2 AND attempts = $3 AND (NOT $14 OR transaction_id IS NULL)
       RETURNING ${runItemColumns}`,
      [
        item.id,
        item.state,
        item.attempts,
        change.state,
        change.reason !== undefined,
        change.reason ?? null,
        change.detail ?? null,
        change.nextAttemptAt ?? null,
        change.appliedAt ?? null,
        change.verifiedAt ?? null,
        change.attemptsMax ?? null,
        change.forgetTransaction ?? false,
        change.settledOutcome ?? null,
        change.onlyUnnoted ?? false,
        now,
      ],
    );
  }

  /** Notes the echo of a plan item and gives its item as it is now, locked; undefined where an echo is noted already. */
  async setEcho(
    transaction: Transaction,
    planItemId: string,
    echo: { position: number; difference: string | null },
  ): Promise<RunItem | undefined> {
    return transaction.queryOne<RunItem>(
      `UPDATE restore_run_item i SET echo_position = $2, echo_difference = $3
       WHERE i.plan_item_id = $1 AND i.echo_position IS NULL RETURNING ${runItemColumns}`,
      [planItemId, echo.position, echo.difference],
    );
  }

  async setChanged(transaction: Transaction, itemId: string, position: number): Promise<void> {
    await transaction.query('UPDATE restore_run_item SET changed_position = $2 WHERE id = $1', [
      itemId,
      position,
    ]);
  }

  /**
   * Writes down how an attempt ended, and counts it for the run's limits; what becomes known later
   * of one was counted then. The caller has locked the run.
   */
  async endAttempt(
    transaction: Transaction,
    item: Pick<RunItem, 'id' | 'runId' | 'state' | 'attempts'>,
    end: {
      at: Date;
      outcome: 'applied' | 'refused' | 'failed' | 'retry' | 'unknown' | 'not-applied';
      reason?: string | null;
      detail?: string | null;
      transactionId?: number | null;
    },
  ): Promise<void> {
    await transaction.query(
      `WITH ended AS (
         INSERT INTO restore_attempt (run_item_id, attempt, at, outcome, reason, detail, transaction_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
       )
       UPDATE restore_run SET ended_orders = ended_orders + ($4 <> 'retry')::integer,
         failed_orders = failed_orders + ($4 = 'failed')::integer,
         locked_in_row = CASE WHEN $5 = 'locked' THEN locked_in_row + 1 ELSE 0 END
       WHERE id = $8 AND $4 <> 'not-applied' AND $9 NOT IN ('unknown', 'applied')`,
      [
        item.id,
        item.attempts,
        end.at,
        end.outcome,
        end.reason ?? null,
        end.detail ?? null,
        end.transactionId ?? null,
        item.runId,
        item.state,
      ],
    );
  }
}
