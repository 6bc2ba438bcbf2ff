import { Injectable } from '@nestjs/common';
import type { Reader, Transaction } from '../../platform/database/database.js';
import type { GapsAround } from './disposition.js';
import type { Plan, PlanAction, PlanItem, PlanState } from './plan.js';

const planColumns = `p.id, p.number, p.incident_id AS "incidentId", p.shop_id AS "shopId", p.action,
  p.undoes_run_id AS "undoesRunId", p.state, p.hash, p.approvals_needed AS "approvalsNeeded",
  p.requested_by AS "requestedBy", p.created_at AS "createdAt", p.expires_at AS "expiresAt", p.version`;

const itemColumns = `i.id, i.case_id AS "caseId", i.order_id AS "orderId", i.order_number AS "orderNumber", i.sequence,
  i.disposition, i.reason, i.detail, i.expected_status AS "expectedStatus", i.changes, i.expect, i.before, i.source, i.risks`;

/** How many items go into one statement: their changes may be long. */
const batch = 200;

export type DuePlan = Pick<Plan, 'id' | 'expiresAt'>;

export type NewPlan = Omit<Plan, 'number' | 'version'>;

/** Positions of the journal, both included. */
export interface Stretch {
  readonly first: number;
  readonly last: number;
}

@Injectable()
export class PlanStore {
  async insert(transaction: Transaction, plan: NewPlan): Promise<number> {
    const [row] = await transaction.query<{ number: number }>(
      `INSERT INTO restore_plan (id, incident_id, shop_id, action, undoes_run_id, state, hash, approvals_needed,
         requested_by, created_at, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING number`,
      [
        plan.id,
        plan.incidentId,
        plan.shopId,
        plan.action,
        plan.undoesRunId,
        plan.state,
        plan.hash,
        plan.approvalsNeeded,
        plan.requestedBy,
        plan.createdAt,
        plan.expiresAt,
      ],
    );
    return row?.number ?? 0;
  }

  async insertItems(
    transaction: Transaction,
    planId: string,
    items: readonly PlanItem[],
  ): Promise<void> {
    for (let start = 0; start < items.length; start += batch) {
      const part = items.slice(start, start + batch);
      await transaction.query(
        `INSERT INTO restore_plan_item (id, plan_id, case_id, order_id, order_number, sequence, disposition, reason,
           detail, expected_status, changes, expect, before, source, risks)
         SELECT given.id, $1, given.case_id, given.order_id, given.order_number, given.sequence, given.disposition,
           given.reason, given.detail, given.expected_status, given.changes, given.expect, given.before, given.source,
           given.risks
         FROM jsonb_to_recordset($2::jsonb) AS given (id uuid, case_id uuid, order_id text, order_number text,
           sequence integer, disposition text, reason text, detail text, expected_status text, changes jsonb,
           expect jsonb, before jsonb, source jsonb, risks jsonb)`,
        [planId, JSON.stringify(part.map(itemRow))],
      );
    }
  }

  async read(reader: Reader, planId: string): Promise<Plan | undefined> {
    return reader.queryOne<Plan>(`SELECT ${planColumns} FROM restore_plan p WHERE p.id = $1`, [
      planId,
    ]);
  }

  /** Locks a plan until the transaction ends. Always before its incident. */
  async lock(transaction: Transaction, planId: string): Promise<Plan | undefined> {
    return transaction.queryOne<Plan>(
      `SELECT ${planColumns} FROM restore_plan p WHERE p.id = $1 FOR UPDATE`,
      [planId],
    );
  }

  /** Newest first. */
  async ofIncident(
    reader: Reader,
    query: { incidentId: string; beforeNumber: number | null; limit: number },
  ): Promise<Plan[]> {
    return reader.query<Plan>(
      `SELECT ${planColumns} FROM restore_plan p
       WHERE p.incident_id = $1 AND ($2::bigint IS NULL OR p.number < $2) ORDER BY p.number DESC LIMIT $3`,
      [query.incidentId, query.beforeNumber, query.limit],
    );
  }

  /** All items, in the order in which they are restored. */
  async items(reader: Reader, planId: string): Promise<PlanItem[]> {
    return reader.query<PlanItem>(
      `SELECT ${itemColumns} FROM restore_plan_item i WHERE i.plan_id = $1 ORDER BY i.sequence`,
      [planId],
    );
  }

  async pageOfItems(
    reader: Reader,
    query: { planId: string; afterSequence: number; limit: number },
  ): Promise<PlanItem[]> {
    return reader.query<PlanItem>(
      `SELECT ${itemColumns} FROM restore_plan_item i
       WHERE i.plan_id = $1 AND i.sequence > $2 ORDER BY i.sequence LIMIT $3`,
      [query.planId, query.afterSequence, query.limit],
    );
  }

  /** Some items of any plans, by their ids; each with its plan. */
  async itemsById(
    reader: Reader,
    itemIds: readonly string[],
  ): Promise<(PlanItem & { planId: string })[]> {
    return reader.query(
      `SELECT ${itemColumns}, i.plan_id AS "planId" FROM restore_plan_item i WHERE i.id = ANY($1::uuid[])`,
      [itemIds],
    );
  }

