import { parsePostmasterFile } from './postmaster-file.js';

const whole = [
  '4711',
  '/var/lib/x',
  '1763841600',
  '15999',
  '',
  '127.0.0.1',
  '  11 22',
  'ready   ',
  '',
].join('\n');

describe('postmaster.pid', () => {
  it('tells process, start, port and status', () => {
    expect(parsePostmasterFile(whole)).toEqual({
      pid: 4711,
      startedAt: 1_763_841_600,
      port: 15_999,
      status: 'ready',
    });
  });

  it('has no status yet while the server writes it', () => {
    expect(parsePostmasterFile('4711\n/var/lib/x\n')).toMatchObject({ pid: 4711, status: '' });
  });

  it.each(['', '\n', 'x\ny', '0\n', '-3\n/x\n'])('names nobody in %j', (text) => {
    expect(parsePostmasterFile(text)).toBeUndefined();
  });
});
