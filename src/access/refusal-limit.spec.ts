import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../platform/clock.js';
import { Fault } from '../platform/errors.js';
import { networkOf, RefusalLimit } from './refusal-limit.js';

let clock: ManualClock;
let limit: RefusalLimit;
beforeEach(() => {
  clock = new ManualClock(new Date('2026-11-22T03:00:00Z'));
  limit = new RefusalLimit(clock);
});

function refuse(address: string, times: number): void {
  for (let time = 0; time < times; time += 1) limit.count(address);
}

describe('the limit on refused tokens', () => {
  it('lets an address slip a few times, then makes it wait, then lets it try again', () => {
    refuse('10.0.0.1', 19);
    expect(() => limit.check('10.0.0.1')).not.toThrow();
    refuse('10.0.0.1', 1);
    clock.advance(15_000);
    expect(() => limit.check('10.0.0.1')).toThrow('try again in 45 seconds');
    clock.advance(45_000);
    expect(() => limit.check('10.0.0.1')).not.toThrow();
    refuse('10.0.0.1', 1);
    expect(() => limit.check('10.0.0.1')).not.toThrow();
  });

  it('says for programs when to come back', () => {
    refuse('10.0.0.1', 20);
    try {
      limit.check('10.0.0.1');
      throw new Error('not refused');
    } catch (error) {
      expect(error).toBeInstanceOf(Fault);
      expect((error as Fault).details.data).toEqual({ retryAfterSeconds: 60 });
    }
  });

  it('counts nothing that was taken back, and its time has not begun', () => {
    const takeBack = Array.from({ length: 20 }, () => limit.count('10.0.0.1'));
    expect(() => limit.check('10.0.0.1')).toThrow('try again in 60 seconds');
    takeBack[0]!();
    expect(() => limit.check('10.0.0.1')).not.toThrow();
    for (const one of takeBack.slice(1)) one();
    clock.advance(30_000);
    refuse('10.0.0.1', 20);
    expect(() => limit.check('10.0.0.1')).toThrow('try again in 60 seconds');
  });

  it('takes back nothing from a later time', () => {
    const takeBack = limit.count('10.0.0.1');
    clock.advance(60_000);
    refuse('10.0.0.1', 20);
    takeBack();
    expect(() => limit.check('10.0.0.1')).toThrow('try again in 60 seconds');
  });

  it('takes no address for another', () => {
    refuse('10.0.0.1', 20);
    expect(() => limit.check('10.0.0.2')).not.toThrow();
  });

  it('forgets the oldest address rather than grow without end', () => {
    refuse('10.0.0.1', 20);
    for (let n = 0; n < 10_000; n += 1) limit.count(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}x`);
    expect(() => limit.check('10.0.0.1')).not.toThrow();
  });

  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:0db8:1::6', '2001:db8:1:0'],
    ['2001:db8::', '2001:db8:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['::1', '0:0:0:0'],
  ])('knows %s as %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});