  async countItems(reader: Reader, planId: string): Promise<{ reopen: number; person: number }> {
    const row = await reader.queryOne<{ reopen: number; person: number }>(
      `SELECT count(*) FILTER (WHERE disposition = 'reopen') AS reopen,
              count(*) FILTER (WHERE disposition = 'person') AS person
       FROM restore_plan_item WHERE plan_id = $1`,
      [planId],
    );
    return row ?? { reopen: 0, person: 0 };
  }

  /** Cases that the plan is to reopen and no other plan of the incident is, which may still be run. */
  async casesLeft(reader: Reader, { id, incidentId }: Plan): Promise<string[]> {
    const rows = await reader.query<{ id: string }>(
      `SELECT i.case_id AS id FROM restore_plan_item i
       WHERE i.plan_id = $1 AND i.disposition = 'reopen' AND NOT EXISTS (
         SELECT FROM restore_plan other JOIN restore_plan_item o ON o.plan_id = other.id
         WHERE other.incident_id = $2 AND other.id <> $1 AND other.action = 'restore'
           AND other.state IN ('proposed', 'approved') AND o.disposition = 'reopen' AND o.case_id = i.case_id)`,
      [id, incidentId],
    );
    return rows.map((row) => row.id);
  }

  async setState(
    transaction: Transaction,
    planId: string,
    change: { state: PlanState; expiresAt?: Date },
  ): Promise<void> {
    await transaction.query(
      `UPDATE restore_plan SET state = $2, expires_at = coalesce($3, expires_at), version = version + 1 WHERE id = $1`,
      [planId, change.state, change.expiresAt ?? null],
    );
  }

  /** Locks the plans that a new one of the same kind takes the place of. */
  async lockProposed(
    transaction: Transaction,
    of: { incidentId: string; action: PlanAction; undoesRunId: string | null },
  ): Promise<Plan[]> {
    return transaction.query<Plan>(
      `SELECT ${planColumns} FROM restore_plan p
       WHERE p.incident_id = $1 AND p.action = $2 AND p.undoes_run_id IS NOT DISTINCT FROM $3 AND p.state = 'proposed'
       ORDER BY p.id FOR UPDATE`,
      [of.incidentId, of.action, of.undoesRunId],
    );
  }

  /** From the first plan on, the shop's journal is followed for echoes. */
  async startCursor(transaction: Transaction, shopId: string, now: Date): Promise<void> {
    await transaction.query(
      `INSERT INTO restore_cursor (shop_id, position, updated_at) SELECT id, journal_head, $2 FROM shop WHERE id = $1
       ON CONFLICT (shop_id) DO NOTHING`,
      [shopId, now],
    );
  }

  /** Plans whose time has run out, the longest ago first; behind `after`, where that is given. */
  async due(
    reader: Reader,
    now: Date,
    { after, limit }: { after: DuePlan | null; limit: number },
  ): Promise<DuePlan[]> {
    return reader.query<DuePlan>(
      `SELECT id, expires_at AS "expiresAt" FROM restore_plan
       WHERE state IN ('proposed', 'approved') AND expires_at <= $1
         AND ($2::timestamptz IS NULL OR (expires_at, id) > ($2, $3::uuid))
       ORDER BY expires_at, id LIMIT $4`,
      [now, after?.expiresAt ?? null, after?.id ?? null, limit],
    );
  }

  /**
   * Of each stretch of the shop's journal, in the order given: whether changes were lost at their source
   * within it or after it. There may be thousands of such places, so each stretch is asked about by itself.
   */
  async gapsAround(
    reader: Reader,
    shopId: string,
    stretches: readonly Stretch[],
  ): Promise<GapsAround[]> {
    return reader.query<GapsAround>(
      `SELECT EXISTS (SELECT FROM journal_entry e WHERE e.shop_id = $1 AND e.order_id = '' AND 'gap' = ANY (e.kinds)
                AND e.position BETWEEN stretch.first AND stretch.last) AS within,
              EXISTS (SELECT FROM journal_entry e WHERE e.shop_id = $1 AND e.order_id = '' AND 'gap' = ANY (e.kinds)
                AND e.position > stretch.last) AS after
       FROM unnest($2::bigint[], $3::bigint[]) WITH ORDINALITY AS stretch (first, last, place) ORDER BY place`,
      [shopId, stretches.map(({ first }) => first), stretches.map(({ last }) => last)],
    );
  }

  /** The run of a plan; null before it was started. */
  async runOf(reader: Reader, planId: string): Promise<string | null> {
    const row = await reader.queryOne<{ id: string }>(
      'SELECT id FROM restore_run WHERE plan_id = $1',
      [planId],
    );
    return row?.id ?? null;
  }
}

function itemRow(item: PlanItem): Record<string, unknown> {
  return {
    id: item.id,
    case_id: item.caseId,
    order_id: item.orderId,
    order_number: item.orderNumber,
    sequence: item.sequence,
    disposition: item.disposition,
    reason: item.reason,
    detail: item.detail,
    expected_status: item.expectedStatus,
    changes: item.changes,
    expect: item.expect,
    before: item.before,
    source: item.source,
    risks: item.risks,
  };
}
