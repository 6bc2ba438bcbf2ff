import { Injectable } from '@nestjs/common';
import type { SourcePosition } from '../orders/order-event.js';
import type { Transaction } from '../platform/database/database.js';
import type { MarkerSubject } from './restore-marker.js';

@Injectable()
export class RestoreMarkerStore {
  /**
   * Writes down that the item's marker came with this transaction of the shop. False where it came with
   * another one before; true also where it was written down from this same transaction.
   */
  async claim(
    transaction: Transaction,
    { marker, source, now }: { marker: MarkerSubject; source: SourcePosition; now: Date },
  ): Promise<boolean> {
    const { shopId, orderId, itemId, action } = marker;
    const { incarnation, commitLsn, transactionId } = source;
    await transaction.query(
      `INSERT INTO restore_marker (shop_id, item_id, action, order_id, incarnation, commit_lsn, transaction_id, recorded_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (shop_id, item_id) DO NOTHING`,
      [shopId, itemId, action, orderId, incarnation, commitLsn, transactionId, now],
    );
    const rows = await transaction.query(
      `SELECT FROM restore_marker WHERE shop_id = $1 AND item_id = $2
          AND incarnation = $3 AND commit_lsn = $4 AND transaction_id = $5`,
      [shopId, itemId, incarnation, commitLsn, transactionId],
    );
    return rows.length > 0;
  }
}
