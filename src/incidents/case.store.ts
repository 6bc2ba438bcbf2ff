import { Injectable } from '@nestjs/common';
import type { Reader, Transaction } from '../platform/database/database.js';
import { judgedStates, type Case, type CaseState } from './case.js';
import type { Verdict } from './verdict/verdict.js';

/** Columns of a case, under the names that `Case` gives them. */
export const caseColumns = `c.id, c.incident_id AS "incidentId", c.shop_id AS "shopId", c.order_id AS "orderId",
  c.order_number AS "orderNumber", c.state, c.verdict, c.reasons, c.verdict_by AS "verdictBy", c.evidence,
  c.cancel_position AS "cancelPosition", c.cancelled_at AS "cancelledAt", c.actor_kind AS "actorKind", c.actor,
  c.cancel_reason AS "cancelReason", c.customer_id AS "customerId", c.total_minor AS "totalMinor",
  c.held_minor AS "heldMinor", c.currency, c.created_at AS "createdAt", c.updated_at AS "updatedAt", c.version`;

/** A case with the incident that it belongs to, for who asks about an order. */
export interface CaseOfOrder extends Case {
  readonly incidentNumber: number;
  readonly incidentTitle: string;
  readonly incidentStatus: string;
}

export interface CaseQuery {
  readonly incidentId: string;
  readonly states: readonly CaseState[] | null;
  readonly verdicts: readonly Verdict[] | null;
  /** the last case of the page before */
  readonly after: { readonly createdAt: Date; readonly id: string } | null;
  readonly limit: number;
}

/** What cases are counted by. */
export type CaseKind = Pick<Case, 'shopId' | 'state' | 'verdict' | 'actorKind'>;

/** What the shop holds of orders in cases, in the smallest unit of the currency. */
export interface CaseMoney {
  readonly shopId: string;
  /** three capital letters */
  readonly currency: string;
  /** of orders that are still cancelled */
  readonly atRiskMinor: number;
  /** of orders that are restored */
  readonly recoveredMinor: number;
}

@Injectable()
export class CaseStore {
  async read(reader: Reader, caseId: string): Promise<Case | undefined> {
    return reader.queryOne<Case>(`SELECT ${caseColumns} FROM incident_case c WHERE c.id = $1`, [
      caseId,
    ]);
  }

  /** In the order in which they were added. */
  async list(reader: Reader, query: CaseQuery): Promise<Case[]> {
    return reader.query<Case>(
      `SELECT ${caseColumns} FROM incident_case c
       WHERE c.incident_id = $1 AND ($2::text[] IS NULL OR c.state = ANY($2))
         AND ($3::text[] IS NULL OR c.verdict = ANY($3))
         AND ($4::timestamptz IS NULL OR (c.created_at, c.id) > ($4, $5::uuid))
       ORDER BY c.created_at, c.id LIMIT $6`,
      [
        query.incidentId,
        query.states,
        query.verdicts,
        query.after?.createdAt ?? null,
        query.after?.id ?? null,
        query.limit,
      ],
    );
  }

  /** The cases of an order; newest first. */
  async ofOrder(reader: Reader, shopId: string, orderId: string): Promise<CaseOfOrder[]> {
    return reader.query<CaseOfOrder>(
      `SELECT ${caseColumns}, i.number AS "incidentNumber", i.title AS "incidentTitle", i.status AS "incidentStatus"
       FROM incident_case c JOIN incident i ON i.id = c.incident_id
       WHERE c.shop_id = $1 AND c.order_id = $2 ORDER BY c.created_at DESC, c.id DESC`,
      [shopId, orderId],
    );
  }

  /** The incident of each case; cases that do not exist are missing. */
  async incidentsOf(
    reader: Reader,
    caseIds: readonly string[],
  ): Promise<{ id: string; incidentId: string }[]> {
    return reader.query(
      'SELECT id, incident_id AS "incidentId" FROM incident_case WHERE id = ANY($1::uuid[])',
      [caseIds],
    );
  }

  /** Locks cases (in the order of their ids, so that two lockers never wait for each other). */
  async lock(transaction: Transaction, caseIds: readonly string[]): Promise<Case[]> {
    return transaction.query<Case>(
      `SELECT ${caseColumns} FROM incident_case c WHERE c.id = ANY($1::uuid[]) ORDER BY c.id FOR UPDATE`,
      [caseIds],
    );
  }

