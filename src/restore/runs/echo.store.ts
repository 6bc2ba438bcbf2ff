import { Injectable } from '@nestjs/common';
import type { Reader } from '../../platform/database/database.js';
import type { Waiting } from '../../platform/work/work-queues.js';

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

  /** Journal entries not read for echoes yet, and when the oldest of them was journalled. */
  async waiting(reader: Reader): Promise<Waiting> {
    const row = await reader.queryOne<Waiting>(
      `SELECT coalesce(sum(s.journal_head - c.position), 0)::float8 AS due, min((
         SELECT e.recorded_at FROM journal_entry e WHERE e.shop_id = s.id AND e.position = c.position + 1)) AS since
       FROM shop s JOIN restore_cursor c ON c.shop_id = s.id WHERE s.journal_head > c.position`,
    );
    return row ?? { due: 0, since: null };
  }

  /** Which of these orders are, or were, in a run. */
  async ordersOfRuns(
    reader: Reader,
    shopId: string,
    orderIds: readonly string[],
  ): Promise<string[]> {
    if (orderIds.length === 0) return [];
    const rows = await reader.query<{ id: string }>(
      'SELECT DISTINCT order_id AS id FROM restore_run_item WHERE shop_id = $1 AND order_id = ANY($2)',
      [shopId, orderIds],
    );
    return rows.map((row) => row.id);
  }

  /** Takes the cursor on, and in a transaction holds it until that ends; false where somebody else did so before. */
  async advance(
    reader: Reader,
    step: { shopId: string; from: number; to: number; now: Date },
  ): Promise<boolean> {
    const rows = await reader.query(
      `UPDATE restore_cursor SET position = $3, updated_at = $4 WHERE shop_id = $1 AND position = $2 RETURNING shop_id`,
      [step.shopId, step.from, step.to, step.now],
    );
    return rows.length > 0;
  }
}
