import { judgeLeftover, type LeftoverFacts } from './leftovers.js';

const facts: LeftoverFacts = {
  state: 'attempting',
  transactionNoted: true,
  echoed: false,
  server: undefined,
};

describe('an attempt that was cut off', () => {
  it.each([
    ['without a note was not committed', { transactionNoted: false }, 'not-applied'],
    ['that the server committed is applied', { server: 'committed' }, 'applied'],
    ['that the server rolled back is not', { server: 'aborted' }, 'not-applied'],
    ['that the server still works on waits', { server: 'in-progress' }, 'wait'],
    ['of which the server knows nothing is unknown', { server: 'unknown' }, 'unknown'],
    ['whose server does not answer is unknown', {}, 'unknown'],
    ['that stays unknown is not tried again', { state: 'unknown', server: 'unknown' }, 'wait'],
    [
      'that was unknown and turns out committed is applied',
      { state: 'unknown', server: 'committed' },
      'applied',
    ],
    [
      'that was unknown and turns out rolled back is not',
      { state: 'unknown', server: 'aborted' },
      'not-applied',
    ],
    [
      'whose marker arrived is applied, whatever the server says',
      { state: 'unknown', server: 'unknown', echoed: true },
      'applied',
    ],
  ] as const)('%s', (_name, given, expected) => {
    expect(judgeLeftover({ ...facts, ...given })).toBe(expected);
  });
});
