import { judgeStartFailure } from './start-failure.js';

describe('why a start failed', () => {
  it.each([
    'FATAL:  pre-existing shared memory block (key 1, ID 2) is still in use',
    'FATAL:  lock file "postmaster.pid" already exists',
  ])('passes by itself: %s', (said) => {
    expect(judgeStartFailure(said)).toBe('busy');
  });

  it('asks for another port', () => {
    const said = 'LOG:  could not bind IPv4 address "127.0.0.1": Address already in use';
    expect(judgeStartFailure(said)).toBe('port-taken');
  });

  it('needs a person otherwise', () => {
    expect(judgeStartFailure('FATAL:  unrecognized configuration parameter "x"')).toBe('fault');
    expect(judgeStartFailure('')).toBe('fault');
  });
});
