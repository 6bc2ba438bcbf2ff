import { Injectable } from '@nestjs/common';
import type { Reader, Transaction } from '../../platform/database/database.js';
import { columnsOf } from '../../platform/database/entity.js';
import type { Announceable } from './announcement.js';
import { AnnouncementEntity } from './announcement.entity.js';

const columns = columnsOf(AnnouncementEntity, 'a');

/** What an answer about announcements was worked out from; it holds as long as nothing of this has changed. */
export interface AnnouncedState {
  /** of the journal */
  readonly head: number;
  /** how often announcements were made and withdrawn: nothing else becomes of them */
  readonly announcementChanges: number;
  /** after the position asked about (null: always) a cancellation came, or word of who did one */
  readonly isJournalChanged: boolean;
}

/** An announcement with the journal position of the last cancellation that it covers; null while it has room. */
export type CountedAnnouncement = AnnouncementEntity & {
  readonly lastCoveredPosition: number | null;
};

export interface AnnouncementQuery {
  readonly shopId: string | null;
  readonly before: { readonly createdAt: Date; readonly id: string } | null;
  readonly limit: number;
}

/** Who cancelled: where the entry `e` does not say it (else no other is read), the order's next one that does. */
const whoSql = `LEFT JOIN LATERAL (
    SELECT w.actor_kind, w.actor, w.reason FROM journal_entry w
    WHERE e.actor_kind = 'unknown'
      AND w.shop_id = e.shop_id AND w.order_id = e.order_id AND w.position > e.position
      AND w.actor_kind <> 'unknown' AND w.marker IS NULL
    ORDER BY w.position LIMIT 1
  ) who ON true`;
const actorKindSql = `coalesce(who.actor_kind, e.actor_kind)`;

@Injectable()
export class AnnouncementStore {
  async insert(transaction: Transaction, announcement: AnnouncementEntity): Promise<void> {
    await transaction.repository(AnnouncementEntity).insert(announcement);
  }

  async lock(transaction: Transaction, id: string): Promise<AnnouncementEntity | undefined> {
    return transaction.queryOne<AnnouncementEntity>(
      `SELECT ${columns} FROM announcement a WHERE a.id = $1 FOR UPDATE`,
      [id],
    );
  }

  async withdraw(
    transaction: Transaction,
    withdrawal: { id: string; personId: string; at: Date },
  ): Promise<void> {
    const { id, personId, at } = withdrawal;
    await transaction
      .repository(AnnouncementEntity)
      .update({ id }, { withdrawnAt: at, withdrawnBy: personId });
  }

  async read(reader: Reader, id: string): Promise<AnnouncementEntity | undefined> {
    return (await reader.repository(AnnouncementEntity).findOneBy({ id })) ?? undefined;
  }

  /** Newest first. */
  async list(reader: Reader, query: AnnouncementQuery): Promise<AnnouncementEntity[]> {
    return reader.query<AnnouncementEntity>(
      `SELECT ${columns} FROM announcement a
       WHERE ($1::text IS NULL OR a.shop_id = $1)
         AND ($2::timestamptz IS NULL OR (a.created_at, a.id) < ($2, $3::uuid))
       ORDER BY a.created_at DESC, a.id DESC LIMIT $4`,
      [query.shopId, query.before?.createdAt ?? null, query.before?.id ?? null, query.limit],
    );
  }

  /**
   * Announcements that were in force at some time of the period, each with how far it reaches in the
   * journal. Where an entry does not say who did it, the order's next one that does is taken.
   */
  async inForce(
    reader: Reader,
    period: { shopId: string; from: Date; to: Date },
  ): Promise<CountedAnnouncement[]> {
    return reader.query<CountedAnnouncement>(
      `SELECT ${columns}, last_covered.position AS "lastCoveredPosition"
       FROM announcement a LEFT JOIN LATERAL (
         SELECT e.position FROM journal_entry e ${whoSql}
         WHERE e.shop_id = a.shop_id AND 'cancelled' = ANY(e.kinds) AND e.marker IS NULL
           AND e.committed_at >= greatest(a.starts_at, a.created_at)
           AND e.committed_at < least(a.ends_at, a.withdrawn_at)
           AND e.attributes @> coalesce(a.filter -> 'attributes', '{}')
           AND (a.filter ->> 'actorKind' IS NULL OR ${actorKindSql} = a.filter ->> 'actorKind')
           AND (a.filter ->> 'actor' IS NULL OR coalesce(who.actor, e.actor) = a.filter ->> 'actor')
           AND (a.filter ->> 'reason' IS NULL OR coalesce(who.reason, e.reason) = a.filter ->> 'reason')
         ORDER BY e.position OFFSET a.greatest_count - 1 LIMIT 1
       ) last_covered ON true
       WHERE a.shop_id = $1 AND a.starts_at <= $3 AND a.ends_at > $2
         AND (a.withdrawn_at IS NULL OR a.withdrawn_at > $2)
       ORDER BY a.created_at`,
      [period.shopId, period.from, period.to],
    );
  }

  /** Our own restores, which the journal has too, change nothing about what is covered. */
  async state(
    reader: Reader,
    shopId: string,
    since: number | null,
  ): Promise<AnnouncedState | undefined> {
    return reader.queryOne<AnnouncedState>(
      `SELECT s.journal_head AS head,
              (SELECT count(*) + count(a.withdrawn_at) FROM announcement a WHERE a.shop_id = s.id) AS "announcementChanges",
              $2::bigint IS NULL OR EXISTS (
                SELECT FROM journal_entry e WHERE e.shop_id = s.id AND e.position > $2 AND e.marker IS NULL
                  AND ('cancelled' = ANY (e.kinds) OR e.actor_kind <> 'unknown')) AS "isJournalChanged"
       FROM shop s WHERE s.id = $1`,
      [shopId, since],
    );
  }

  /** The cancellations at these positions of the journal, as `inForce` counts them. */
  async cancellations(
    reader: Reader,
    shopId: string,
    positions: readonly number[],
  ): Promise<Announceable[]> {
    return reader.query<Announceable>(
      `SELECT e.position, e.committed_at AS at, e.attributes, ${actorKindSql} AS "actorKind",
              coalesce(who.actor, e.actor) AS actor, coalesce(who.reason, e.reason) AS reason
       FROM journal_entry e ${whoSql}
       WHERE e.shop_id = $1 AND e.position = ANY($2::bigint[])`,
      [shopId, positions],
    );
  }
}
