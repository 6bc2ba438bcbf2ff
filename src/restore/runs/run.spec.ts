import {
  itemStates,
  judgeLimits,
  judgeStage,
  retryDelayMs,
  stageOf,
  type Counts,
  type RunLimits,
} from './run.js';

function counts(given: Partial<Counts>): Counts {
  return {
    ...(Object.fromEntries(itemStates.map((state) => [state, 0])) as unknown as Counts),
    ...given,
  };
}

const limits: RunLimits = {
  concurrency: 4,
  perHour: 100,
  stopAtFailureRate: 0.1,
  stopAtLockTimeouts: 3,
};
const tally = (final: number, failed: number, latestReasons: (string | null)[] = []) => ({
  final,
  failed,
  latestReasons,
});

describe('stages', () => {
  it('are one order, ten orders, and the rest', () => {
    expect([0, 1, 10, 11, 500].map(stageOf)).toEqual([0, 1, 1, 2, 2]);
  });

  it.each([
    ['pending', 'wait'],
    ['attempting', 'wait'],
    ['unknown', 'wait'],
    ['applied', 'wait'],
    ['verified', 'next-stage'],
  ] as const)('a canary that is %s makes the run %s', (state, expected) => {
    expect(judgeStage({ stage: 0, upToStage: counts({ [state]: 1 }), pendingBeyond: 9 })).toBe(
      expected,
    );
  });

  it('a refused canary proves nothing: the next order is the canary', () => {
    expect(judgeStage({ stage: 0, upToStage: counts({ refused: 1 }), pendingBeyond: 9 })).toBe(
      'next-canary',
    );
    expect(
      judgeStage({ stage: 0, upToStage: counts({ refused: 1, verified: 1 }), pendingBeyond: 9 }),
    ).toBe('next-stage');
  });

  it('ends when nothing is left', () => {
    expect(judgeStage({ stage: 0, upToStage: counts({ refused: 1 }), pendingBeyond: 0 })).toBe(
      'finished',
    );
    expect(
      judgeStage({ stage: 2, upToStage: counts({ verified: 40, failed: 1 }), pendingBeyond: 0 }),
    ).toBe('finished');
  });
});

describe('limits', () => {
  it.each([
    ['nothing was tried', tally(0, 0), undefined],
    ['the first failed', tally(1, 1), 'failure-rate'],
    ['one of ten failed', tally(10, 1), undefined],
    ['two of eleven failed', tally(11, 2), 'failure-rate'],
  ])('by failures: %s', (_name, given, expected) => {
    expect(judgeLimits(given, limits)).toBe(expected);
  });

  it.each([
    ['two in a row', ['locked', 'locked'], undefined],
    ['three in a row', ['locked', 'locked', 'locked'], 'lock-timeouts'],
    ['one went well in between', ['locked', null, 'locked', 'locked'], undefined],
    ['another reason in between', ['locked', 'timeout', 'locked'], undefined],
  ])('by lock time-outs: %s', (_name, reasons, expected) => {
    expect(judgeLimits(tally(0, 0, reasons), limits)).toBe(expected);
  });

  it('wait longer after each attempt, up to half a minute', () => {
    expect([1, 2, 3, 5, 9].map(retryDelayMs)).toEqual([1_000, 2_000, 4_000, 16_000, 30_000]);
  });
});
