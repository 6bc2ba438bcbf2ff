import { Injectable } from '@nestjs/common';
import type { Reader, Transaction } from '../../platform/database/database.js';
import type { JournalRange } from '../growth.store.js';
import { reachMs, type Harm } from './alike.js';

/** More kinds of harm than this in one incident are free text: those with the most orders say enough. */
const harmsMax = 20;

/** Which orders to look for. */
export interface AlikeQuestion {
  readonly incidentId: string;
  readonly shopId: string;
  readonly harms: readonly Harm[];
  /** cancelled at this time or later */
  readonly since: Date;
}

/** How far the search for alike orders has come. */
export interface AlikeSearch {
  /** by harm: the position down to which the journal was looked through; 0 once that is done */
  readonly downTo: Readonly<Record<string, number>>;
  /** up to here all is decided; null: as far as the journal was looked through */
  readonly position: number | null;
}

/** An order that was cancelled, or lines of it, without a case, of which an entry names the actor or the reason of a harm. */
const candidateSql = `
  j.shop_id = $1 AND ('cancelled' = ANY(j.kinds) OR 'line-cancelled' = ANY(j.kinds)) AND j.marker IS NULL
  AND j.committed_at >= $4
  AND NOT EXISTS (
    SELECT FROM incident_case c WHERE c.shop_id = $1 AND c.order_id = j.order_id
      AND (c.incident_id = $2 OR c.cancel_position IS NULL OR c.cancel_position >= j.position))
  AND EXISTS (
    SELECT FROM journal_entry e
      JOIN jsonb_to_recordset($3::jsonb) AS harm("actorKind" text, actor text, reason text)
        ON harm.reason = e.reason
          OR harm."actorKind" = e.actor_kind AND (harm.actor IS NULL OR harm.actor = e.actor)
    WHERE e.shop_id = $1 AND e.order_id = j.order_id AND e.marker IS NULL)`;

@Injectable()
export class AlikeStore {
  /** What the incident's wrongful cases have in common; those with the most orders first. */
  async harms(reader: Reader, incidentId: string): Promise<Harm[]> {
    const harms = await reader.query<Harm>(
      `SELECT actor_kind AS "actorKind", actor, cancel_reason AS reason,
              min(cancelled_at) AS "from", max(cancelled_at) AS "until"
       FROM incident_case
       WHERE incident_id = $1 AND verdict = 'wrongful' AND evidence = 'journal'
         AND (actor_kind <> 'unknown' OR facts ->> 'inHistory' = 'false')
       GROUP BY actor_kind, actor, cancel_reason
       ORDER BY count(*) DESC, actor_kind, actor, cancel_reason LIMIT $2`,
      [incidentId, harmsMax],
    );
    return harms.filter((harm) => reachMs(harm) > 0);
  }

  /** Orders that may be alike, among those of which this range of the journal tells anything. */
  async inRange(
    reader: Reader,
    question: AlikeQuestion,
    range: Pick<JournalRange, 'after' | 'upTo'>,
  ): Promise<string[]> {
    const rows = await reader.query<{ order_id: string }>(
      `SELECT told.order_id FROM (
         SELECT DISTINCT order_id FROM journal_entry
         WHERE shop_id = $1 AND position > $5 AND position <= $6 AND order_id <> '') told
       CROSS JOIN LATERAL (
         SELECT FROM journal_entry j WHERE j.order_id = told.order_id AND ${candidateSql} LIMIT 1) found`,
      [...parametersOf(question), range.after, range.upTo],
    );
    return rows.map((row) => row.order_id);
  }

  /**
   * Orders that may be alike, of cancellations between two positions (both left out); the newest first. Each
   * with the position of its cancellation, to go on from.
   */
  async between(
    reader: Reader,
    question: AlikeQuestion,
    positions: { after: number; before: number; limit: number },
  ): Promise<{ orderId: string; position: number }[]> {
    return reader.query(
      `SELECT j.order_id AS "orderId", j.position FROM journal_entry j
       WHERE ${candidateSql} AND j.position > $5 AND j.position < $6
       ORDER BY j.position DESC LIMIT $7`,
      [...parametersOf(question), positions.after, positions.before, positions.limit],
    );
  }

  async readSearch(reader: Reader, incidentId: string): Promise<AlikeSearch> {
    const row = await reader.queryOne<AlikeSearch>(
      'SELECT harm_search AS "downTo", alike_position AS position FROM incident WHERE id = $1',
      [incidentId],
    );
    return row ?? { downTo: {}, position: null };
  }

  /** Notes how far the search has come; `isDue` where it is to go on without any news. */
  async writeSearch(
    transaction: Transaction,
    incidentId: string,
    { downTo, position, isDue }: AlikeSearch & { isDue: boolean },
  ): Promise<void> {
    await transaction.query(
      'UPDATE incident SET harm_search = $2, alike_position = $3, harms_due = $4 WHERE id = $1',
      [incidentId, JSON.stringify(downTo), position, isDue],
    );
  }
}

function parametersOf({ shopId, incidentId, harms, since }: AlikeQuestion): unknown[] {
  return [shopId, incidentId, JSON.stringify(harms), since];
}
