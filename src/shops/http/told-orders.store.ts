import { Injectable } from '@nestjs/common';
import type { RowImage } from '../../orders/row-change.js';
import type { Reader } from '../../platform/database/database.js';
import { toldTables } from './told-order-profile.js';

/** One row of an order as the events left it. */
export interface ToldRow {
  readonly orderId: string;
  readonly table: string;
  readonly image: RowImage;
}

const columns = 'order_id AS "orderId", table_name AS "table", image';

/** What events have told of a shop's orders; intake wrote it. */
@Injectable()
export class ToldOrdersStore {
  async rowsOf(reader: Reader, shopId: string, orderIds: readonly string[]): Promise<ToldRow[]> {
    return reader.query<ToldRow>(
      `SELECT ${columns} FROM row_image WHERE shop_id = $1 AND order_id = ANY($2) ORDER BY order_id, row_key`,
      [shopId, orderIds],
    );
  }

  /** By the newest entry that bears the number; an order has it from the first event that tells it. */
  async byNumber(reader: Reader, shopId: string, number: string): Promise<string | undefined> {
    const row = await reader.queryOne<{ orderId: string }>(
      `SELECT order_id AS "orderId" FROM journal_entry
       WHERE shop_id = $1 AND order_number = $2 AND order_id <> '' ORDER BY position DESC LIMIT 1`,
      [shopId, number],
    );
    return row?.orderId;
  }

  /** Orders that stand cancelled and were cancelled in the period; newest first. */
  async cancelled(
    reader: Reader,
    shopId: string,
    period: { since: Date; until: Date; limit: number },
  ): Promise<string[]> {
    const rows = await reader.query<{ orderId: string }>(
      `SELECT order_id AS "orderId" FROM row_image
       WHERE shop_id = $1 AND table_name = $2 AND image ->> 'status' = 'cancelled'
         AND (image ->> 'cancelled_at')::timestamptz >= $3 AND (image ->> 'cancelled_at')::timestamptz < $4
       ORDER BY (image ->> 'cancelled_at')::timestamptz DESC LIMIT $5`,
      [shopId, toldTables.order, period.since, period.until, period.limit],
    );
    return rows.map(({ orderId }) => orderId);
  }

  /** How far the events are that were taken; nothing else can be asked of such a shop. */
  async position(reader: Reader, shopId: string): Promise<{ lsn: string; incarnation: string }> {
    const row = await reader.queryOne<{ lsn: string; incarnation: string }>(
      `SELECT commit_lsn::text AS lsn, incarnation FROM journal_entry
       WHERE shop_id = $1 ORDER BY position DESC LIMIT 1`,
      [shopId],
    );
    return row ?? { lsn: '0/0', incarnation: 'http' };
  }
}
