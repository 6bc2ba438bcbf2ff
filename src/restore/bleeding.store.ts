import { Injectable } from '@nestjs/common';
import type { Reader } from '../platform/database/database.js';
import type { SeenCancellation, StreamFacts } from './bleeding.js';

@Injectable()
export class BleedingStore {
  /**
   * The cancellations of an incident after a journal position: those of its findings, those of its cases, and those that no
   * detector has looked at yet (any of them might match). What was judged intended does not count, nor
   * does what a customer did while it is still being judged. Where paid orders are the harm, orders that
   * nobody has paid are none, once that is settled: the job that went wrong may do its proper work beside.
   * Asked before each order of a run: each part of it finds what comes after the position by an index.
   */
  async seen(
    reader: Reader,
    incident: { id: string; shopId: string; afterPosition: number },
  ): Promise<SeenCancellation[]> {
    return reader.query(
      `WITH matching AS (
         SELECT e.position, e.committed_at AS at, e.order_id
         FROM incident_alert ia JOIN alert a ON a.id = ia.alert_id JOIN finding_entry e ON e.finding_id = a.finding_id
         WHERE ia.incident_id = $1 AND e.position > $3
         UNION
         SELECT c.cancel_position, c.cancelled_at, c.order_id FROM incident_case c
         WHERE c.incident_id = $1 AND c.cancel_position > $3
         UNION
         SELECT j.position, j.committed_at, j.order_id FROM journal_entry j
         WHERE j.shop_id = $2 AND 'cancelled' = ANY(j.kinds) AND j.marker IS NULL AND j.position > $3
           AND j.position > (SELECT min(d.position) FROM detector_state d WHERE d.shop_id = $2)
       ), harm AS (
         SELECT EXISTS (
           SELECT FROM incident_case WHERE incident_id = $1 AND verdict = 'wrongful' AND held_minor > 0) AS is_paid
       )
       SELECT m.position, max(greatest(m.at, j.recorded_at)) AS at, max(c.verdict) AS verdict,
              bool_and(c.settles_at IS NULL) AS settled
       FROM matching m CROSS JOIN harm
         LEFT JOIN journal_entry j ON j.shop_id = $2 AND j.position = m.position
         LEFT JOIN incident_case c ON c.incident_id = $1 AND c.order_id = m.order_id
       WHERE c.verdict IS DISTINCT FROM 'intended'
         AND NOT (j.actor_kind IS NOT DISTINCT FROM 'customer' AND (c.verdict IS NULL OR c.settles_at IS NOT NULL))
         AND (harm.is_paid AND c.verdict = 'unsure' AND c.held_minor = 0 AND c.settles_at IS NULL) IS NOT TRUE
       GROUP BY m.position ORDER BY m.position`,
      [incident.id, incident.shopId, incident.afterPosition],
    );
  }

  async stream(reader: Reader, shopId: string): Promise<StreamFacts | undefined> {
    return reader.queryOne<StreamFacts>(
      `SELECT state, confirmed_lsn::text AS "confirmedLsn", incarnation FROM replication_stream WHERE shop_id = $1`,
      [shopId],
    );
  }
}
