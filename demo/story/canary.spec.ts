import { describe, expect, it } from '@jest/globals';
import type { RunItem } from './api-types.js';
import { canaryFault } from './canary.js';

const at = (second: number) => new Date(Date.UTC(2026, 10, 22, 3, 0, second)).toISOString();
const item = (orderId: string, given: Partial<RunItem> = {}): RunItem => ({
  ...{ orderId, orderNumber: `S-${orderId}`, stage: 1, appliedAt: at(5), verifiedAt: at(6) },
  ...given,
});
const canary = item('1', { stage: 0, appliedAt: at(1), verifiedAt: at(2) });

describe('a canary', () => {
  it('is one order that is verified before the others are restored', () => {
    expect(canaryFault([canary, item('2'), item('3', { stage: 2 })])).toBeUndefined();
    expect(canaryFault([canary])).toBeUndefined();
    // left to people in the meantime
    expect(canaryFault([canary, item('2', { appliedAt: null })])).toBeUndefined();
  });

  it('is none where there are two, or there is none', () => {
    const other = item('2', { stage: 0 });
    expect(canaryFault([canary, other])).toMatch(/^2 orders were restored first/);
    expect(canaryFault([item('2')])).toMatch(/^0 orders/);
  });

  it('is none where it was not verified, or later than another was restored', () => {
    expect(canaryFault([{ ...canary, verifiedAt: null }])).toMatch(/never verified/);
    expect(canaryFault([canary, item('2', { appliedAt: at(2) }), item('3')])).toBe(
      'orders 2 were restored before the canary was verified',
    );
  });
});
