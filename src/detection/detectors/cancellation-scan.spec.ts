import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { DetectionEvent, FindingUpdate } from '../detector.js';
import { CancellationScan } from './cancellation-scan.js';

const secondMs = 1_000;
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const monday = Date.UTC(2026, 0, 5);

/** A small seeded source of chance (mulberry32). */
function chance(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Draft = Omit<DetectionEvent, 'position'>;

interface Habits {
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
function daily(ordersPerDay: number, seed: number): (at: number) => number {
  return (at) => {
    const hour = (at % dayMs) / hourMs;
    const shape = 0.15 + Math.max(0, Math.sin(((hour - 6) / 18) * Math.PI)) * 1.7;
    const mood = 0.7 + 0.6 * chance(seed * 1_000 + Math.floor(at / dayMs))();
    return (ordersPerDay / 24) * shape * mood;
  };
}

/** Orders of a shop and what their customers, its staff and its job cancel rightly. */
function everyday(habits: Habits): Draft[] {
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

function byTime(left: Draft, right: Draft): number {
  return left.at.getTime() - right.at.getTime();
}

/** Orders of different customers, cancelled evenly between two moments. */
function failure(options: {
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

interface Told extends FindingUpdate {
  readonly at: number;
}

/** Runs drafts through a detector, with a tick every so often after the last one. */
function run(
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
function taught(habits: Habits): CancellationScan {
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
function smallShop(seed: number): Habits {
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
function busyMinutes(seed: number, rate: (at: number) => number, lengthMs: number): Habits {
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

const fourPerSecond = (): number => 4 * 3_600;
/** The job that also cancels unpaid orders every day, for the same reason as ever. */
const job = { actor_kind: 'job', actor: 'unpaid-orders', reason: 'never paid' };

describe('a shop in which nothing is wrong', () => {
  it('gives no more false alarms than were asked for', () => {
    const weeksPerFalsePage = 2;
    let weeks = 0;
    let findings = 0;
    for (let seed = 1; seed <= 4; seed += 1) {
      const ordersPerDay = 20 * 2 ** seed;
      const habits = {
        seed,
        from: monday,
        until: monday + 5 * 7 * dayMs,
        rate: daily(ordersPerDay, seed),
        cancelShare: 0.03 * seed,
        lagMs: (seed % 3 === 0 ? 30 : 4) * hourMs,
      };
      const told = run(new CancellationScan({ weeksPerFalsePage }), everyday(habits));
      findings += new Set(told.map(({ fingerprint }) => fingerprint)).size;
      weeks += 5;
    }
    const allowed = weeks / weeksPerFalsePage;
    expect(findings).toBeLessThanOrEqual(allowed + 2 * Math.sqrt(allowed));
  });

  it('is left alone in a sale at a load far above its past, while one customer cancels 40 orders', () => {
    for (let seed = 1; seed <= 6; seed += 1) {
      const start = monday + 28 * dayMs;
      const sale = (at: number): number =>
        (at - start > 30_000 && at - start < 60_000 ? 5 : 1) * 14_400;
      const scan = taught(smallShop(seed));
      const buyer = failure({
        count: 40,
        from: start + 40_000,
        until: start + 48_000,
        account: 'customer:office',
        actor: { actor_kind: 'customer', reason: 'office move postponed' },
      });
      const drafts = [...everyday(busyMinutes(seed, sale, 90_000)), ...buyer];
      expect(run(scan, drafts)).toEqual([]);
    }
  });

  it('may release a new app version without anything being raised', () => {
    const habits = smallShop(3);
    const release = monday + 28 * dayMs;
    const later = everyday({ ...habits, seed: 77, from: release, until: release + 7 * dayMs });
    const released = later.map((draft) => ({
      ...draft,
      attributes: { ...draft.attributes, app_version: '9.0' },
    }));
    expect(run(taught(habits), released)).toEqual([]);
  });

  it('may have one account cancel all its 40 orders, and staff cancel as ever', () => {
    const at = monday + 28 * dayMs + 11 * hourMs;
    const drafts = failure({ count: 40, from: at, until: at + minuteMs, account: 'customer:7' });
    expect(run(taught(smallShop(2)), drafts)).toEqual([]);
  });
});

describe('a failure', () => {
  it('of ten orders in two minutes is found, at any hour', () => {
    for (let hour = 0; hour < 24; hour += 5) {
      const at = monday + 29 * dayMs + hour * hourMs;
      const [first] = run(
        taught(smallShop((hour % 3) + 1)),
        failure({ count: 10, from: at, until: at + 2 * minuteMs }),
      );
      expect(first?.state).toBe('live');
      expect(first?.measure.accounts).toBeLessThanOrEqual(7);
      expect(first?.measure.slice).toEqual({});
    }
  });

  it('of a job in the demo is found within ten orders, and named', () => {
    for (let seed = 1; seed <= 6; seed += 1) {
      const start = monday + 28 * dayMs;
      const scan = taught(smallShop(seed));
      const quiet = everyday(busyMinutes(seed, fourPerSecond, 60_000));
      const faulty = failure({
        count: 30,
        from: start + 30_000,
        until: start + 42_000,
        actor: job,
        seed,
      });
      const told = run(scan, [...quiet, ...faulty]);
      const failedBefore = faulty.filter(({ at }) => at.getTime() <= (told[0]?.at ?? Infinity));
      expect(failedBefore.length).toBeLessThanOrEqual(10);
      expect(new Set(told.map(({ fingerprint }) => fingerprint)).size).toBe(1);
      const last = told.at(-1)?.measure;
      expect(last?.slice).not.toEqual({});
      expect(job).toMatchObject(last?.slice ?? {});
      expect(last?.orders).toBeGreaterThanOrEqual(30);
    }
  });

  it('of one raw UPDATE by nobody known is found, with all orders that it hit', () => {
    const start = monday + 28 * dayMs;
    const faulty = failure({
      count: 12,
      from: start + 30_000,
      until: start + 30_000,
      actor: { actor_kind: 'unknown' },
    });
    const drafts = [...everyday(busyMinutes(4, fourPerSecond, 60_000)), ...faulty];
    const told = run(taught(smallShop(4)), drafts);
    expect(told.at(-1)?.measure.slice).toEqual({ actor_kind: 'unknown' });
    const named = told.flatMap(({ addedPositions }) => addedPositions);
    const hit = drafts
      .toSorted(byTime)
      .flatMap((draft, index) => (draft.attributes['actor_kind'] === 'unknown' ? [index + 1] : []));
    expect(named.toSorted((left, right) => left - right)).toEqual(hit);
  });

  it('whose actor becomes known after each cancellation is seen clearer, as the same finding', () => {
    const start = monday + 28 * dayMs;
    const bare = failure({
      count: 20,
      from: start + 30_000,
      until: start + 40_000,
      actor: { actor_kind: 'unknown' },
    });
    const told = run(taught(smallShop(5)), [
      ...everyday(busyMinutes(5, fourPerSecond, 60_000)),
      ...bare,
      ...bare.map((draft) => ({
        ...draft,
        kind: 'clarified' as const,
        at: new Date(draft.at.getTime() + 900),
        attributes: job,
      })),
    ]);
    expect(new Set(told.map(({ fingerprint }) => fingerprint)).size).toBe(1);
    expect(job).toMatchObject(told.at(-1)?.measure.slice ?? {});
    expect(told.at(-1)?.measure.orders).toBeGreaterThanOrEqual(19);
  });

  it('of one segment that drips over twelve hours is found and named', () => {
    const at = monday + 30 * dayMs;
    const attributes = { payment: 'giftcard', region: 'east' };
    const drip = failure({ count: 15, from: at, until: at + 12 * hourMs, attributes });
    const rest = everyday({ ...smallShop(6), seed: 60, from: at - 2 * dayMs, until: at + dayMs });
    const told = run(taught(smallShop(6)), [...rest, ...drip]);
    expect(told.length).toBeGreaterThan(0);
    expect(told.at(-1)?.measure.slice).toEqual(attributes);
  });

  it('in the first hours of a shop of which nothing is known is found, and says so', () => {
    const scan = new CancellationScan({ weeksPerFalsePage: 20 });
    const rest = everyday({ ...smallShop(8), until: monday + 6 * hourMs });
    const faulty = failure({
      count: 10,
      from: monday + 4 * hourMs,
      until: monday + 4 * hourMs + 2 * minuteMs,
    });
    const [first] = run(scan, [...rest, ...faulty]);
    expect(first?.measure.learntDays).toBeLessThan(1);
  });

  it('opens one finding, rises, stops rising, and closes by ticks; a second failure opens another', () => {
    const at = monday + 29 * dayMs + 10 * hourMs;
    const scan = taught(smallShop(9));
    const first = failure({
      count: 20,
      from: at,
      until: at + 5 * minuteMs,
      attributes: { payment: 'paypal' },
    });
    const told = run(scan, first, { ticksUntil: at + 2 * hourMs });
    expect(new Set(told.map(({ fingerprint }) => fingerprint)).size).toBe(1);
    expect(told[0]?.measure.rising).toBe(true);
    const stopped = told.find(({ measure }) => !measure.rising);
    expect(stopped?.state).toBe('live');
    expect(told.at(-1)?.state).toBe('closed');
    expect(told.at(-1)?.at).toBeLessThan(at + 40 * minuteMs);
    expect(told.at(-1)?.measure).toMatchObject({ orders: 20, paidOrders: 20, accounts: 20 });
    expect(told.flatMap(({ addedPositions }) => addedPositions).toSorted((a, b) => a - b)).toEqual(
      first.map((_, index) => index + 1),
    );
    const again = at + 3 * hourMs;
    const second = run(
      scan,
      failure({ count: 20, from: again, until: again + 5 * minuteMs, seed: 12 }),
    );
    expect(second[0]?.state).toBe('live');
    expect(second[0]?.measure.since.getTime()).toBeGreaterThanOrEqual(again);
  });
});

describe('the state', () => {
  it('gives the same answers after being saved and restored anywhere', () => {
    const start = monday + 28 * dayMs;
    const drafts = [
      ...everyday(busyMinutes(7, fourPerSecond, 50_000)),
      ...failure({ count: 25, from: start + 20_000, until: start + 40_000, actor: job }),
    ].sort(byTime);
    const habits = smallShop(1);
    const whole = run(taught(habits), drafts);
    expect(whole.length).toBeGreaterThan(0);
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(drafts.length - 1), { maxLength: 3 }), (cuts) => {
        let scan = taught(habits);
        const told: Told[] = [];
        drafts.forEach((draft, index) => {
          if (cuts.includes(index)) scan = revived(scan);
          const updates = scan.observe({ ...draft, position: index + 1 });
          told.push(...updates.map((update) => ({ ...update, at: draft.at.getTime() })));
        });
        expect(told).toEqual(whole);
      }),
      { numRuns: 8 },
    );
  });

  it('of another version is refused', () => {
    const scan = new CancellationScan({ weeksPerFalsePage: 20 });
    expect(scan.restore({ version: 0 })).toBe(false);
    expect(scan.restore(JSON.parse(JSON.stringify(scan.save())))).toBe(true);
  });

  it('stays small and fast however many values an attribute has', () => {
    const scan = new CancellationScan({ weeksPerFalsePage: 20 });
    const drafts = everyday({ ...smallShop(10), cancelShare: 0.5 }).map((draft, index) => ({
      ...draft,
      attributes: { ...draft.attributes, build: `b${index}`, note: `n${index}` },
    }));
    const startedAt = performance.now();
    run(scan, drafts);
    const perEventMs = (performance.now() - startedAt) / drafts.length;
    expect(JSON.stringify(scan.save()).length).toBeLessThan(300_000);
    expect(perEventMs).toBeLessThan(5);
  });
});

describe('a gap', () => {
  it('is not learnt as a quiet time', () => {
    const habits = smallShop(11);
    const later = habits.until + 10 * dayMs;
    const told = failure({ count: 10, from: later, until: later + 2 * minuteMs });
    const withGap = taught(habits);
    const before = withGap.save();
    withGap.gap(new Date(later));
    const [found] = run(withGap, told);
    const straight = new CancellationScan({ weeksPerFalsePage: 20 });
    straight.restore(before);
    const [foundStraight] = run(straight, told);
    expect(found?.measure.learntDays).toBeCloseTo(28, 0);
    expect(foundStraight?.measure.learntDays).toBeCloseTo(38, 0);
  });

  it('or an event out of order does not turn time back', () => {
    const scan = taught(smallShop(12));
    const at = monday + 29 * dayMs;
    run(scan, failure({ count: 3, from: at, until: at + minuteMs }));
    const late = failure({ count: 8, from: at - hourMs, until: at - hourMs + minuteMs, seed: 5 });
    const told = run(scan, late);
    for (const { measure } of told) expect(measure.since.getTime()).toBeGreaterThanOrEqual(at);
  });
});

/** A new detector with the state of the old one, by way of JSON. */
function revived(scan: CancellationScan): CancellationScan {
  const next = new CancellationScan({ weeksPerFalsePage: 20 });
  expect(next.restore(JSON.parse(JSON.stringify(scan.save())))).toBe(true);
  return next;
}
