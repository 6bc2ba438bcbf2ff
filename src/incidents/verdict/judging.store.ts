import { Injectable } from '@nestjs/common';
import type { Reader, Transaction } from '../../platform/database/database.js';
import { judgedStates } from '../case.js';
import type { CancellationEvidence } from './evidence.js';
import { companySchema, verdictFactsSchema, type Company, type VerdictFacts } from './facts.js';
import { evidenceMissing, type Reason, type Verdict } from './verdict.js';

/** So many alike orders of other customers are no coincidence; below it, a few customers may simply agree. */
const many = 5;
/** "Within minutes": a faulty job takes seconds, a faulty schedule a few minutes between orders. */
const nearMinutes = 10;
/** A job that starts on the hour has this long until it reaches an order. */
const onTheHourSeconds = 10;

/** A case to be added, with what is known of its cancellation. */
export interface NewCase {
  readonly id: string;
  readonly cancellation: CancellationEvidence;
  readonly facts: VerdictFacts;
}

/** A case of an order whose cancellation the journal does not hold, as far as the shop tells. */
export interface UnknownCase {
  readonly id: string;
  readonly orderId: string;
  readonly orderNumber: string | null;
  readonly cancelledAt: Date | null;
  readonly customerId: string | null;
  readonly totalMinor: number | null;
  readonly heldMinor: number | null;
  readonly currency: string | null;
}

/** A case whose verdict has to be given, or given again. */
export interface CaseToJudge {
  readonly id: string;
  readonly orderId: string;
  readonly orderNumber: string | null;
  readonly verdict: Verdict;
  /** false for a case that was never judged before */
  readonly judged: boolean;
  /** nothing more is written about the cancellation */
  readonly settled: boolean;
  readonly facts: VerdictFacts;
  readonly company: Company;
}

/** A case that is about another cancellation, or other money, than before. */
export interface RenewedCase {
  readonly id: string;
  readonly orderId: string;
  readonly orderNumber: string | null;
  /** null where there was none before */
  readonly fromPosition: number | null;
  readonly toPosition: number;
  readonly fromMinor: number | null;
  readonly toMinor: number | null;
  readonly currency: string | null;
  /** a person had given the verdict */
  readonly byPerson: boolean;
}

export interface JudgedCase {
  readonly id: string;
  readonly verdict: Verdict;
  readonly reasons: readonly Reason[];
  readonly company: Company;
}

/**
 * What verdicts are judged by, beside the cases. A case whose `company` is null, or is not what the
 * incident's cases make of it now, is to be judged.
 */
@Injectable()
export class JudgingStore {
  /** Adds cases that are not in the incident yet; gives how many there were. */
  async add(
    transaction: Transaction,
    place: { incidentId: string; shopId: string; now: Date },
    cases: readonly NewCase[],
  ): Promise<number> {
    const rows = await transaction.query(
      `INSERT INTO incident_case (id, incident_id, shop_id, state, verdict, reasons, evidence, created_at, updated_at,
         order_id, order_number, facts, settles_at, cancel_position, cancelled_at, traceparent, actor_kind, actor,
         cancel_reason, customer_id, total_minor, held_minor, currency)
       SELECT given.id, $1, $2, 'open', 'unsure', '[]', 'journal', $3, $3,
         given.order_id, given.order_number, given.facts, given.settles_at, given.cancel_position, given.cancelled_at,
         given.traceparent, given.actor_kind, given.actor, given.cancel_reason, given.customer_id, given.total_minor,
         given.held_minor, given.currency
       FROM jsonb_to_recordset($4::jsonb) AS given(${recordColumns})
       ON CONFLICT (incident_id, order_id) DO NOTHING RETURNING id`,
      [place.incidentId, place.shopId, place.now, JSON.stringify(cases.map(recordOf))],
    );
    return rows.length;
  }

