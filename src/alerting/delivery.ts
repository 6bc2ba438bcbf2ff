import type { DeliveryState } from './page.store.js';
import type { DeliveryResult } from './notifiers/notifier.js';

/** First pause after a failed attempt; a receiver that restarts is back within seconds. */
const firstPauseMs = 2_000;
/** Pauses grow no longer: an hour-long outage should not cost another hour of silence. */
const longestPauseMs = 15 * 60_000;
/** A page older than this is of no use to the people on call. */
const longestTryingMs = 24 * 3_600_000;

/**
 * What to do after an attempt: it is done, or tried again at a time, or given up with the reason.
 * `random` in [0, 1) spreads the attempts of many pages, so that they do not come back all at once.
 */
export function afterAttempt(
  result: DeliveryResult,
  attempt: { count: number; createdAt: Date; now: Date; random: number },
): DeliveryState {
  const { now } = attempt;
  if (result.outcome === 'delivered') return { state: 'delivered', at: now, note: result.note };
  const error = `${result.reason}: ${result.detail}`;
  if (!result.retry) return { state: 'failed', error };
  const pauseMs = Math.max(backOffMs(attempt), result.retryAfterMs ?? 0);
  const nextAttemptAt = new Date(now.getTime() + pauseMs);
  const giveUpAt = attempt.createdAt.getTime() + longestTryingMs;
  if (nextAttemptAt.getTime() > giveUpAt) return { state: 'failed', error: `gave up; ${error}` };
  return { state: 'pending', nextAttemptAt, error };
}

/** Doubles with each attempt up to the longest pause; the upper half of it is left to chance. */
function backOffMs(attempt: { count: number; random: number }): number {
  const full = Math.min(longestPauseMs, firstPauseMs * 2 ** (attempt.count - 1));
  return Math.round(full / 2 + (full / 2) * attempt.random);
}
