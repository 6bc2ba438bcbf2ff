import { Injectable } from '@nestjs/common';
import type { Reader } from '../../platform/database/database.js';
import type { StreamState } from './stream-state.js';

/** Where a shop's stream stands, and up to when the journal holds all that the shop committed. */
export interface StreamStandingRow {
  readonly shopId: string;
  readonly state: StreamState;
  /** null where that is not known */
  readonly seenUntil: Date | null;
}

@Injectable()
export class StreamRowsStore {
  /** Every shop's; one that was never attached is `detached`. */
  async standing(reader: Reader): Promise<StreamStandingRow[]> {
    return reader.query<StreamStandingRow>(
      `SELECT s.id AS "shopId", coalesce(r.state, 'detached') AS state,
         coalesce(r.seen_until, r.attached_at) AS "seenUntil"
       FROM shop s LEFT JOIN replication_stream r ON r.shop_id = s.id ORDER BY s.id`,
    );
  }
}
