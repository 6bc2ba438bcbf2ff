import { Injectable } from '@nestjs/common';
import type { Reader } from '../platform/database/database.js';
import type { SeenCancellation, StreamFacts } from './bleeding.js';

export interface SoughtCancellations {
  readonly id: string;
  readonly shopId: string;
  readonly afterPosition: number;
  /** what came before it has settled: the shop writes nothing more about it */
  readonly settledBefore: Date;
}

const matchingSql = `
  SELECT e.position, e.committed_at AS at, e.order_id
  FROM incident_alert ia JOIN alert a ON a.id = ia.alert_id JOIN finding_entry e ON e.finding_id = a.finding_id
  WHERE ia.incident_id = $1 AND e.position > $3
  UNION
  SELECT c.cancel_position, c.cancelled_at, c.order_id FROM incident_case c
  WHERE c.incident_id = $1 AND c.cancel_position > $3`;

/** A declared incident leaves an entry unread until it can tell whether it is about it. */
const unreadSql = `
  SELECT j.position, j.committed_at, j.order_id FROM journal_entry j
  WHERE j.shop_id = $2 AND 'cancelled' = ANY(j.kinds) AND j.marker IS NULL
    AND j.position > greatest($3::bigint, (
      SELECT least(
        coalesce((SELECT min(d.position) FROM detector_state d WHERE d.shop_id = $2), -1),
        (SELECT i.journal_position FROM incident i WHERE i.id = $1 AND i.declaration IS NOT NULL))))`;

/** Money that the shop held of the order before this cancellation; unknown without a snapshot. */
const heldBeforeSql = `(
  SELECT coalesce(sum((p ->> 'heldMinor')::bigint - (p ->> 'refundedMinor')::bigint), 0)
  FROM jsonb_array_elements(j.snapshot -> 'payments') p)`;

/** What the entry itself says is asked first: of most of what a shop cancels, no later entry has to be read. */
const maybeAlikeSql = `(age.is_young AND j.actor_kind = 'unknown' OR EXISTS (
        SELECT FROM alike a WHERE j.actor_kind IN ('unknown', a.actor_kind)
          AND (j.actor IS NULL OR j.actor = a.actor) AND (j.reason IS NULL OR j.reason = a.cancel_reason)))`;

/** Who did it may stand in a later entry of the order: history that the shop wrote afterwards. */
const alikeSql = `
  SELECT late.position, late.at, late.order_id FROM (
    WITH alike AS MATERIALIZED (
      SELECT DISTINCT actor_kind, actor, cancel_reason FROM incident_case
      WHERE incident_id = $1 AND verdict = 'wrongful'
        AND (actor_kind <> 'unknown' OR facts ->> 'inHistory' = 'false')
    )
    SELECT j.position, j.committed_at AS at, j.order_id
    FROM incident i CROSS JOIN harm
      JOIN journal_entry j ON j.shop_id = $2 AND 'cancelled' = ANY(j.kinds) AND j.marker IS NULL
      CROSS JOIN LATERAL (SELECT greatest(j.committed_at, j.recorded_at) >= $4 AS is_young) age
      CROSS JOIN LATERAL (
        SELECT coalesce((array_agg(e.actor_kind ORDER BY e.position) FILTER (WHERE e.actor_kind <> 'unknown'))[1],
                 'unknown') AS actor_kind,
               (array_agg(e.actor ORDER BY e.position) FILTER (WHERE e.actor IS NOT NULL))[1] AS actor,
               (array_agg(e.reason ORDER BY e.position) FILTER (WHERE e.reason IS NOT NULL))[1] AS reason
        FROM journal_entry e
        WHERE e.shop_id = $2 AND e.order_id = j.order_id AND e.position >= j.position AND e.marker IS NULL
      ) who
    WHERE i.id = $1 AND (j.recorded_at >= i.opened_at OR age.is_young)
      AND j.position > greatest($3::bigint, (
        SELECT min(c.cancel_position) - 1 FROM incident_case c WHERE c.incident_id = $1))
      AND NOT EXISTS (
        SELECT FROM incident_case c
        WHERE c.incident_id = $1 AND c.order_id = j.order_id AND c.cancel_position >= j.position)
      AND ${maybeAlikeSql}
      AND who.actor_kind <> 'customer'
      AND (age.is_young AND who.actor_kind = 'unknown' OR EXISTS (
        SELECT FROM alike a WHERE a.actor_kind = who.actor_kind
          AND (a.actor IS NOT DISTINCT FROM who.actor OR age.is_young AND who.actor IS NULL)
          AND (a.cancel_reason IS NOT DISTINCT FROM who.reason OR age.is_young AND who.reason IS NULL)))
      AND (harm.is_paid AND j.snapshot IS NOT NULL AND ${heldBeforeSql} <= 0) IS NOT TRUE
  ) late`;

