import { Injectable } from '@nestjs/common';
import type { Reader } from '../platform/database/database.js';
import type { IdempotentAnswer, RequestFingerprint } from './idempotency.js';

/** Few enough that one batch takes a moment. */
const removedAtOnce = 1_000;

@Injectable()
export class IdempotencyStore {
  /** Reserves the key; undefined when it is new, else what is known of its first use. */
  async reserve(
    reader: Reader,
    use: RequestFingerprint & { personId: string; key: string; now: Date },
  ): Promise<IdempotentAnswer | undefined> {
    // the first request may be refused, and free the key, just between the two statements: then again
    for (;;) {
      const inserted = await reader.query(
        `INSERT INTO idempotency_key (person_id, key, request, request_hash, created_at)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING key`,
        [use.personId, use.key, use.request, use.requestHash, use.now],
      );
      if (inserted.length === 1) return undefined;
      const earlier = await reader.queryOne<IdempotentAnswer>(
        `SELECT request, request_hash AS "requestHash", status, answer, created_at AS "createdAt"
         FROM idempotency_key WHERE person_id = $1 AND key = $2`,
        [use.personId, use.key],
      );
      if (earlier !== undefined) return earlier;
    }
  }

  /** Keeps what the first request was answered. */
  async complete(
    reader: Reader,
    use: { personId: string; key: string; status: number; answer: unknown },
  ): Promise<void> {
    await reader.query(
      'UPDATE idempotency_key SET status = $3, answer = $4 WHERE person_id = $1 AND key = $2',
      [use.personId, use.key, use.status, JSON.stringify(use.answer ?? null)],
    );
  }

  /** A request that was refused did nothing, and may be sent again under its key. */
  async forget(reader: Reader, use: { personId: string; key: string }): Promise<void> {
    await reader.query(
      'DELETE FROM idempotency_key WHERE person_id = $1 AND key = $2 AND status IS NULL',
      [use.personId, use.key],
    );
  }

  /** Removes one batch of keys from before that moment; `more` where some may be left. */
  async removeBefore(reader: Reader, moment: Date): Promise<'idle' | 'more'> {
    const removed = await reader.query(
      `DELETE FROM idempotency_key WHERE (person_id, key) IN
         (SELECT person_id, key FROM idempotency_key WHERE created_at < $1 LIMIT $2)
       RETURNING 1`,
      [moment, removedAtOnce],
    );
    return removed.length === removedAtOnce ? 'more' : 'idle';
  }
}