  /**
   * Writes anew what is known of cancellations; their cases are then to be judged again. A person's
   * verdict was about one cancellation: it does not stand for a later one. What had settled stays so,
   * unless the cancellation turns out to have gone on for longer. Gives what was known before of
   * those that are about another cancellation, or other money, now. The caller has locked the incident.
   */
  async renew(
    transaction: Transaction,
    place: { incidentId: string; now: Date },
    cases: readonly Omit<NewCase, 'id'>[],
  ): Promise<RenewedCase[]> {
    return transaction.query<RenewedCase>(
      `WITH given AS (
         SELECT * FROM jsonb_to_recordset($3::jsonb) AS given(${recordColumns})
       ), before AS (
         SELECT c.id, c.order_number, c.cancel_position, c.held_minor, c.verdict_by
         FROM incident_case c JOIN given USING (order_id) WHERE c.incident_id = $1
       ), renewed AS (
         UPDATE incident_case c SET facts = given.facts, company = NULL,
           settles_at = CASE WHEN c.settles_at IS NULL AND c.cancel_position = given.cancel_position
             AND c.facts ->> 'settlesAt' = given.facts ->> 'settlesAt' THEN NULL ELSE given.settles_at END,
           verdict_by = CASE WHEN c.cancel_position = given.cancel_position THEN c.verdict_by END,
           cancel_position = given.cancel_position, cancelled_at = given.cancelled_at,
           traceparent = given.traceparent, actor_kind = given.actor_kind, actor = given.actor,
           cancel_reason = given.cancel_reason, held_minor = given.held_minor,
           order_number = coalesce(given.order_number, c.order_number),
           customer_id = coalesce(given.customer_id, c.customer_id),
           total_minor = coalesce(given.total_minor, c.total_minor), currency = coalesce(given.currency, c.currency),
           updated_at = $2, version = c.version + 1
         FROM given WHERE c.incident_id = $1 AND c.order_id = given.order_id
         RETURNING c.id, c.order_id, c.cancel_position, c.held_minor, c.currency
       )
       SELECT r.id, r.order_id AS "orderId", b.order_number AS "orderNumber", b.cancel_position AS "fromPosition",
              r.cancel_position AS "toPosition", b.held_minor AS "fromMinor", r.held_minor AS "toMinor", r.currency,
              b.verdict_by IS NOT NULL AS "byPerson"
       FROM renewed r JOIN before b USING (id)
       WHERE b.cancel_position <> r.cancel_position OR b.held_minor <> r.held_minor
       ORDER BY r.cancel_position, r.id`,
      [
        place.incidentId,
        place.now,
        JSON.stringify(cases.map((one) => recordOf({ ...one, id: null }))),
      ],
    );
  }

  /** Orders left to a person for want of evidence, of which this range of the journal tells the cancellation. */
  async ordersExplained(
    transaction: Transaction,
    range: { incidentId: string; shopId: string; after: number; upTo: number },
  ): Promise<string[]> {
    const rows = await transaction.query<{ order_id: string }>(
      `SELECT DISTINCT c.order_id FROM journal_entry e
       JOIN incident_case c ON c.incident_id = $1 AND c.order_id = e.order_id
       WHERE e.shop_id = $2 AND e.position > $3 AND e.position <= $4
         AND 'cancelled' = ANY(e.kinds) AND e.marker IS NULL
         AND c.evidence = 'none' AND c.state = 'person' AND c.verdict_by IS NULL`,
      [range.incidentId, range.shopId, range.after, range.upTo],
    );
    return rows.map((row) => row.order_id);
  }

  /** The journal is the evidence of these orders' cases from now on; gives the cases. */
  async explain(
    transaction: Transaction,
    incidentId: string,
    orderIds: readonly string[],
  ): Promise<string[]> {
    const rows = await transaction.query<{ id: string }>(
      `UPDATE incident_case SET evidence = 'journal', state = 'open'
       WHERE incident_id = $1 AND order_id = ANY($2) RETURNING id`,
      [incidentId, orderIds],
    );
    return rows.map((row) => row.id);
  }

  /** Notes that the journal of these orders has been read. */
  async markRead(
    transaction: Transaction,
    incidentId: string,
    orderIds: readonly string[],
  ): Promise<void> {
    await transaction.query(
      'UPDATE incident_case SET unread = false WHERE incident_id = $1 AND order_id = ANY($2) AND unread',
      [incidentId, orderIds],
    );
  }

  /** Whether a case waits to settle whose time has come. */
  async waitsToSettle(reader: Reader, incidentId: string, now: Date): Promise<boolean> {
    const due = await reader.queryOne(
      'SELECT 1 FROM incident_case WHERE incident_id = $1 AND settles_at <= $2 LIMIT 1',
      [incidentId, now],
    );
    return due !== undefined;
  }

  /**
   * Cases whose cancellation has settled are to be judged again; gives how many. The journal holds all
   * that the shop committed before `until`.
   */
  async settle(transaction: Transaction, incidentId: string, until: Date): Promise<number> {
    const rows = await transaction.query(
      `UPDATE incident_case SET settles_at = NULL, company = NULL
       WHERE incident_id = $1 AND settles_at <= $2 RETURNING id`,
      [incidentId, until],
    );
    return rows.length;
  }

