import { Injectable } from '@nestjs/common';
import type { Reader, Transaction } from '../../platform/database/database.js';
import type { RunItem } from './run.js';

/** An item that was begun, or written to the shop, and whose echo has just come. */
export type EchoedItem = Pick<
  RunItem,
  'id' | 'runId' | 'caseId' | 'orderId' | 'orderNumber' | 'attempts' | 'transactionId'
> & { readonly planItemId: string; readonly state: 'attempting' | 'applied' };

/** Rows of many items of one run at once. */
@Injectable()
export class EchoedItemStore {
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

  /** Writes down that these attempts were applied, and counts them for the run's limits. The run is locked. */
  async endAttempts(
    transaction: Transaction,
    runId: string,
    items: readonly EchoedItem[],
    at: Date,
  ): Promise<void> {
    await transaction.query(
      `WITH ended AS (
         INSERT INTO restore_attempt (run_item_id, attempt, at, outcome, transaction_id)
         SELECT id, attempt, $2, 'applied', transaction_id
         FROM unnest($3::uuid[], $4::integer[], $5::bigint[]) AS given (id, attempt, transaction_id)
       )
       UPDATE restore_run SET ended_orders = ended_orders + cardinality($3::uuid[]), locked_in_row = 0 WHERE id = $1`,
      [
        runId,
        at,
        items.map(({ id }) => id),
        items.map(({ attempts }) => attempts),
        items.map(({ transactionId }) => transactionId),
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
