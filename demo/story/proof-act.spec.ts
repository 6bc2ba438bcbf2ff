import { describe, expect, it } from '@jest/globals';
import { isProven } from './proof-act.js';

const check = { name: 'a check', holds: true, examined: 3, violationCount: 0, violations: [] };
const report = { holds: true, checks: [check, { ...check, name: 'another' }] };
const counts = { struck: 12, restored: 12 };

describe('the demo ends well', () => {
  it('where every check holds and every order is back', () => {
    expect(isProven(report, counts)).toBe(true);
  });

  it.each([
    ['a check fails', { ...report, holds: false }, counts],
    ['a check looked at nothing', { ...report, checks: [{ ...check, examined: 0 }] }, counts],
    ['an order is not back', report, { struck: 12, restored: 11 }],
    ['more came back than were struck', report, { struck: 12, restored: 13 }],
    ['nothing was struck', report, { struck: 0, restored: 0 }],
  ])('not where %s', (_, of, counted) => {
    expect(isProven(of, counted)).toBe(false);
  });
});