  /** Locks the cases of an incident that are in one of these states. */
  async lockInStates(
    transaction: Transaction,
    incidentId: string,
    states: readonly CaseState[],
  ): Promise<Case[]> {
    return transaction.query<Case>(
      `SELECT ${caseColumns} FROM incident_case c WHERE c.incident_id = $1 AND c.state = ANY($2)
       ORDER BY c.id FOR UPDATE`,
      [incidentId, states],
    );
  }

  /**
   * A case that comes back among those that are judged has to be read again: nobody looked at its
   * order's news meanwhile.
   */
  async setState(
    transaction: Transaction,
    change: { caseIds: readonly string[]; to: CaseState; at: Date },
  ): Promise<void> {
    await transaction.query(
      `UPDATE incident_case SET state = $2, updated_at = $3, version = version + 1,
         unread = unread OR (evidence = 'journal' AND $2 = ANY($4) AND state <> ALL($4))
       WHERE id = ANY($1::uuid[])`,
      [change.caseIds, change.to, change.at, judgedStates],
    );
  }

  /** The verdict of a person: it is not judged again. */
  async setVerdict(
    transaction: Transaction,
    change: { caseId: string; verdict: Verdict; personId: string; at: Date },
  ): Promise<void> {
    await transaction.query(
      `UPDATE incident_case SET verdict = $2, verdict_by = $3, updated_at = $4, version = version + 1 WHERE id = $1`,
      [change.caseId, change.verdict, change.personId, change.at],
    );
  }

  /** How many cases there are of incidents that are not resolved, by shop, state, verdict and who cancelled. */
  async countUnresolved(reader: Reader): Promise<(CaseKind & { count: number })[]> {
    return reader.query(
      `SELECT c.shop_id AS "shopId", c.state, c.verdict, c.actor_kind AS "actorKind", count(*) AS count
       FROM incident_case c JOIN incident i ON i.id = c.incident_id
       WHERE i.status <> 'resolved' GROUP BY c.shop_id, c.state, c.verdict, c.actor_kind`,
    );
  }

  /**
   * The money of orders that incidents are about, by shop and currency. At risk: of incidents that are not
   * resolved, what is neither restored nor closed nor intended, each order once. Recovered: of every case
   * that stands restored; one that is undone no longer does.
   */
  async sumMoney(reader: Reader): Promise<CaseMoney[]> {
    return reader.query(
      `WITH harmed AS (
         SELECT DISTINCT ON (c.shop_id, c.order_id) c.shop_id, c.currency, c.held_minor
         FROM incident_case c JOIN incident i ON i.id = c.incident_id
         WHERE i.status <> 'resolved' AND c.state NOT IN ('restored', 'closed') AND c.verdict <> 'intended'
         ORDER BY c.shop_id, c.order_id, c.created_at DESC, c.id DESC
       ), restored AS (
         SELECT shop_id, currency, sum(held_minor) AS minor FROM incident_case
         WHERE state = 'restored' GROUP BY shop_id, currency
       ), told AS (
         SELECT shop_id, currency, held_minor AS at_risk, 0 AS recovered FROM harmed
         UNION ALL SELECT shop_id, currency, 0, minor FROM restored
       )
       SELECT shop_id AS "shopId", currency, coalesce(sum(at_risk), 0)::bigint AS "atRiskMinor",
         coalesce(sum(recovered), 0)::bigint AS "recoveredMinor"
       FROM told WHERE currency ~ '^[A-Z]{3}$' GROUP BY shop_id, currency`,
    );
  }

  /** An incident's cases, counted by state and verdict. */
  async countOfIncidents(
    reader: Reader,
    incidentIds: readonly string[],
  ): Promise<{ incidentId: string; state: CaseState; verdict: Verdict; count: number }[]> {
    return reader.query(
      `SELECT incident_id AS "incidentId", state, verdict, count(*) AS count
       FROM incident_case WHERE incident_id = ANY($1::uuid[]) GROUP BY incident_id, state, verdict`,
      [incidentIds],
    );
  }
}
