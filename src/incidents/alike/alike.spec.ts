import { describe, expect, it } from '@jest/globals';
import { earliest, harmKey, reachMs, type Harm } from './alike.js';

const at = (hour: number) => new Date(Date.UTC(2026, 10, 22, hour));
const harm = (given: Partial<Harm>): Harm => ({
  ...{ actorKind: 'job', actor: 'unpaid-orders', reason: 'payment not received' },
  ...{ from: at(12), until: at(13) },
  ...given,
});

describe('how far a harm reaches', () => {
  it('is a day for a job, minutes for a person or raw SQL, and nothing where too little is known', () => {
    expect(reachMs(harm({}))).toBe(24 * 3_600_000);
    expect(reachMs(harm({ actorKind: 'unknown', actor: null, reason: null }))).toBe(600_000);
    expect(reachMs(harm({ actorKind: 'api' }))).toBe(600_000);
    expect(reachMs(harm({ actorKind: 'staff' }))).toBe(600_000);
    expect(reachMs(harm({ actorKind: 'api', reason: null }))).toBe(0);
    expect(reachMs(harm({ actorKind: 'customer' }))).toBe(0);
  });

  it('begins with the earliest of several, each by its own measure', () => {
    const staff = harm({ actorKind: 'staff', from: at(1) });
    expect(earliest([harm({}), staff])).toEqual(new Date(Date.UTC(2026, 10, 21, 12)));
    expect(earliest([staff])).toEqual(new Date(Date.UTC(2026, 10, 22, 0, 50)));
  });
});

describe('the key of a harm', () => {
  it('is of who and why, not of when', () => {
    expect(harmKey(harm({ until: at(20) }))).toBe(harmKey(harm({})));
    expect(harmKey(harm({ actor: null }))).not.toBe(harmKey(harm({})));
  });
});
