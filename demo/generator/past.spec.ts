import { imaginePast, type PastOrder, type PastRequest } from './past.js';
import { rowsOf } from './past-rows.js';
import { customersOf } from './people.js';
import { seasonalTimes } from './season.js';

const now = new Date('2026-03-05T10:00:00Z');
const request: PastRequest = {
  seed: 'seed',
  customers: customersOf('seed', 300),
  now,
  days: 28,
  orders: 1500,
  recentMinutes: 5,
  recentOrdersPerSecond: 4,
  officeOrders: 60,
};
const DAY = 86_400_000;

function statusOf(past: PastOrder): unknown {
  return rowsOf(past, { orderId: 1, lineId: 1, number: 'S-1' }).order['status'];
}

describe('imaginePast', () => {
  const past = imaginePast(request);

  it('is the same for one seed', () => {
    expect(imaginePast(request)).toEqual(past);
  });

  it('lies in the past, and what is to come lies in the future', () => {
    for (const { happened, toCome } of past) {
      expect(happened.length).toBeGreaterThan(0);
      for (const event of happened) expect(event.at).toBeLessThanOrEqual(now.getTime());
      for (const event of toCome) expect(event.at).toBeGreaterThan(now.getTime());
    }
    expect(past.some(({ toCome }) => toCome.length > 0)).toBe(true);
  });

  it('leaves paid orders open, among them at least forty of the office buyer', () => {
    const paid = past.filter((order) => statusOf(order) === 'paid');
    const office = paid.filter(({ decision }) => decision.request.customerId === 1);
    expect(office.length).toBeGreaterThanOrEqual(40);
    expect(paid.length - office.length).toBeGreaterThan(300);
  });

  it('has the last minutes at the live rate', () => {
    const since = now.getTime() - 5 * 60_000;
    const recent = past.filter(({ happened }) => (happened[0]?.at ?? 0) >= since);
    expect(recent.length).toBeGreaterThan(1000);
    expect(recent.length).toBeLessThan(1400);
  });

  it("lets the shop's own job cancel what was never paid for a day, and nothing else", () => {
    for (const { happened } of past) {
      const cancelled = happened.find((event) => event.action === 'policy_cancel');
      if (cancelled === undefined) continue;
      const placed = happened.find((event) => event.action === 'place');
      expect(cancelled.at - (placed?.at ?? 0)).toBeGreaterThanOrEqual(DAY);
      expect(happened.some((event) => event.action === 'pay')).toBe(false);
    }
    const unpaid = past.filter((order) => statusOf(order) === 'pending_payment');
    const dueSoon = unpaid.filter(({ happened }) => {
      const age = now.getTime() - (happened[0]?.at ?? 0);
      return age > DAY - 15 * 60_000 && age <= DAY;
    });
    expect(dueSoon.length).toBeGreaterThanOrEqual(10);
  });
});

describe('seasonalTimes', () => {
  it('has quiet nights and busy evenings', () => {
    const to = now.getTime();
    const times = seasonalTimes({ seed: 'seed', count: 4000, from: to - 28 * DAY, to });
    expect(times).toHaveLength(4000);
    expect(times).toEqual([...times].sort((one, other) => one - other));
    const atHour = (hour: number): number =>
      times.filter((time) => new Date(time).getUTCHours() === hour).length;
    expect(atHour(19)).toBeGreaterThan(10 * Math.max(1, atHour(3)));
    expect(Math.min(...times)).toBeGreaterThanOrEqual(to - 28 * DAY);
    expect(Math.max(...times)).toBeLessThan(to);
  });
});
