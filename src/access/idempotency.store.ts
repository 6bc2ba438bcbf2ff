import { Injectable } from '@nestjs/common';
import { IsNull } from 'typeorm';
import type { Reader } from '../platform/database/database.js';
import { IdempotencyKeyEntity } from './idempotency-key.entity.js';
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
      const { personId, key } = use;
      const earlier = await reader.repository(IdempotencyKeyEntity).findOneBy({ personId, key });
      if (earlier !== null) return earlier;
    }
  }

  /** Keeps what the first request was answered. */
  async complete(
    reader: Reader,
    use: { personId: string; key: string; status: number; answer: unknown },
  ): Promise<void> {
    const { personId, key, status, answer } = use;
    await reader
      .repository(IdempotencyKeyEntity)
      .update({ personId, key }, { status, answer: answer ?? null });
  }

  /** A request that was refused did nothing, and may be sent again under its key. */
  async forget(reader: Reader, use: { personId: string; key: string }): Promise<void> {
    const { personId, key } = use;
    await reader.repository(IdempotencyKeyEntity).delete({ personId, key, status: IsNull() });
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
