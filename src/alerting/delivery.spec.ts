import { afterAttempt } from './delivery.js';
import { retryAfter } from './notifiers/webhook.js';

const createdAt = new Date('2026-03-01T12:00:00Z');
const now = new Date('2026-03-01T12:00:01Z');
const failed = {
  outcome: 'failed',
  reason: 'receiver-error',
  retry: true,
  detail: 'HTTP 500',
} as const;

function pauseMs(count: number, random: number, retryAfterMs?: number): number {
  const after = afterAttempt({ ...failed, retryAfterMs }, { count, createdAt, now, random });
  if (after.state !== 'pending') throw new Error(`given up: ${after.state}`);
  return after.nextAttemptAt.getTime() - now.getTime();
}

describe('after an attempt', () => {
  it('a delivered page is done', () => {
    const after = afterAttempt(
      { outcome: 'delivered', note: null },
      { count: 1, createdAt, now, random: 0 },
    );
    expect(after).toEqual({ state: 'delivered', at: now, note: null });
  });

  it.each([
    [1, 0, 1_000],
    [1, 1, 2_000],
    [2, 0.5, 3_000],
    [5, 0, 16_000],
    [12, 1, 900_000],
    [60, 1, 900_000],
  ])('attempt %i, chance %d: again in %i ms', (count, random, expected) => {
    expect(pauseMs(count, random)).toBe(expected);
  });

  it('keeps to Retry-After where that is longer', () => {
    expect(pauseMs(1, 0, 120_000)).toBe(120_000);
    expect(pauseMs(8, 1, 1_000)).toBe(256_000);
  });

  it('gives up at once where trying again cannot help', () => {
    const refused = { ...failed, reason: 'rejected', retry: false, detail: 'HTTP 404' } as const;
    expect(afterAttempt(refused, { count: 1, createdAt, now, random: 0 })).toEqual({
      state: 'failed',
      error: 'rejected: HTTP 404',
    });
  });

  it('gives up after a day, not before', () => {
    const almost = new Date(createdAt.getTime() + 24 * 3_600_000 - 900_000);
    const attempt = { count: 99, createdAt, random: 1 };
    expect(afterAttempt(failed, { ...attempt, now: almost }).state).toBe('pending');
    const past = new Date(almost.getTime() + 1);
    expect(afterAttempt(failed, { ...attempt, now: past })).toEqual({
      state: 'failed',
      error: 'gave up; receiver-error: HTTP 500',
    });
  });
});

describe('Retry-After', () => {
  it.each([
    [null, undefined],
    ['7', 7_000],
    ['Sun, 01 Mar 2026 12:01:01 GMT', 60_000],
    ['Sun, 01 Mar 2026 11:00:00 GMT', 0],
    ['soon', undefined],
  ])('%s is %s ms', (header, expected) => {
    expect(retryAfter(header, now)).toBe(expected);
  });
});
