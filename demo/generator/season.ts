import { randomFrom } from './random.js';

/** Orders per hour of the day (UTC), relative: quiet nights, a lunch break, busy evenings. */
const HOUR_WEIGHTS = [
  ...[5, 3, 2, 1, 2, 4, 9, 16, 24, 30, 34, 38],
  ...[36, 30, 28, 30, 34, 42, 54, 60, 52, 36, 20, 10],
];
/** Sunday first. */
const WEEKDAY_WEIGHTS = [1.25, 1.0, 0.95, 0.95, 1.0, 1.05, 0.8];

const HOUR_MS = 3_600_000;

export interface SeasonRequest {
  seed: string;
  count: number;
  from: number;
  to: number;
}

/** `count` points in time between `from` and `to`, ascending, as dense as day and hour suggest. */
export function seasonalTimes({ seed, count, from, to }: SeasonRequest): number[] {
  const hours: { startsAt: number; weightBefore: number }[] = [];
  let total = 0;
  for (let startsAt = from; startsAt < to; startsAt += HOUR_MS) {
    hours.push({ startsAt, weightBefore: total });
    total += weightAt(startsAt);
  }
  const random = randomFrom(seed, 'season');
  const shares = Array.from({ length: count }, () => random.next() * total);
  shares.sort((one, other) => one - other);
  const times: number[] = [];
  let place = 0;
  for (const share of shares) {
    while ((hours[place + 1]?.weightBefore ?? Infinity) <= share) place += 1;
    const startsAt = hours[place]?.startsAt ?? from;
    times.push(startsAt + Math.floor(random.next() * Math.min(HOUR_MS, to - startsAt)));
  }
  return times.sort((one, other) => one - other);
}

function weightAt(at: number): number {
  const date = new Date(at);
  return (HOUR_WEIGHTS[date.getUTCHours()] ?? 1) * (WEEKDAY_WEIGHTS[date.getUTCDay()] ?? 1);
}
