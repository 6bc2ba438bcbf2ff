import { Injectable } from '@nestjs/common';
import type { Reader } from '../platform/database/database.js';

export interface IdempotentAnswer {
  readonly request: string;
  readonly requestHash: Buffer;
  /** null while the first request is still being answered */
  readonly status: number | null;
  readonly answer: unknown;
}

@Injectable()
export class IdempotencyStore {
  /** Reserves the key; undefined when it is new, else what is known of its first use. */
  async reserve(
    reader: Reader,
    use: { personId: string; key: string; request: string; requestHash: Buffer; now: Date },
  ): Promise<IdempotentAnswer | undefined> {
    const inserted = await reader.query(
      `INSERT INTO idempotency_key (person_id, key, request, request_hash, created_at) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT DO NOTHING RETURNING key`,
      [use.personId, use.key, use.request, use.requestHash, use.now],
    );
    if (inserted.length === 1) return undefined;
    return reader.queryOne<IdempotentAnswer>(
      `SELECT request, request_hash AS "requestHash", status, answer FROM idempotency_key
       WHERE person_id = $1 AND key = $2`,
      [use.personId, use.key],
    );
  }

  async complete(
    reader: Reader,
    use: { personId: string; key: string; status: number; answer: unknown },
  ): Promise<void> {
    await reader.query(
      'UPDATE idempotency_key SET status = $3, answer = $4 WHERE person_id = $1 AND key = $2',
      [use.personId, use.key, use.status, JSON.stringify(use.answer ?? null)],
    );
  }

  /** A request that failed may be sent again under its key. */
  async forget(reader: Reader, use: { personId: string; key: string }): Promise<void> {
    await reader.query(
      'DELETE FROM idempotency_key WHERE person_id = $1 AND key = $2 AND status IS NULL',
      [use.personId, use.key],
    );
  }

  async removeBefore(reader: Reader, moment: Date): Promise<void> {
    await reader.query('DELETE FROM idempotency_key WHERE created_at < $1', [moment]);
  }
}
