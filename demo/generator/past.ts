import { type Decision, decideOfficeOrder, decideOrder } from './decisions.js';
import {
  fulfilmentOf,
  LIVE_PACE,
  type LifeAction,
  type LifeEvent,
  lifeOf,
  type Pace,
  UNPAID_AFTER_MS,
  USUAL_PACE,
} from './life.js';
import type { Customer } from './people.js';
import { randomFrom } from './random.js';
import { seasonalTimes } from './season.js';

export interface PastRequest {
  seed: string;
  customers: readonly Customer[];
  now: Date;
  days: number;
  /** Orders over all those days. */
  orders: number;
  /** The last minutes already ran at the live rate, so that live traffic is no sudden change. */
  recentMinutes: number;
  recentOrdersPerSecond: number;
  /** Open, paid orders of the office buyer. */
  officeOrders: number;
}

export type PastAction = LifeAction | 'policy_cancel' | 'pick' | 'ship' | 'deliver';

/** One order of the past: what was decided, what has happened, and what is still to come. */
export interface PastOrder {
  decision: Decision;
  happened: LifeEvent<PastAction>[];
  toCome: LifeEvent[];
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** The shop's job for unpaid orders runs this often. */
const POLICY_JOB_MS = 10_000;
/** So many minutes around "a day ago" had an order a minute that was never paid. */
const UNPAID_MINUTES = { before: 10, after: 15 };

type Start = {
  at: number;
  pace: Pace;
  kind: 'usual' | 'office' | 'unpaid';
};

/** Everything that the shop's customers and staff did before `now`, in order of first contact. */
export function imaginePast(request: PastRequest): PastOrder[] {
  const starts = [
    ...usualStarts(request),
    ...recentStarts(request),
    ...officeStarts(request),
    ...unpaidStarts(request),
  ].sort((one, other) => one.at - other.at);
  return starts.map((start, place) => pastOrder(request, start, place + 1));
}

function usualStarts({ seed, orders, now, days, recentMinutes }: PastRequest): Start[] {
  const to = now.getTime() - recentMinutes * MINUTE;
  const times = seasonalTimes({ seed, count: orders, from: to - days * 24 * HOUR, to });
  return times.map((at) => ({ at, pace: USUAL_PACE, kind: 'usual' }));
}

function recentStarts(request: PastRequest): Start[] {
  const random = randomFrom(request.seed, 'recent');
  const starts: Start[] = [];
  const end = request.now.getTime();
  const meanMs = 1000 / request.recentOrdersPerSecond;
  let at = end - request.recentMinutes * MINUTE;
  while (request.recentMinutes > 0) {
    at += Math.ceil(random.exponential(meanMs));
    if (at >= end) break;
    starts.push({ at, pace: LIVE_PACE, kind: 'usual' });
  }
  return starts;
}

function officeStarts({ seed, now, officeOrders }: PastRequest): Start[] {
  const random = randomFrom(seed, 'office');
  return Array.from({ length: officeOrders }, () => ({
    at: now.getTime() - random.whole(1 * HOUR, 19 * HOUR),
    pace: USUAL_PACE,
    kind: 'office',
  }));
}

function unpaidStarts({ now, days }: PastRequest): Start[] {
  if (days < 2) return [];
  const dayAgo = now.getTime() - UNPAID_AFTER_MS;
  const starts: Start[] = [];
  for (let minute = -UNPAID_MINUTES.before; minute < UNPAID_MINUTES.after; minute += 1) {
    starts.push({ at: dayAgo + minute * MINUTE + 20_000, pace: USUAL_PACE, kind: 'unpaid' });
  }
  return starts;
}

function pastOrder(request: PastRequest, start: Start, index: number): PastOrder {
  const decision = decide(request, start, index);
  const now = request.now.getTime();
  const life = lifeOf(decision, { startsAt: start.at, pace: start.pace });
  const later = laterEvents(request.seed, index, decision, life);
  return {
    decision,
    happened: [...life, ...later].filter((event) => event.at <= now),
    toCome: life.filter((event) => event.at > now),
  };
}

function decide(request: PastRequest, start: Start, index: number): Decision {
  const context = { ...request, index, at: new Date(start.at) };
  if (start.kind === 'office') return decideOfficeOrder(context);
  const decision = decideOrder(context);
  if (start.kind === 'usual') return decision;
  return { ...decision, intention: 'never_pay', startsAsCart: false };
}

function laterEvents(
  seed: string,
  index: number,
  decision: Decision,
  life: readonly LifeEvent[],
): LifeEvent<PastAction>[] {
  const placed = life.find((event) => event.action === 'place');
  if (placed === undefined) return [];
  if (decision.intention === 'never_pay') {
    const due = placed.at + UNPAID_AFTER_MS;
    return [{ action: 'policy_cancel', at: Math.ceil(due / POLICY_JOB_MS) * POLICY_JOB_MS }];
  }
  const cancelled = life.some((event) => event.action.endsWith('cancel'));
  return cancelled ? [] : fulfilmentOf(seed, index, placed.at);
}
