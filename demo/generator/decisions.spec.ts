import { PRODUCTS } from '../shop/catalogue.js';
import { type Decision, decideOfficeOrder, decideOrder } from './decisions.js';
import { LIVE_PACE, lifeOf, USUAL_PACE } from './life.js';
import { customersOf, OFFICE_BUYER_ID } from './people.js';

const customers = customersOf('seed', 300);
const at = new Date('2026-03-05T10:00:00Z');

function decide(count: number, seed = 'seed'): Decision[] {
  return Array.from({ length: count }, (_, index) => decideOrder({ seed, customers, index, at }));
}

describe('decideOrder', () => {
  it('decides the same for one seed and index, whatever was decided before', () => {
    const [, , third] = decide(3);
    expect(decideOrder({ seed: 'seed', customers, index: 2, at })).toEqual(third);
    expect(decide(50)).toEqual(decide(50));
    expect(decide(50)).not.toEqual(decide(50, 'another seed'));
  });

  it('lets about 3 % of the orders be cancelled by customers and staff', () => {
    const cancelled = decide(6000).filter(({ intention }) => intention.endsWith('_cancel'));
    expect(cancelled.length / 6000).toBeGreaterThan(0.023);
    expect(cancelled.length / 6000).toBeLessThan(0.037);
  });

  it('orders existing products, each once, for many different customers', () => {
    const requests = decide(1000).map(({ request }) => request);
    for (const { lines } of requests) {
      const products = lines.map((line) => line.productId);
      expect(new Set(products).size).toBe(products.length);
      expect(Math.min(...products)).toBeGreaterThanOrEqual(1);
      expect(Math.max(...products)).toBeLessThanOrEqual(PRODUCTS.length);
      expect(lines.every((line) => line.quantity >= 1)).toBe(true);
    }
    const buyers = new Set(requests.map(({ customerId }) => customerId));
    expect(buyers.size).toBeGreaterThan(250);
    expect(buyers.has(OFFICE_BUYER_ID)).toBe(false);
  });

  it('gives every order that shall be reduced something to reduce', () => {
    const reduced = decide(3000).filter(({ intention }) => intention === 'reduce');
    expect(reduced.length).toBeGreaterThan(5);
    for (const { request } of reduced) {
      expect(request.lines.some((line) => line.quantity > 1)).toBe(true);
    }
  });

  it('decides for the office buyer when asked for it', () => {
    const decision = decideOfficeOrder({ seed: 'seed', customers, index: 1, at });
    expect(decision.request.customerId).toBe(OFFICE_BUYER_ID);
    expect(decision.intention).toBe('keep');
  });
});

describe('customersOf', () => {
  it('invents people with reserved mail addresses and telephone numbers', () => {
    expect(new Set(customers.map(({ email }) => email)).size).toBe(customers.length);
    for (const { email, phone } of customers) {
      expect(email).toMatch(/^[a-z]+\.?[a-z]*\d*@([a-z]+\.)?example(\.org)?$/);
      if (phone !== null) expect(phone).toMatch(/^\+49 \d+ \d+ \d{3}$/);
    }
  });
});

describe('lifeOf', () => {
  it.each([
    ['usual', USUAL_PACE],
    ['live', LIVE_PACE],
  ])('tells each life in time order, at the %s pace', (_name, pace) => {
    for (const decision of decide(2000)) {
      const life = lifeOf(decision, { startsAt: 1000, pace });
      const times = life.map((event) => event.at);
      expect(times).toEqual([...times].sort((one, other) => one - other));
      expect(life[0]?.at).toBe(1000);
      const actions = life.map((event) => event.action);
      expect(actions.includes('pay')).toBe(
        !['never_pay', 'leave_cart'].includes(decision.intention),
      );
      expect(actions.includes('refund')).toBe(decision.intention.endsWith('_cancel'));
    }
  });
});
