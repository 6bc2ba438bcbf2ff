import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CancellationScan } from '../../../src/detection/detectors/cancellation-scan.js';
import {
  busyMinutes,
  byTime,
  dayMs,
  everyday,
  failure,
  fourPerSecond,
  hourMs,
  job,
  minuteMs,
  monday,
  run,
  secondMs,
  smallShop,
  taught,
  type Told,
} from '../../support/made-shop.js';

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

  it('stays small however many values an attribute has', () => {
    const scan = new CancellationScan({ weeksPerFalsePage: 20 });
    const drafts = everyday({ ...smallShop(10), cancelShare: 0.5 }).map((draft, index) => ({
      ...draft,
      attributes: { ...draft.attributes, build: `b${index}`, note: `n${index}` },
    }));
    run(scan, drafts);
    expect(JSON.stringify(scan.save()).length).toBeLessThan(300_000);
  });
});

describe('a shop of which little is known', () => {
  it('has a failure right after its first rush of orders noticed: the rush explains none of it', () => {
    for (let seed = 1; seed <= 4; seed += 1) {
      const rush = everyday({
        ...{ seed, from: monday, until: monday + 20 * secondMs, rate: () => 4 * 3_600 },
        ...{ cancelShare: 0, lagMs: minuteMs },
      });
      const start = monday + 25 * secondMs;
      const faulty = failure({ count: 10, from: start, until: start + 10 * secondMs, seed });
      const told = run(new CancellationScan({ weeksPerFalsePage: 20 }), [...rush, ...faulty]);
      expect(told[0]?.state).toBe('live');
      expect(told.at(-1)?.measure.orders).toBe(10);
    }
  });

  it('may have its first sale in its second week without anything being raised', () => {
    for (let seed = 1; seed <= 6; seed += 1) {
      const sale = monday + 10 * dayMs;
      const before = everyday({ ...smallShop(seed), until: sale });
      const rate = (at: number): number => (at - sale < 30_000 ? 4 : 20) * 3_600;
      const during = everyday({
        ...{ seed: seed + 40, from: sale, until: sale + 90 * secondMs, rate },
        ...{ cancelShare: 0.034, lagMs: 20 * secondMs },
      });
      expect(run(new CancellationScan({ weeksPerFalsePage: 20 }), [...before, ...during])).toEqual(
        [],
      );
    }
  });
});

describe('a finding that is seen in a narrower slice', () => {
  it('keeps what it had taken in, and stays the only one', () => {
    const at = monday + 29 * dayMs + 10 * hourMs;
    // who did it is written a moment after each cancellation
    const bare = { actor: { actor_kind: 'unknown' } };
    const coincidence = failure({
      ...{ count: 4, from: at, until: at + minuteMs, seed: 21 },
      ...bare,
    });
    const faulty = failure({
      ...{ count: 14, from: at + 20 * secondMs, until: at + 90 * secondMs, seed: 22 },
      ...bare,
    });
    const clarified = [
      ...coincidence.map((draft) => ({ draft, actor: { actor_kind: 'customer' } })),
      ...faulty.map((draft) => ({ draft, actor: { actor_kind: 'api', actor: 'erp-sync' } })),
    ].map(({ draft, actor }) => ({
      ...draft,
      kind: 'clarified' as const,
      at: new Date(draft.at.getTime() + 40 * secondMs),
      attributes: actor,
    }));
    const drafts = [...coincidence, ...faulty, ...clarified];
    const told = run(taught(smallShop(15)), drafts);
    const named = told.flatMap(({ addedPositions }) => addedPositions);
    expect(new Set(named).size).toBe(named.length);
    const ofFailure = drafts
      .toSorted(byTime)
      .flatMap((draft, index) => (faulty.includes(draft) ? [index + 1] : []));
    expect(named).toEqual(expect.arrayContaining(ofFailure));
    expect(new Set(told.map(({ fingerprint }) => fingerprint)).size).toBe(1);
  });
});

describe('a failure of thousands', () => {
  it('is taken in as one finding with all its orders', () => {
    const at = monday + 29 * dayMs;
    const faulty = failure({
      ...{ count: 4_000, from: at, until: at + 10 * minuteMs },
      actor: { actor_kind: 'job', actor: 'unpaid-orders', reason: 'never paid' },
    });
    const scan = taught(smallShop(16));
    const told = run(scan, faulty);
    expect(new Set(told.map(({ fingerprint }) => fingerprint)).size).toBe(1);
    expect(told.at(-1)?.measure).toMatchObject({ orders: 4_000, accounts: 4_000 });
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

  it('within a failure is said in its finding, and is no quiet', () => {
    const scan = taught(smallShop(11));
    const at = monday + 29 * dayMs;
    const failed = failure({ count: 12, from: at, until: at + 2 * minuteMs });
    const [first] = run(scan, failed);
    expect(first?.measure.gap).toBeNull();
    const from = failed.at(-1)?.at;
    const until = new Date(at + 60 * minuteMs);
    const [said] = scan.gap(until);
    expect(said).toMatchObject({ state: 'live', measure: { gap: { from, until } } });
    expect(scan.tick(new Date(until.getTime() + minuteMs)).filter(isClosed)).toEqual([]);
    expect(scan.tick(new Date(until.getTime() + hourMs)).filter(isClosed)).toHaveLength(1);
  });

  it('shortly before a failure is said, too', () => {
    const scan = taught(smallShop(11));
    const at = monday + 29 * dayMs;
    run(scan, failure({ count: 1, from: at, until: at }));
    scan.gap(new Date(at + 2 * secondMs));
    const told = run(scan, failure({ count: 12, from: at + 3 * secondMs, until: at + minuteMs }));
    expect(told.at(-1)?.measure.gap?.until).toEqual(new Date(at + 2 * secondMs));
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

function isClosed({ state }: { state: 'live' | 'closed' }): boolean {
  return state === 'closed';
}

/** A new detector with the state of the old one, by way of JSON. */
function revived(scan: CancellationScan): CancellationScan {
  const next = new CancellationScan({ weeksPerFalsePage: 20 });
  expect(next.restore(JSON.parse(JSON.stringify(scan.save())))).toBe(true);
  return next;
}
