import {
  itemStates,
  judgeLimits,
  judgeStage,
  retryDelayMs,
  stageOf,
  onlyUnprovenLeft,
  tallyOf,
  type ItemState,
  type ItemTally,
  type RunLimits,
  type StageCount,
} from './run.js';

/** Items of stage 0 by state, and how many of the applied ones are so by a person's word. */
function stages(given: Partial<Record<ItemState, number>>, settled = 0): StageCount[] {
  return itemStates.map((state) => ({
    stage: 0,
    state,
    count: given[state] ?? 0,
    settled: state === 'applied' ? settled : 0,
  }));
}

const counts = (given: Partial<Record<ItemState, number>>, settled = 0): ItemTally =>
  tallyOf(stages(given, settled));

const limits: RunLimits = {
  concurrency: 4,
  perHour: 100,
  stopAtFailureRate: 0.1,
  stopAtLockTimeouts: 3,
};
const tally = (endedOrders: number, failedOrders: number, lockedInRow = 0) => ({
  endedOrders,
  failedOrders,
  lockedInRow,
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

describe('orders without proof', () => {
  const running = { state: 'running', stage: 0 } as const;

  it('are what a run waits for once nothing else is left in its stage', () => {
    const beyond: StageCount = { stage: 1, state: 'pending', count: 9, settled: 0 };
    expect(onlyUnprovenLeft(running, [...stages({ unknown: 1, verified: 2 }), beyond])).toBe(true);
    expect(onlyUnprovenLeft(running, stages({ unknown: 1, pending: 1 }))).toBe(false);
    expect(onlyUnprovenLeft(running, stages({ unknown: 1, attempting: 1 }))).toBe(false);
    expect(onlyUnprovenLeft(running, stages({ verified: 3 }))).toBe(false);
    expect(
      onlyUnprovenLeft({ state: 'stopped', stage: 0 }, stages({ unknown: 1, pending: 4 })),
    ).toBe(true);
  });

  it('are those, too, that were written and not seen in the stream, unless a person has settled them', () => {
    expect(onlyUnprovenLeft(running, stages({ applied: 2, verified: 1 }))).toBe(true);
    expect(onlyUnprovenLeft(running, stages({ applied: 2, unknown: 1 }))).toBe(true);
    const settled: StageCount = { stage: 0, state: 'applied', count: 2, settled: 2 };
    expect(onlyUnprovenLeft(running, [settled])).toBe(false);
  });

  it('that a person has settled hold the run up no longer, but prove no plan', () => {
    const settled = counts({ applied: 1 }, 1);
    expect(judgeStage({ stage: 0, upToStage: settled, pendingBeyond: 0 })).toBe('finished');
    expect(judgeStage({ stage: 0, upToStage: settled, pendingBeyond: 3 })).toBe('next-canary');
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
    ['two in a row', 2, undefined],
    ['three in a row', 3, 'lock-timeouts'],
  ])('by lock time-outs: %s', (_name, lockedInRow, expected) => {
    expect(judgeLimits(tally(0, 0, lockedInRow), limits)).toBe(expected);
  });

  it('wait longer after each attempt, up to half a minute', () => {
    const after = (attempts: number, attemptsMax: number) =>
      retryDelayMs({ attempts, attemptsMax });
    expect([1, 2, 3, 5].map((attempts) => after(attempts, 5))).toEqual([
      1_000, 2_000, 4_000, 16_000,
    ]);
    expect(after(5, 4)).toBe(30_000);
    // a round begun anew by a person, and claims that were put back
    expect([after(6, 10), after(3, 7)]).toEqual([1_000, 1_000]);
  });
});
