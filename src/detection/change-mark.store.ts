import { Injectable } from '@nestjs/common';
import type { Reader, Transaction } from '../platform/database/database.js';
import type { ChangeMark } from './change-mark.js';

/** Which changes to list; `before` is the last one of the page before. */
export interface ChangeQuery {
  readonly shopId: string | null;
  readonly before: { readonly at: Date; readonly id: string } | null;
  readonly limit: number;
}

@Injectable()
export class ChangeMarkStore {
  async insert(transaction: Transaction, mark: ChangeMark): Promise<void> {
    await transaction.query(
      `INSERT INTO change_mark (id, shop_id, what, kind, "where", who, link, at, recorded_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [
        mark.id,
        mark.shopId,
        mark.what,
        mark.kind,
        mark.where,
        mark.who,
        mark.link,
        mark.at,
        mark.recordedAt,
      ],
    );
  }

  /** Newest first; those of one shop include the ones that concern all. */
  async list(reader: Reader, query: ChangeQuery): Promise<ChangeMark[]> {
    return reader.query<ChangeMark>(
      `SELECT id, shop_id AS "shopId", what, kind, "where", who, link, at, recorded_at AS "recordedAt"
       FROM change_mark
       WHERE ($1::text IS NULL OR shop_id IS NULL OR shop_id = $1)
         AND ($2::timestamptz IS NULL OR (at, id) < ($2, $3::uuid))
       ORDER BY at DESC, id DESC LIMIT $4`,
      [query.shopId, query.before?.at ?? null, query.before?.id ?? null, query.limit],
    );
  }
}
