import { describe, expect, it } from '@jest/globals';
import { CancellationScan } from '../../../src/detection/detectors/cancellation-scan.js';
import {
  busyMinutes,
  byTime,
  daily,
  dayMs,
  everyday,
  failure,
  fourPerSecond,
  hourMs,
  job,
  minuteMs,
  monday,
  run,
  smallShop,
  taught,
} from '../../support/made-shop.js';

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
