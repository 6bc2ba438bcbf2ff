import type { DetectionEvent, FindingUpdate } from '../../src/detection/detector.js';
import { CancellationScan } from '../../src/detection/detectors/cancellation-scan.js';

export const secondMs = 1_000;
export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;
export const monday = Date.UTC(2026, 0, 5);

/** A small seeded source of chance (mulberry32). */
export function chance(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export type Draft = Omit<DetectionEvent, 'position'>;

export interface Habits {
  readonly seed: number;
  readonly from: number;
  readonly until: number;
  /** orders per hour at a moment */
  readonly rate: (at: number) => number;
  /** share of orders that are cancelled by somebody who may */
  readonly cancelShare: number;
  /** mean time from placing to cancelling */
  readonly lagMs: number;
}

const payments = ['card', 'card', 'card', 'card', 'paypal', 'paypal', 'invoice', 'giftcard'];
const channels = ['web', 'web', 'web', 'ios', 'android'];
const regions = ['north', 'north', 'south', 'west', 'east'];

function pick<T>(list: readonly T[], next: () => number): T {
  return list[Math.floor(next() * list.length)]!;
}

/** People order in the evening and sleep at night; days differ by themselves. */
export function daily(ordersPerDay: number, seed: number): (at: number) => number {
  return (at) => {
    const hour = (at % dayMs) / hourMs;
    const shape = 0.15 + Math.max(0, Math.sin(((hour - 6) / 18) * Math.PI)) * 1.7;
    const mood = 0.7 + 0.6 * chance(seed * 1_000 + Math.floor(at / dayMs))();
    return (ordersPerDay / 24) * shape * mood;
  };
}

/** Orders of a shop and what their customers, its staff and its job cancel rightly. */
export function everyday(habits: Habits): Draft[] {
  const next = chance(habits.seed);
  const drafts: Draft[] = [];
  let at = habits.from;
  for (let index = 0; ; index += 1) {
    at += (-Math.log(1 - next()) * hourMs) / habits.rate(at);
    if (at >= habits.until) break;
    const order = draftOrder(`${habits.seed}-${index}`, at, next);
    drafts.push(order);
    if (next() >= habits.cancelShare) continue;
    const lag = -Math.log(1 - next()) * habits.lagMs;
    const who = next();
    const actor =
      who < 0.65
        ? { actor_kind: 'customer', reason: 'changed my mind' }
        : who < 0.88
          ? { actor_kind: 'staff', actor: 'm.peters', reason: 'address cannot be delivered' }
          : { actor_kind: 'job', actor: 'unpaid-orders', reason: 'never paid' };
    drafts.push(cancelled(order, at + lag, actor));
  }
  return drafts.filter((draft) => draft.at.getTime() < habits.until).sort(byTime);
}

function draftOrder(name: string, at: number, next: () => number): Draft {
  return {
    kind: 'placed',
    at: new Date(at),
    orderId: `order-${name}`,
    account: `customer:${Math.floor(next() * 20_000)}`,
    attributes: {
      payment: pick(payments, next),
      channel: pick(channels, next),
      region: pick(regions, next),
    },
    paid: true,
    amountMinor: 1_000 + Math.floor(next() * 20_000),
    currency: 'EUR',
  };
}

function cancelled(order: Draft, at: number, actor: Record<string, string>): Draft {
  return {
    ...order,
    kind: 'cancelled',
    at: new Date(at),
    attributes: { ...order.attributes, ...actor },
  };
}

export function byTime(left: Draft, right: Draft): number {
  return left.at.getTime() - right.at.getTime();
}

/** Orders of different customers, cancelled evenly between two moments. */
export function failure(options: {
  count: number;
  from: number;
  until: number;
  attributes?: Record<string, string>;
  actor?: Record<string, string>;
  account?: string;
  seed?: number;
}): Draft[] {
  const next = chance(options.seed ?? 99);
  const stepMs = (options.until - options.from) / Math.max(1, options.count - 1);
  return Array.from({ length: options.count }, (_, index) => {
    const order = draftOrder(`failed-${options.seed ?? 99}-${index}`, options.from, next);
    return cancelled(
      {
        ...order,
        account: options.account ?? `customer:failed-${index}`,
        attributes: { ...order.attributes, ...options.attributes },
      },
      options.from + index * stepMs,
      options.actor ?? {},
    );
  });
}

export interface Told extends FindingUpdate {
  readonly at: number;
}

/** Runs drafts through a detector, with a tick every so often after the last one. */
export function run(
  scan: CancellationScan,
  drafts: readonly Draft[],
  options: { ticksUntil?: number } = {},
): Told[] {
  const told: Told[] = [];
  drafts.toSorted(byTime).forEach((draft, index) => {
    const updates = scan.observe({ ...draft, position: index + 1 });
    told.push(...updates.map((update) => ({ ...update, at: draft.at.getTime() })));
  });
  const last = drafts.at(-1)?.at.getTime() ?? 0;
  for (let at = last; at <= (options.ticksUntil ?? 0); at += 30 * secondMs) {
    told.push(...scan.tick(new Date(at)).map((update) => ({ ...update, at })));
  }
  return told;
}

const lessons = new Map<string, unknown>();

/** A detector that has learnt this shop's past; each past is learnt once. */
export function taught(habits: Habits): CancellationScan {
  const scan = new CancellationScan({ weeksPerFalsePage: 20 });
  const name = `${habits.seed} ${habits.from}`;
  const lesson = lessons.get(name);
  if (lesson !== undefined) {
    scan.restore(structuredClone(lesson));
    return scan;
  }
  const history = everyday(habits).map((draft) => ({ ...draft, position: 0 }));
  scan.learn(history, new Date(habits.until));
  lessons.set(name, scan.save());
  return scan;
}

/** Four weeks of a shop with about 140 orders a day, 3 % of which are cancelled within some hours. */
export function smallShop(seed: number): Habits {
  return {
    seed,
    from: monday,
    until: monday + 28 * dayMs,
    rate: daily(140, seed),
    cancelShare: 0.034,
    lagMs: 5 * hourMs,
  };
}

/** What the same shop does in the demo: far more orders than ever, cancelled within seconds. */
export function busyMinutes(seed: number, rate: (at: number) => number, lengthMs: number): Habits {
  const from = monday + 28 * dayMs;
  return {
    seed: seed + 500,
    from,
    until: from + lengthMs,
    rate,
    cancelShare: 0.034,
    lagMs: 20 * secondMs,
  };
}

export const fourPerSecond = (): number => 4 * 3_600;
/** The job that also cancels unpaid orders every day, for the same reason as ever. */
export const job = { actor_kind: 'job', actor: 'unpaid-orders', reason: 'never paid' };
