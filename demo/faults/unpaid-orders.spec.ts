import { FAULT_WAYS } from './fault-report.js';
import { rhythmOf } from './unpaid-orders.js';

describe('rhythmOf', () => {
  it.each(FAULT_WAYS)('keeps the burst by %s within half a minute, whatever the count', (way) => {
    for (const orders of [1, 10, 200, 5000]) {
      const { burst, trickle } = rhythmOf({ way, orders });
      const strikes = Math.ceil(orders / burst.size);
      expect(strikes * burst.everyMs).toBeLessThanOrEqual(30_000);
      expect(burst.size).toBeGreaterThanOrEqual(1);
      expect(trickle.everyMs).toBeGreaterThan(0);
    }
  });

  it('takes all orders in one statement by raw SQL, a few at once line by line, and single orders otherwise', () => {
    expect(rhythmOf({ way: 'sql', orders: 100 }).burst.size).toBe(100);
    expect(rhythmOf({ way: 'api', orders: 100 }).burst.size).toBe(1);
    expect(rhythmOf({ way: 'steps', orders: 100 }).burst.size).toBe(1);
    expect(rhythmOf({ way: 'lines', orders: 100 }).burst.size).toBe(4);
    expect(rhythmOf({ way: 'lines', orders: 3 }).burst.size).toBe(3);
  });

  it('is as quick as asked', () => {
    expect(rhythmOf({ way: 'api', orders: 10, burstMs: 500 }).burst.everyMs).toBe(50);
    expect(rhythmOf({ way: 'sql', orders: 10, burstMs: 800 }).burst.everyMs).toBe(800);
  });
});