  /** Whether the shop's journal comes from a replication stream. */
  async hasStream(reader: Reader, shopId: string): Promise<boolean> {
    const row = await reader.queryOne('SELECT 1 FROM replication_stream WHERE shop_id = $1', [
      shopId,
    ]);
    return row !== undefined;
  }

  /** The incarnation of a running stream that was journalled up to this LSN or further; else undefined. */
  async streamPast(reader: Reader, shopId: string, lsn: string): Promise<string | undefined> {
    const row = await reader.queryOne<{ incarnation: string }>(
      `SELECT incarnation FROM replication_stream
       WHERE shop_id = $1 AND state = 'streaming' AND confirmed_lsn >= $2::pg_lsn AND incarnation IS NOT NULL`,
      [shopId, lsn],
    );
    return row?.incarnation;
  }

  /**
   * Adds cases of orders whose cancellation the journal does not hold: a person has to find out what
   * they were. Gives those that were not in the incident yet.
   */
  async addUnknown(
    transaction: Transaction,
    place: { incidentId: string; shopId: string; now: Date },
    cases: readonly UnknownCase[],
  ): Promise<{ id: string; orderId: string; orderNumber: string | null }[]> {
    return transaction.query(
      `INSERT INTO incident_case (id, incident_id, shop_id, state, verdict, reasons, evidence, created_at, updated_at,
         order_id, order_number, cancelled_at, customer_id, total_minor, held_minor, currency)
       SELECT given.id, $1, $2, 'person', 'unsure', $5, 'none', $3, $3, given."orderId", given."orderNumber",
         given."cancelledAt", given."customerId", given."totalMinor", given."heldMinor", given.currency
       FROM jsonb_to_recordset($4::jsonb) AS given(id uuid, "orderId" text, "orderNumber" text,
         "cancelledAt" timestamptz, "customerId" text, "totalMinor" bigint, "heldMinor" bigint, currency text)
       ON CONFLICT (incident_id, order_id) DO NOTHING
       RETURNING id, order_id AS "orderId", order_number AS "orderNumber"`,
      [
        place.incidentId,
        place.shopId,
        place.now,
        JSON.stringify(cases),
        JSON.stringify([evidenceMissing]),
      ],
    );
  }

  /**
   * The cases that are to be judged: new ones, those with new facts, and those that find themselves in
   * other company than before. Not those whose verdict a person gave, nor those that are decided.
   */
  async toJudge(transaction: Transaction, incidentId: string): Promise<CaseToJudge[]> {
    const rows = await transaction.query<{
      id: string;
      order_id: string;
      order_number: string | null;
      verdict: Verdict;
      judged: boolean;
      settled: boolean;
      facts: unknown;
      company: unknown;
    }>(
      `WITH one AS (
         SELECT id, state, verdict_by, company, cancelled_at, actor_kind, actor, cancel_reason,
           coalesce(customer_id, 'order ' || order_id) AS account,
           date_trunc('hour', cancelled_at, 'UTC') + $3 * interval '1 second' > cancelled_at AS on_the_hour
         FROM incident_case WHERE incident_id = $1 AND evidence = 'journal'
       ), counted AS (
         SELECT id, state, verdict_by, company, on_the_hour,
           count(*) OVER alike - count(*) OVER (alike_own) AS alike_others,
           count(*) OVER (alike ORDER BY cancelled_at RANGE BETWEEN $4 * interval '1 minute' PRECEDING
             AND $4 * interval '1 minute' FOLLOWING)
             - count(*) OVER (alike_own ORDER BY cancelled_at RANGE BETWEEN $4 * interval '1 minute' PRECEDING
             AND $4 * interval '1 minute' FOLLOWING) AS near_others,
           count(*) FILTER (WHERE on_the_hour) OVER alike
             - count(*) FILTER (WHERE on_the_hour) OVER (alike_own) AS on_the_hour_others,
           count(*) OVER (PARTITION BY account) AS of_account
         FROM one
         WINDOW alike AS (PARTITION BY actor_kind, actor, cancel_reason),
           alike_own AS (PARTITION BY actor_kind, actor, cancel_reason, account)
       ), now_is AS (
         SELECT id, state, verdict_by, company AS was, jsonb_build_object('alike', alike_others >= $2,
           'near', near_others >= $2, 'onTheHour', on_the_hour AND on_the_hour_others >= $2,
           'oneAccount', of_account >= $2) AS company
         FROM counted
       )
       SELECT c.id, c.order_id, c.order_number, c.verdict, c.reasons <> '[]' AS judged, c.settles_at IS NULL AS settled,
         c.facts, n.company
       FROM now_is n JOIN incident_case c ON c.id = n.id
       WHERE n.was IS DISTINCT FROM n.company AND n.verdict_by IS NULL AND n.state = ANY($5)
       ORDER BY c.cancelled_at, c.id`,
      [incidentId, many, onTheHourSeconds, nearMinutes, judgedStates],
    );
    return rows.map((row) => ({
      id: row.id,
      orderId: row.order_id,
      orderNumber: row.order_number,
      verdict: row.verdict,
      judged: row.judged,
      settled: row.settled,
      facts: verdictFactsSchema.parse(row.facts),
      company: companySchema.parse(row.company),
    }));
  }

