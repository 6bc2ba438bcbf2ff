import { Injectable } from '@nestjs/common';
import type { Reader, Transaction } from '../../platform/database/database.js';
import type { OpenStreamAlert } from './stream-alert.js';
import type { JournalledGaps, WatchedStream } from './stream-cause.js';

/** Journal entries looked through at once: a few milliseconds. */
const window = 10_000;

/** An alert about a stream, as it is written down. */
export interface NewStreamAlert {
  readonly id: string;
  readonly shopId: string;
  readonly name: string;
  readonly fingerprint: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly fires: boolean;
  readonly now: Date;
}

/** Streams as intake wrote them, and the alerts about them. */
@Injectable()
export class StreamAlertStore {
  /** Shops that have a stream. */
  async watchedShops(reader: Reader): Promise<string[]> {
    const rows = await reader.query<{ shop_id: string }>(
      'SELECT shop_id FROM replication_stream ORDER BY shop_id',
    );
    return rows.map((row) => row.shop_id);
  }

  async readStream(reader: Reader, shopId: string): Promise<WatchedStream | undefined> {
    return reader.queryOne<WatchedStream>(
      `SELECT shop_id AS "shopId", state, slot_name AS "slotName", confirmed_lsn::text AS "confirmedLsn", gap, problem,
              last_message_at AS "lastMessageAt", updated_at AS "updatedAt"
       FROM replication_stream WHERE shop_id = $1`,
      [shopId],
    );
  }

  /** Locks what is known of a shop, so that only one process at a time tells of it; gives how far its journal was read. */
  async lock(transaction: Transaction, shopId: string): Promise<number> {
    const row = await transaction.queryOne<{ position: number }>(
      `INSERT INTO stream_watch (shop_id, journal_position) VALUES ($1, 0)
       ON CONFLICT (shop_id) DO UPDATE SET shop_id = excluded.shop_id
       RETURNING journal_position AS position`,
      [shopId],
    );
    return row?.position ?? 0;
  }

  /**
   * Gaps in the next part of the journal, oldest first; notes how far that goes. An entry of a slot's
   * beginning has no transaction of the shop.
   */
  async takeGaps(
    transaction: Transaction,
    shop: { shopId: string; after: number },
  ): Promise<{ gaps: JournalledGaps; more: boolean }> {
    const { shopId, after } = shop;
    const head = await this.journalHead(transaction, shopId);
    const upTo = Math.min(after + window, head);
    if (upTo <= after) return { gaps: { wholes: [], rows: [] }, more: false };
    const found = await transaction.query<{ whole: boolean; reason: string | null }>(
      `SELECT transaction_id = 0 AS whole, reason FROM journal_entry
       WHERE shop_id = $1 AND position > $2 AND position <= $3 AND order_id = '' AND 'gap' = ANY(kinds)
       ORDER BY position`,
      [shopId, after, upTo],
    );
    await transaction.query('UPDATE stream_watch SET journal_position = $2 WHERE shop_id = $1', [
      shopId,
      upTo,
    ]);
    const reasons = (whole: boolean) =>
      found.filter((gap) => gap.whole === whole).map(({ reason }) => reason ?? 'nobody knows why');
    return { gaps: { wholes: reasons(true), rows: reasons(false) }, more: upTo < head };
  }

  /** The shop's alerts that are not resolved. */
  async open(transaction: Transaction, shopId: string): Promise<OpenStreamAlert[]> {
    return transaction.query<OpenStreamAlert>(
      `SELECT id, fingerprint, state, seen_since AS "seenSince", seen_at AS "seenAt", annotations ->> 'summary' AS summary
       FROM stream_alert WHERE shop_id = $1 AND state <> 'resolved' ORDER BY id`,
      [shopId],
    );
  }

  async insert(transaction: Transaction, alert: NewStreamAlert): Promise<void> {
    await transaction.query(
      `INSERT INTO stream_alert (id, shop_id, name, fingerprint, state, labels, annotations, seen_since, seen_at, starts_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9)`,
      [
        alert.id,
        alert.shopId,
        alert.name,
        alert.fingerprint,
        alert.fires ? 'firing' : 'pending',
        JSON.stringify(alert.labels),
        JSON.stringify(alert.annotations),
        alert.now,
        alert.fires ? alert.now : null,
      ],
    );
  }

  /** The alert was seen again; `fires`: from now on it wakes people. */
  async see(
    transaction: Transaction,
    seen: {
      id: string;
      seenSince: Date;
      fires: boolean;
      summary: string;
      now: Date;
    },
  ): Promise<void> {
    await transaction.query(
      `UPDATE stream_alert SET seen_since = $2, seen_at = $3,
         state = CASE WHEN $4 THEN 'firing' ELSE state END, starts_at = CASE WHEN $4 THEN $3 ELSE starts_at END,
         version = version + CASE WHEN $4 OR annotations ->> 'summary' <> $5 THEN 1 ELSE 0 END,
         annotations = jsonb_set(annotations, '{summary}', to_jsonb($5::text))
       WHERE id = $1`,
      [seen.id, seen.seenSince, seen.now, seen.fires, seen.summary],
    );
  }

  async resolve(transaction: Transaction, id: string, now: Date): Promise<void> {
    await transaction.query(
      `UPDATE stream_alert SET state = 'resolved', ends_at = $2, version = version + 1 WHERE id = $1`,
      [id, now],
    );
  }

  /** What went before it fired leaves nothing. */
  async forget(transaction: Transaction, id: string): Promise<void> {
    await transaction.query(`DELETE FROM stream_alert WHERE id = $1 AND state = 'pending'`, [id]);
  }

  private async journalHead(reader: Reader, shopId: string): Promise<number> {
    const row = await reader.queryOne<{ head: number }>(
      'SELECT journal_head AS head FROM shop WHERE id = $1',
      [shopId],
    );
    return row?.head ?? 0;
  }
}
