import { Injectable } from '@nestjs/common';
import type { Reader, Transaction } from '../../platform/database/database.js';

/** How far each shop's journal was read for echoes. */
@Injectable()
export class EchoStore {
  /** Undefined where no plan was ever made for the shop. */
  async cursor(reader: Reader, shopId: string): Promise<number | undefined> {
    const row = await reader.queryOne<{ position: number }>(
      'SELECT position FROM restore_cursor WHERE shop_id = $1',
      [shopId],
    );
    return row?.position;
  }

  /** Takes the cursor on, and holds it until the transaction ends; false where somebody else did so before. */
  async advance(
    transaction: Transaction,
    step: { shopId: string; from: number; to: number; now: Date },
  ): Promise<boolean> {
    const rows = await transaction.query(
      `UPDATE restore_cursor SET position = $3, updated_at = $4 WHERE shop_id = $1 AND position = $2 RETURNING shop_id`,
      [step.shopId, step.from, step.to, step.now],
    );
    return rows.length > 0;
  }
}