  async write(transaction: Transaction, judged: readonly JudgedCase[], now: Date): Promise<void> {
    await transaction.query(
      `UPDATE incident_case c SET verdict = given.verdict, reasons = given.reasons, company = given.company,
         updated_at = $1, version = version + 1
       FROM jsonb_to_recordset($2::jsonb) AS given(id uuid, verdict text, reasons jsonb, company jsonb)
       WHERE c.id = given.id`,
      [now, JSON.stringify(judged)],
    );
  }

  /** Orders of the incident's judged cases that have to be read again, or of which the journal has news in this range. */
  async ordersWithNews(
    transaction: Transaction,
    range: { incidentId: string; shopId: string; after: number; upTo: number },
  ): Promise<string[]> {
    const rows = await transaction.query<{ order_id: string }>(
      `SELECT c.order_id FROM journal_entry e
       JOIN incident_case c ON c.incident_id = $1 AND c.order_id = e.order_id
       WHERE e.shop_id = $2 AND e.position > $3 AND e.position <= $4
         AND c.state = ANY($5) AND c.evidence = 'journal'
       UNION SELECT order_id FROM incident_case WHERE incident_id = $1 AND unread`,
      [range.incidentId, range.shopId, range.after, range.upTo, judgedStates],
    );
    return rows.map((row) => row.order_id);
  }

  /** The newest change mark in the hour before each moment, by the moment's place in the list. */
  async changesBefore(
    reader: Reader,
    shopId: string,
    moments: readonly Date[],
  ): Promise<Map<number, { what: string; minutes: number }>> {
    const rows = await reader.query<{ place: number; what: string; minutes: number }>(
      `SELECT asked.ordinal::int - 1 AS place, mark.what,
              (extract(epoch FROM asked.moment - mark.at) / 60)::float8 AS minutes
       FROM unnest($2::timestamptz[]) WITH ORDINALITY AS asked(moment, ordinal)
       CROSS JOIN LATERAL (
         SELECT what, at FROM change_mark
         WHERE (shop_id = $1 OR shop_id IS NULL) AND kind IN ('deploy', 'configuration', 'schedule')
           AND at <= asked.moment AND at > asked.moment - interval '1 hour'
         ORDER BY at DESC LIMIT 1
       ) mark`,
      [shopId, moments],
    );
    return new Map(rows.map(({ place, what, minutes }) => [place, { what, minutes }]));
  }
}

const recordColumns = `id uuid, order_id text, order_number text, facts jsonb, settles_at timestamptz,
  cancel_position bigint, cancelled_at timestamptz, traceparent text, actor_kind text, actor text, cancel_reason text,
  customer_id text, total_minor bigint, held_minor bigint, currency text`;

function recordOf(one: Omit<NewCase, 'id'> & { id: string | null }): Record<string, unknown> {
  const { cancellation, facts } = one;
  return {
    id: one.id,
    order_id: cancellation.orderId,
    order_number: cancellation.orderNumber,
    facts,
    settles_at: facts.settlesAt,
    cancel_position: cancellation.position,
    cancelled_at: cancellation.cancelledAt,
    traceparent: cancellation.traceparent,
    actor_kind: facts.actorKind,
    actor: facts.actor,
    cancel_reason: facts.reason,
    customer_id: cancellation.customerId,
    total_minor: cancellation.totalMinor,
    held_minor: facts.heldMinor,
    currency: facts.currency,
  };
}
