import { Injectable } from '@nestjs/common';
import type { Reader, Transaction } from '../platform/database/database.js';
import { columnsOf } from '../platform/database/entity.js';
import { ChangeMarkEntity } from './change-mark.entity.js';

/** Which changes to list; `before` is the last one of the page before. */
export interface ChangeQuery {
  readonly shopId: string | null;
  readonly before: { readonly at: Date; readonly id: string } | null;
  readonly limit: number;
}

@Injectable()
export class ChangeMarkStore {
  async insert(transaction: Transaction, mark: ChangeMarkEntity): Promise<void> {
    await transaction.repository(ChangeMarkEntity).insert(mark);
  }

  /** Newest first; those of one shop include the ones that concern all. */
  async list(reader: Reader, query: ChangeQuery): Promise<ChangeMarkEntity[]> {
    return reader.query<ChangeMarkEntity>(
      `SELECT ${columnsOf(ChangeMarkEntity, 'm')} FROM change_mark m
       WHERE ($1::text IS NULL OR m.shop_id IS NULL OR m.shop_id = $1)
         AND ($2::timestamptz IS NULL OR (m.at, m.id) < ($2, $3::uuid))
       ORDER BY m.at DESC, m.id DESC LIMIT $4`,
      [query.shopId, query.before?.at ?? null, query.before?.id ?? null, query.limit],
    );
  }
}
