import { describe, expect, it } from '@jest/globals';
import { HistoryCheck, HistoryDiffers } from './history-check.js';
import type { SourceTransaction } from './source-transaction.js';

const committedAt = '2026-11-22T03:00:00.000001Z';
const last = { endLsn: '0/300', transactionId: 7, committedAt };

function sent(endLsn: string, given: Partial<SourceTransaction> = {}): SourceTransaction {
  const change = {
    kind: 'truncate',
    relations: [],
  } as unknown as SourceTransaction['changes'][number];
  return {
    ...{
      commitLsn: endLsn,
      endLsn,
      transactionId: 7,
      committedAt,
      changes: [change],
      messages: [],
    },
    ...given,
  };
}

const check = (from: string, known: typeof last | null = last) =>
  new HistoryCheck({ from, upTo: '0/500', last: known });

describe('a server that sends again what was journalled', () => {
  it('is the one it was, where the newest written transaction comes again', () => {
    const history = check('0/100');
    expect(history.over).toBe(false);
    expect(history.repeats(sent('0/200', { transactionId: 6 }))).toBe(true);
    expect(history.repeats(sent('0/300'))).toBe(true);
    // nothing of ours was in it
    expect(history.repeats(sent('0/400', { changes: [] }))).toBe(true);
    expect(history.over).toBe(false);
    expect(history.repeats(sent('0/600'))).toBe(false);
    expect(history.over).toBe(true);
  });

  it('need not send it where its slot stands after it', () => {
    const history = check('0/300');
    history.passed('0/500');
    expect(history.over).toBe(true);
    expect(check('0/500').over).toBe(true);
  });

  it.each([
    ['another transaction stands there', sent('0/300', { transactionId: 8 })],
    ['it was committed at another time', sent('0/300', { committedAt: 'later' })],
    ['something was done where nothing had been', sent('0/400')],
    ['it is passed over', sent('0/600')],
    ['it is passed over by nothing of ours', sent('0/510', { changes: [] })],
  ])('is another one where %s', (_what, transaction) => {
    expect(() => check('0/100').repeats(transaction)).toThrow(HistoryDiffers);
  });

  it('is another one where it has come past it without', () => {
    const history = check('0/100');
    history.passed('0/2FF');
    expect(() => history.passed('0/300')).toThrow(HistoryDiffers);
    expect(() => check('0/300').repeats(sent('0/400'))).toThrow(HistoryDiffers);
  });

  it('is taken as it is where the newest is not known', () => {
    const history = check('0/100', null);
    expect(history.over).toBe(true);
    expect(history.repeats(sent('0/400'))).toBe(true);
    history.passed('0/600');
  });
});
