import { Injectable } from '@nestjs/common';
import type { Reader } from '../platform/database/database.js';

/** How the shop's changes reach the journal; written by intake, read here as rows. */
export interface StreamTime {
  readonly state: 'detached' | 'snapshot' | 'streaming' | 'interrupted' | 'lost' | 'mismatch';
  /** when the stream last said something, if only that there is nothing */
  readonly lastMessageAt: Date | null;
}

@Injectable()
export class StreamTimeStore {
  /** Undefined where the shop has no stream. */
  async read(reader: Reader, shopId: string): Promise<StreamTime | undefined> {
    return reader.queryOne<StreamTime>(
      `SELECT state, last_message_at AS "lastMessageAt" FROM replication_stream WHERE shop_id = $1`,
      [shopId],
    );
  }
}
