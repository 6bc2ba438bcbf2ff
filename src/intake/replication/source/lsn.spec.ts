import fc from 'fast-check';
import { bytesBetween, isLater, lsnText, lsnValue } from './lsn.js';

describe('log sequence numbers', () => {
  it('are read and written as PostgreSQL does', () => {
    expect(lsnValue('0/16B3748')).toBe(0x16b3748n);
    expect(lsnValue('1A/0')).toBe(0x1a00000000n);
    expect(lsnText(0x1a00000000n)).toBe('1A/0');
    expect(() => lsnValue('16B3748')).toThrow('not a log sequence number');
    expect(() => lsnValue('0/xyz')).toThrow('not a log sequence number');
  });

  it('come back from text as they were', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
        expect(lsnValue(lsnText(value))).toBe(value);
      }),
    );
  });

  it('are compared as numbers, not as text', () => {
    expect(isLater('0/10', '0/9')).toBe(true);
    expect(isLater('0/9', '0/9')).toBe(false);
    expect(isLater('A/0', '9/FFFFFFFF')).toBe(true);
    expect(bytesBetween('0/FFFFFFF0', '1/10')).toBe(32);
    expect(bytesBetween('1/10', '0/FFFFFFF0')).toBe(0);
  });
});
