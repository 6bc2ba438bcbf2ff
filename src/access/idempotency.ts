import { Fault } from '../platform/errors.js';
import type { IdempotencyKeyEntity } from './idempotency-key.entity.js';

/** What makes two requests the same: method, path and body. */
export type RequestFingerprint = Pick<IdempotencyKeyEntity, 'request' | 'requestHash'>;

/** What is known of the first request that came under a key. */
export type IdempotentAnswer = Omit<IdempotencyKeyEntity, 'personId' | 'key'>;

/** Longer than any request takes: whatever is not answered by then was cut off. */
const answeredWithinMs = 120_000;

/** The first answer, for a repetition that is one; a refusal with the way out for any other. Pure. */
export function judgeRepetition(
  earlier: IdempotentAnswer,
  facts: { asking: RequestFingerprint; now: Date },
): { status: number; answer: unknown } {
  const { asking, now } = facts;
  if (earlier.request !== asking.request || !earlier.requestHash.equals(asking.requestHash)) {
    throw new Fault(
      'conflict',
      'idempotency-key-reused',
      'this Idempotency-Key was used for another request; take a new one',
    );
  }
  if (earlier.status !== null) return { status: earlier.status, answer: earlier.answer };
  if (now.getTime() - earlier.createdAt.getTime() < answeredWithinMs) {
    throw new Fault(
      'conflict',
      'request-under-way',
      'the first request with this Idempotency-Key is still being answered; ask again in a moment',
    );
  }
  throw new Fault(
    'conflict',
    'outcome-unknown',
    'the first request with this Idempotency-Key was cut off and may have taken effect: look first, then take a new key',
  );
}