/**
 * Whether there is anything that the whole question could find: each of its parts needs a cancellation after the
 * position, in the journal or known of already. Planning the whole takes a hundred times as long as this.
 */
const anySql = `
  SELECT EXISTS (
    SELECT FROM journal_entry j WHERE j.shop_id = $2 AND 'cancelled' = ANY(j.kinds) AND j.marker IS NULL AND j.position > $3)
  OR EXISTS (SELECT FROM (${matchingSql}) known) AS any`;

/** By the index, one after the other: a join would rather read the whole journal where it expects many. */
const entrySql = `
  SELECT e.recorded_at, e.actor_kind FROM journal_entry e
  WHERE e.shop_id = $2 AND e.position = m.position LIMIT 1`;

@Injectable()
export class BleedingStore {
  /**
   * The cancellations of an incident after a journal position: those of its findings, those of its cases,
   * those that no detector (or, of a declared incident, the incident) has read yet, any of which might
   * match; and those that were read and became no case although they are like its wrongful ones, or may
   * be, as long as the shop may still write who did it (the settle time).
   *
   * What was judged intended does not count, nor does what a customer did while it is still being judged.
   * Where paid orders are the harm, orders that nobody has paid are none, once that is settled: the job
   * that went wrong may do its proper work beside. An unknown actor is only like another one where the
   * shop's history, which has a word of every proper cancellation, has none of it.
   * Asked before each order of a run: each part of it finds what comes after the position by an index. What
   * was announced and is no case yet is not left out here.
   */
  async seen(reader: Reader, incident: SoughtCancellations): Promise<SeenCancellation[]> {
    const { id, shopId, afterPosition, settledBefore } = incident;
    const found = await reader.queryOne<{ any: boolean }>(anySql, [id, shopId, afterPosition]);
    if (found?.any !== true) return [];
    return reader.query(
      `WITH harm AS (
         SELECT EXISTS (
           SELECT FROM incident_case WHERE incident_id = $1 AND verdict = 'wrongful' AND held_minor > 0) AS is_paid
       ), matching AS (${matchingSql} UNION ${unreadSql} UNION ${alikeSql})
       SELECT m.position, max(greatest(m.at, j.recorded_at)) AS at, max(c.verdict) AS verdict,
              bool_and(c.settles_at IS NULL) AS settled
       FROM matching m CROSS JOIN harm
         LEFT JOIN LATERAL (${entrySql}) j ON true
         LEFT JOIN incident_case c ON c.incident_id = $1 AND c.order_id = m.order_id
       WHERE c.verdict IS DISTINCT FROM 'intended'
         AND NOT (j.actor_kind IS NOT DISTINCT FROM 'customer' AND (c.verdict IS NULL OR c.settles_at IS NOT NULL))
         AND (harm.is_paid AND c.verdict = 'unsure' AND c.held_minor = 0 AND c.settles_at IS NULL) IS NOT TRUE
       GROUP BY m.position ORDER BY m.position`,
      [id, shopId, afterPosition, settledBefore],
    );
  }

  /** What a shop tells by HTTP is journalled before it is answered: such a stream is never behind. */
  async stream(reader: Reader, shopId: string): Promise<StreamFacts | undefined> {
    return reader.queryOne<StreamFacts>(
      `SELECT state, confirmed_lsn::text AS "confirmedLsn", incarnation FROM replication_stream WHERE shop_id = $1
       UNION ALL
       SELECT 'streaming', newest.commit_lsn::text, newest.incarnation FROM (
         SELECT commit_lsn, incarnation FROM journal_entry
         WHERE shop_id = $1 AND EXISTS (SELECT FROM order_event_stream told WHERE told.shop_id = $1)
         ORDER BY position DESC LIMIT 1) newest
       LIMIT 1`,
      [shopId],
    );
  }
}
