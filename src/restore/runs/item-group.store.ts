import { Injectable } from '@nestjs/common';
import type { Reader, Transaction } from '../../platform/database/database.js';
import type { RunItem } from './run.js';
import { runItemColumns } from './run-item.store.js';

/** An item that was begun, or written to the shop, and whose echo has just come. */
export type EchoedItem = Pick<
  RunItem,
  'id' | 'runId' | 'caseId' | 'orderId' | 'orderNumber' | 'attempts' | 'transactionId'
> & { readonly planItemId: string; readonly state: 'attempting' | 'applied' };

/** An attempt whose transaction the shop has committed. */
export interface AppliedAttempt {
  /** as it was claimed, or as it was found */
  readonly item: Pick<RunItem, 'id' | 'state' | 'attempts'>;
  readonly transactionId: number | null;
}

/** Rows of several items of one run at once. */
@Injectable()
export class ItemGroupStore {
  /** The runs that these plan items are in. */
  async runsOf(reader: Reader, planItemIds: readonly string[]): Promise<string[]> {
    const rows = await reader.query<{ id: string }>(
      'SELECT DISTINCT run_id AS id FROM restore_run_item WHERE plan_item_id = ANY($1::uuid[])',
      [planItemIds],
    );
    return rows.map(({ id }) => id);
  }

  /** Locks those that are under way, without an echo as yet and without a person's word about them. */
  async lock(transaction: Transaction, planItemIds: readonly string[]): Promise<EchoedItem[]> {
    return transaction.query<EchoedItem>(
      `SELECT i.id, i.run_id AS "runId", i.plan_item_id AS "planItemId", i.case_id AS "caseId", i.order_id AS "orderId",
         i.order_number AS "orderNumber", i.attempts, i.transaction_id AS "transactionId", i.state
       FROM restore_run_item i
       WHERE i.plan_item_id = ANY($1::uuid[]) AND i.state IN ('attempting', 'applied') AND i.action = 'restore'
         AND i.echo_position IS NULL AND i.settled_outcome IS NULL
       ORDER BY i.sequence FOR UPDATE`,
      [planItemIds],
    );
  }

  /** Those that are still in the state and at the attempt in which they were read become applied: as they are now. */
  async apply(
    transaction: Transaction,
    attempts: readonly AppliedAttempt[],
    at: Date,
  ): Promise<RunItem[]> {
    const applied = await transaction.query<RunItem>(
      `UPDATE restore_run_item i SET state = 'applied', applied_at = $1, next_attempt_at = NULL, updated_at = $1
       FROM unnest($2::uuid[], $3::text[], $4::integer[]) AS given (id, state, attempts)
       WHERE i.id = given.id AND i.state = given.state AND i.attempts = given.attempts
       RETURNING ${runItemColumns}`,
      [
        at,
        attempts.map(({ item }) => item.id),
        attempts.map(({ item }) => item.state),
        attempts.map(({ item }) => item.attempts),
      ],
    );
    return applied.sort((one, other) => one.sequence - other.sequence);
  }

  /**
   * Writes down that these attempts were applied, and counts for the run's limits those of which nothing was
   * known before. The run is locked.
   */
  async endApplied(
    transaction: Transaction,
    runId: string,
    { attempts, at }: { attempts: readonly AppliedAttempt[]; at: Date },
  ): Promise<void> {
    await transaction.query(
      `WITH ended AS (
         INSERT INTO restore_attempt (run_item_id, attempt, at, outcome, transaction_id)
         SELECT id, attempt, $2, 'applied', transaction_id
         FROM unnest($3::uuid[], $4::integer[], $5::bigint[]) AS given (id, attempt, transaction_id)
       )
       UPDATE restore_run SET ended_orders = ended_orders + $6, locked_in_row = 0 WHERE id = $1 AND $6 > 0`,
      [
        runId,
        at,
        attempts.map(({ item }) => item.id),
        attempts.map(({ item }) => item.attempts),
        attempts.map(({ transactionId }) => transactionId),
        attempts.filter(({ item }) => item.state === 'attempting').length,
      ],
    );
  }

  /** Notes where the echo of each stands, and that it showed what was planned. They are locked. */
  async verify(
    transaction: Transaction,
    items: readonly (EchoedItem & { readonly position: number })[],
    at: Date,
  ): Promise<void> {
    await transaction.query(
      `UPDATE restore_run_item i SET state = 'verified', echo_position = given.position, next_attempt_at = NULL,
         applied_at = coalesce(i.applied_at, $1), verified_at = $1, updated_at = $1
       FROM unnest($2::uuid[], $3::bigint[]) AS given (id, position) WHERE i.id = given.id`,
      [at, items.map(({ id }) => id), items.map(({ position }) => position)],
    );
  }

  /** When the shop cancelled the orders of these cases; those of which it is not known are left out. */
  async cancelledAt(reader: Reader, caseIds: readonly string[]): Promise<Date[]> {
    const rows = await reader.query<{ at: Date }>(
      'SELECT cancelled_at AS at FROM incident_case WHERE id = ANY($1::uuid[]) AND cancelled_at IS NOT NULL',
      [caseIds],
    );
    return rows.map(({ at }) => at);
  }
}
