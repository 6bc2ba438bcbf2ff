import { describe, expect, it } from '@jest/globals';
import { Fault } from '../platform/errors.js';
import { judgeRepetition, type IdempotentAnswer } from './idempotency.js';

const createdAt = new Date('2026-11-22T03:00:00Z');
const asking = { request: 'POST /api/v1/x', requestHash: Buffer.from('a') };
const earlier: IdempotentAnswer = { ...asking, status: 201, answer: { id: 1 }, createdAt };

function codeOf(
  first: Partial<IdempotentAnswer>,
  repeated: Partial<typeof asking>,
  secondsLater = 1,
): string {
  const now = new Date(createdAt.getTime() + secondsLater * 1000);
  try {
    return String(
      judgeRepetition({ ...earlier, ...first }, { asking: { ...asking, ...repeated }, now }).status,
    );
  } catch (error) {
    return error instanceof Fault ? error.code : 'no fault';
  }
}

describe('a request under a key that was used before', () => {
  it('gets the first answer where it is the same request', () => {
    expect(judgeRepetition(earlier, { asking, now: createdAt })).toEqual({
      status: 201,
      answer: { id: 1 },
    });
  });

  it('is refused where it is another request', () => {
    expect(codeOf({}, { request: 'POST /api/v1/y' })).toBe('idempotency-key-reused');
    expect(codeOf({}, { requestHash: Buffer.from('b') })).toBe('idempotency-key-reused');
    expect(codeOf({ status: null }, { requestHash: Buffer.from('b') })).toBe(
      'idempotency-key-reused',
    );
  });

  it('waits while the first is under way, and later learns that nobody knows how it ended', () => {
    expect(codeOf({ status: null }, {}, 119)).toBe('request-under-way');
    expect(codeOf({ status: null }, {}, 120)).toBe('outcome-unknown');
    expect(codeOf({ status: 202 }, {}, 120)).toBe('202');
  });
});
