import { Injectable } from '@nestjs/common';
import { present } from '../../platform/assert.js';
import type { Reader, Transaction } from '../../platform/database/database.js';
import type { OrderEventKeyEntity } from './order-event-key.entity.js';

/** What the far end calls an event by. */
export type EventKey = Pick<OrderEventKeyEntity, 'source' | 'eventId'>;

/** The key of a new event, with what tells the same event from another one under it. */
export type NewKey = Omit<OrderEventKeyEntity, 'shopId' | 'toldBy' | 'receivedAt'>;

/** The rows that say which order events were taken, and how far each shop is. */
@Injectable()
export class OrderEventStore {
  /** Bounds every further statement of this transaction, and each wait for a lock. */
  async limitStatements(transaction: Transaction, milliseconds: number): Promise<void> {
    await transaction.query(
      `SELECT set_config('statement_timeout', $1, true), set_config('lock_timeout', $1, true)`,
      [String(milliseconds)],
    );
  }

  /** Locks the shop's stream until the transaction ends; gives the sequence of its newest event. */
  async lockStream(transaction: Transaction, shopId: string, now: Date): Promise<number> {
    const row = await transaction.queryOne<{ sequence: number }>(
      `INSERT INTO order_event_stream AS stream (shop_id, sequence, received_at) VALUES ($1, 0, $2)
       ON CONFLICT (shop_id) DO UPDATE SET received_at = greatest(stream.received_at, excluded.received_at)
       RETURNING sequence`,
      [shopId, now],
    );
    return present(row, 'the statement returns the row it wrote').sequence;
  }

  /** When each shop that ever told anything did so last. */
  async lastTold(reader: Reader): Promise<{ shopId: string; receivedAt: Date }[]> {
    return reader.query(
      'SELECT shop_id AS "shopId", received_at AS "receivedAt" FROM order_event_stream',
    );
  }

  async raise(transaction: Transaction, shopId: string, sequence: number): Promise<void> {
    await transaction.query('UPDATE order_event_stream SET sequence = $2 WHERE shop_id = $1', [
      shopId,
      sequence,
    ]);
  }

  /**
   * Of these keys, those under which an event was taken before. Each is looked up by itself: as a plain join, a table
   * of which no statistics tell yet that it has grown is gone through whole.
   */
  async known(
    transaction: Transaction,
    keys: readonly EventKey[],
  ): Promise<(NewKey & { readonly shopId: string })[]> {
    return transaction.query(
      `SELECT source, event_id AS "eventId", shop_id AS "shopId", sequence, content_hash AS "contentHash",
         personal_key_of AS "personalKeyOf", personal_hash AS "personalHash"
       FROM unnest($1::text[], $2::text[]) AS asked (asked_source, asked_id),
         LATERAL (SELECT * FROM order_event_key WHERE source = asked_source AND event_id = asked_id OFFSET 0) AS found`,
      [keys.map(({ source }) => source), keys.map(({ eventId }) => eventId)],
    );
  }

  /**
   * Writes new keys down, in one order for everybody; gives those that were. Where another transaction was
   * first with a key (for another shop: those of one shop wait for each other), it is left out.
   */
  async add(
    transaction: Transaction,
    of: { readonly shopId: string; readonly toldBy: string; readonly now: Date },
    keys: readonly NewKey[],
  ): Promise<EventKey[]> {
    return transaction.query<EventKey>(
      `INSERT INTO order_event_key (source, event_id, shop_id, sequence, content_hash, personal_key_of, personal_hash,
         told_by, received_at)
       SELECT source, event_id, $1, sequence, content_hash, personal_key_of, personal_hash, $2, $3
       FROM unnest($4::text[], $5::text[], $6::bigint[], $7::bytea[], $8::text[], $9::bytea[])
         AS given (source, event_id, sequence, content_hash, personal_key_of, personal_hash)
       ORDER BY source, event_id
       ON CONFLICT DO NOTHING RETURNING source, event_id AS "eventId"`,
      [
        of.shopId,
        of.toldBy,
        of.now,
        keys.map(({ source }) => source),
        keys.map(({ eventId }) => eventId),
        keys.map(({ sequence }) => sequence),
        keys.map(({ contentHash }) => contentHash),
        keys.map(({ personalKeyOf }) => personalKeyOf),
        keys.map(({ personalHash }) => personalHash),
      ],
    );
  }
}
