import { Injectable } from '@nestjs/common';
import type { Reader } from '../platform/database/database.js';

const micros = (column: string): string =>
  `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/** Reads what intake wrote about how long a shop was seen. */
@Injectable()
export class OrderAsOfStore {
  /** Since when the shop was watched, and until when all that it did is journalled: RFC 3339 with microseconds. */
  async watched(
    reader: Reader,
    shopId: string,
  ): Promise<{ since: string | null; until: string | null }> {
    const row = await reader.queryOne<{ since: string | null; until: string | null }>(
      `SELECT ${micros('watched_since')} AS since, ${micros('seen_until')} AS until
       FROM replication_stream WHERE shop_id = $1`,
      [shopId],
    );
    return row ?? { since: null, until: null };
  }
}
