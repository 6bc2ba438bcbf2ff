import {
  judgeArrivals,
  judgeBleeding,
  lsnNumber,
  requiredSilenceMs,
  type BleedingFacts,
} from './bleeding.js';

const start = Date.parse('2026-01-01T03:00:00Z');
const at = (seconds: number): Date => new Date(start + seconds * 1000);

function facts(given: Partial<BleedingFacts> = {}): BleedingFacts {
  return {
    now: at(100),
    seenAt: [at(0), at(3), at(6)],
    settleMs: 5_000,
    stream: { state: 'streaming', confirmedLsn: '0/2000', incarnation: '7312/1/4' },
    shop: { lsn: '0/2000', incarnation: '7312/1' },
    ...given,
  };
}

describe('bleeding', () => {
  it('has stopped after a few mean gaps of silence, when the journal has caught up', () => {
    expect(judgeBleeding(facts())).toEqual({
      bleeding: false,
      lastSeenAt: at(6),
      requiredMs: 12_000,
    });
  });

  it('goes on within a few mean gaps, and says when it may be over', () => {
    expect(judgeBleeding(facts({ now: at(17) }))).toMatchObject({
      bleeding: true,
      cause: 'still-arriving',
      mayBeOverAt: at(18),
      sentence:
        'the last matching cancellation came 11.0 s ago; 12.0 s of silence are asked for (3 so far)',
    });
    expect(judgeBleeding(facts({ now: at(18.001) }))).toMatchObject({ bleeding: false });
  });

  it('goes on when the clock of the shop is ahead of ours', () => {
    expect(judgeBleeding(facts({ now: at(0) }))).toMatchObject({ bleeding: true });
  });

  it('does not take a stalled stream for quiet', () => {
    const behind = facts({ shop: { lsn: '0/2001', incarnation: '7312/1' } });
    expect(judgeBleeding(behind)).toMatchObject({
      bleeding: true,
      cause: 'stream-behind',
      mayBeOverAt: null,
    });
  });

  it.each([
    ['never attached', { stream: undefined }, 'stream-not-running'],
    [
      'interrupted',
      { stream: { state: 'interrupted', confirmedLsn: '0/9', incarnation: 'i' } },
      'stream-not-running',
    ],
    ['shop gone', { shop: undefined }, 'shop-unreachable'],
    ['another timeline', { shop: { lsn: '0/1', incarnation: '7312/2' } }, 'stream-behind'],
    [
      'another server that begins alike',
      { shop: { lsn: '0/1', incarnation: '731' } },
      'stream-behind',
    ],
  ])('does not take it for quiet when nothing can be seen: %s', (_name, given, cause) => {
    expect(judgeBleeding(facts(given))).toMatchObject({ bleeding: true, cause });
  });

  it('asks for the settle time at least, also where all came at once', () => {
    expect(requiredSilenceMs([0, 0, 0], 5_000)).toBe(5_000);
    expect(requiredSilenceMs([], 5_000)).toBe(5_000);
  });

  it('waits for a scheduled job to leave out a burst', () => {
    const bursts = [0, 60_000, 120_000].flatMap((minute) => Array<number>(50).fill(minute));
    expect(requiredSilenceMs(bursts, 5_000)).toBe(150_000);
  });

  it('waits for a few mean gaps, however slow the drip', () => {
    const hour = 3_600_000;
    expect(requiredSilenceMs([0, 2 * hour], 5_000)).toBe(8 * hour);
    expect(requiredSilenceMs([0, 0.5 * hour, hour], 5_000)).toBe(2 * hour);
  });

  it('waits no longer than an hour for a burst to be left out, beside the gaps', () => {
    const hour = 3_600_000;
    const nightly = [0, 24 * hour].flatMap((night) => Array<number>(200).fill(night));
    expect(requiredSilenceMs(nightly, 5_000)).toBe(hour);
  });

  it('reads log positions as numbers', () => {
    expect(lsnNumber('16/B374D848') - lsnNumber('15/FFFFFFFF')).toBe(0xb374d849n);
  });
});

describe('cancellations during a run', () => {
  const arrived = (verdict: 'wrongful' | 'unsure' | null, settled: boolean, seconds = 100) => ({
    position: 1,
    at: at(seconds),
    verdict,
    settled,
  });

  it.each([
    ['none came', [], 'none'],
    ['a wrongful one came', [arrived('wrongful', false)], 'stop'],
    ['one came of which nobody can tell', [arrived('unsure', true)], 'stop'],
    ['one is still being judged', [arrived('unsure', false)], 'hold'],
    ['one has no case yet', [arrived(null, true)], 'hold'],
    ['one has had no case for too long', [arrived(null, true, 30)], 'stop'],
    ['one of two is wrongful', [arrived(null, true), arrived('wrongful', true)], 'stop'],
  ] as const)('%s', (_name, arrivals, expected) => {
    expect(judgeArrivals(arrivals, { now: at(100), settleMs: 5_000 })).toBe(expected);
  });

  it('are being judged for as long as the shop may still write who did it', () => {
    const given = { now: at(100), settleMs: 71_000 };
    expect(judgeArrivals([arrived(null, true, 30)], given)).toBe('hold');
  });
});
