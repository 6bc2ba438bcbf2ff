import { Injectable } from '@nestjs/common';
import type { Reader, Transaction } from '../platform/database/database.js';

/** A moment (RFC 3339; microseconds count), or a position of the journal: all entries up to it, itself among them. */
export type AsOf = { readonly moment: string } | { readonly position: number };

/** Changes of the whole shop that were lost before they could be journalled. */
export interface Loss {
  readonly position: number;
  /** nothing is known from here on: RFC 3339 with microseconds; null where nothing was journalled before */
  readonly since: string | null;
  /** when it was found out */
  readonly until: string;
  readonly reason: string | null;
}

const micros = (expression: string): string =>
  `to_char(${expression} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/** A loss says since when itself; one of an older version is taken to begin at the entry before it. */
const losses = `SELECT loss.position, ${micros('loss.since')} AS since, ${micros('loss.committed_at')} AS until, loss.reason
  FROM (SELECT entry.position, entry.committed_at, entry.reason, coalesce((entry.attributes ->> 'since')::timestamptz,
      (SELECT max(before.committed_at) FROM journal_entry before
       WHERE before.shop_id = entry.shop_id AND before.position = entry.position - 1)) AS since
    FROM journal_entry entry
    WHERE entry.shop_id = $1 AND 'gap' = ANY (entry.kinds) AND entry.order_id = '' AND entry.transaction_id = 0) loss`;

/** What the journal says about times. */
@Injectable()
export class OrderHistoryStore {
  /** All further reads of the transaction see one state of the journal and of the row images beside it. */
  async freeze(transaction: Transaction): Promise<void> {
    await transaction.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
  }

  /** The order's first entry that was committed after this time, by its position. */
  async firstAfter(
    reader: Reader,
    order: { shopId: string; orderId: string; moment: string },
  ): Promise<number | undefined> {
    const row = await reader.queryOne<{ position: number | null }>(
      `SELECT min(position) AS position FROM journal_entry
       WHERE shop_id = $1 AND order_id = $2 AND committed_at > $3::timestamptz`,
      [order.shopId, order.orderId, order.moment],
    );
    return row?.position ?? undefined;
  }

  /** The loss that this time falls into. */
  async lossAt(reader: Reader, shopId: string, moment: string): Promise<Loss | undefined> {
    return reader.queryOne<Loss>(
      `${losses} WHERE loss.committed_at > $2::timestamptz AND (loss.since IS NULL OR loss.since <= $2::timestamptz)
       ORDER BY loss.position LIMIT 1`,
      [shopId, moment],
    );
  }

  /** The newest loss before an entry, and whether it had been found out already at the time asked about. */
  async lossBefore(
    reader: Reader,
    shopId: string,
    given: { position: number; at: AsOf },
  ): Promise<(Loss & { readonly isPast: boolean }) | undefined> {
    const { position, at } = given;
    const [moment, cut] = 'moment' in at ? [at.moment, null] : [null, at.position];
    return reader.queryOne<Loss & { readonly isPast: boolean }>(
      `SELECT newest.*, coalesce(newest.until::timestamptz <= $3::timestamptz, newest.position <= $4) AS "isPast"
       FROM (${losses} WHERE loss.position < $2) newest ORDER BY newest.position DESC LIMIT 1`,
      [shopId, position, moment, cut],
    );
  }
}
