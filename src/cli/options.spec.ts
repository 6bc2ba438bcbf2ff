import { describe, expect, it } from '@jest/globals';
import { Command } from 'commander';
import { momentOf, momentOption, numberOption, pairsOption } from './options.js';

const now = new Date('2026-11-22T03:00:00Z');

describe('a moment', () => {
  it.each([
    ['now', '2026-11-22T03:00:00.000Z'],
    ['90s', '2026-11-22T02:58:30.000Z'],
    ['2h', '2026-11-22T01:00:00.000Z'],
    ['3d', '2026-11-19T03:00:00.000Z'],
    ['+15m', '2026-11-22T03:15:00.000Z'],
    ['2026-11-22', '2026-11-22T00:00:00.000Z'],
    ['2026-11-22T03:00:00Z', '2026-11-22T03:00:00.000Z'],
    ['2026-11-22T03:00:00+03:00', '2026-11-22T00:00:00.000Z'],
  ])('is %s', (written, moment) => {
    expect(momentOf(written, now)).toBe(moment);
  });

  it.each(['', 'soon', '2', '2w', '-2h', '1.5h', '22.11.2026', '2026-13-01', '2026-11-22 x'])(
    'is not "%s"',
    (written) => {
      expect(momentOf(written, now)).toBeUndefined();
    },
  );
});

describe('options', () => {
  function read(...args: string[]) {
    const command = new Command()
      .exitOverride()
      .configureOutput({ writeErr: () => undefined })
      .addOption(momentOption('--at <time>', 'when'))
      .addOption(numberOption('--days <days>', 'how long'))
      .addOption(pairsOption('--attribute <name=value>', 'which'));
    return command.parse(args, { from: 'user' }).opts();
  }

  it('are read as what they mean', () => {
    expect(read('--at', '2026-11-22', '--days', '7')).toEqual({
      at: '2026-11-22T00:00:00.000Z',
      days: 7,
    });
    expect(read('--attribute', 'channel=web', '--attribute', 'note=a=b')).toEqual({
      attribute: { channel: 'web', note: 'a=b' },
    });
  });

  it('are refused where they mean nothing', () => {
    expect(() => read('--at', 'soon')).toThrow('a time such as');
    expect(() => read('--days', '7.5')).toThrow('a whole number');
    expect(() => read('--attribute', '=web')).toThrow('name=value');
  });
});
