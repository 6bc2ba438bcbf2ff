import { Injectable } from '@nestjs/common';
import type { Reader, Transaction } from '../platform/database/database.js';

/** Whether a shop may be written to. */
export interface ShopState {
  /** nothing is written to a shop that is not armed */
  readonly armedAt: Date | null;
  readonly armedBy: string | null;
  /** the kill switch: while set, no restore starts or goes on */
  readonly stoppedAt: Date | null;
  readonly stoppedBy: string | null;
  readonly stopReason: string | null;
}

export interface MirroredShop {
  readonly id: string;
  readonly name: string;
  readonly profileName: string;
  readonly profileHash: string;
}

interface Change {
  readonly shopId: string;
  readonly personId: string;
  readonly now: Date;
}

const stateColumns = `armed_at AS "armedAt", armed_by AS "armedBy", stopped_at AS "stoppedAt",
  stopped_by AS "stoppedBy", stop_reason AS "stopReason"`;

@Injectable()
export class ShopStore {
  /** Writes the configured shop down, so that other rows can point to it; its state stays as it is. */
  async mirror(transaction: Transaction, shop: MirroredShop, now: Date): Promise<void> {
    await transaction.query(
      `INSERT INTO shop (id, name, profile_name, profile_hash, created_at) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (id) DO UPDATE SET name = excluded.name, profile_name = excluded.profile_name,
         profile_hash = excluded.profile_hash
       WHERE (shop.name, shop.profile_name, shop.profile_hash)
         IS DISTINCT FROM (excluded.name, excluded.profile_name, excluded.profile_hash)`,
      [shop.id, shop.name, shop.profileName, shop.profileHash, now],
    );
  }

  async state(reader: Reader, shopId: string): Promise<ShopState | undefined> {
    return reader.queryOne<ShopState>(`SELECT ${stateColumns} FROM shop WHERE id = $1`, [shopId]);
  }

  async mayWrite(reader: Reader, shopId: string): Promise<boolean> {
    const rows = await reader.query(
      'SELECT FROM shop WHERE id = $1 AND armed_at IS NOT NULL AND stopped_at IS NULL',
      [shopId],
    );
    return rows.length > 0;
  }

  /** These four answer whether anything changed: false where the shop was in that state already. */
  async arm(transaction: Transaction, { shopId, personId, now }: Change): Promise<boolean> {
    const rows = await transaction.query(
      'UPDATE shop SET armed_at = $2, armed_by = $3 WHERE id = $1 AND armed_at IS NULL RETURNING id',
      [shopId, now, personId],
    );
    return rows.length > 0;
  }

  async disarm(transaction: Transaction, shopId: string): Promise<boolean> {
    const rows = await transaction.query(
      'UPDATE shop SET armed_at = NULL, armed_by = NULL WHERE id = $1 AND armed_at IS NOT NULL RETURNING id',
      [shopId],
    );
    return rows.length > 0;
  }

  async stop(transaction: Transaction, change: Change & { reason: string }): Promise<boolean> {
    const rows = await transaction.query(
      `UPDATE shop SET stopped_at = $2, stopped_by = $3, stop_reason = $4
        WHERE id = $1 AND stopped_at IS NULL RETURNING id`,
      [change.shopId, change.now, change.personId, change.reason],
    );
    return rows.length > 0;
  }

  async resume(transaction: Transaction, shopId: string): Promise<boolean> {
    const rows = await transaction.query(
      `UPDATE shop SET stopped_at = NULL, stopped_by = NULL, stop_reason = NULL
        WHERE id = $1 AND stopped_at IS NOT NULL RETURNING id`,
      [shopId],
    );
    return rows.length > 0;
  }
}
