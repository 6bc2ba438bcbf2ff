import { describe, expect, it } from '@jest/globals';
import { readOptions, UsageError } from './options.js';

describe('the arguments of the demo', () => {
  it('have defaults', () => {
    expect(readOptions([])).toEqual({
      once: false,
      way: 'api',
      orders: 12,
      seed: '1',
      noFailure: false,
    });
  });

  it('are taken', () => {
    expect(
      readOptions(['--once', '--way', 'sql', '--orders', '40', '--seed', 'x', '--no-failure']),
    ).toEqual({
      once: true,
      way: 'sql',
      orders: 40,
      seed: 'x',
      noFailure: true,
    });
  });

  it.each([
    [['--way', 'mail'], '--way is one of api, sql, steps, lines, not "mail"'],
    [['--orders', '0'], '--orders is a whole number from 1 to 500, not "0"'],
    [['--orders', 'ten'], '--orders is a whole number from 1 to 500, not "ten"'],
    [['--twice'], 'twice'],
  ])('%j is refused in words', (args, words) => {
    expect(() => readOptions(args)).toThrow(UsageError);
    expect(() => readOptions(args)).toThrow(words);
  });

  it('--help asks for the text', () => {
    expect(readOptions(['--help'])).toBeUndefined();
  });
});
