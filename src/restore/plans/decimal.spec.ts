import fc from 'fast-check';
import {
  compareDecimals,
  isDecimal,
  oppositeDecimal,
  subtractDecimals,
  sumDecimals,
} from './decimal.js';

const decimals = fc
  .tuple(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.integer({ min: 0, max: 12 }))
  .map(([units, scale]) => {
    const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
    const point = digits.length - scale;
    const text = scale === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`;
    return units < 0n ? `-${text}` : text;
  });

describe('decimals on text', () => {
  it('adds without rounding what JavaScript would round', () => {
    expect(sumDecimals(['0.1', '0.2'])).toBe('0.3');
    expect(sumDecimals(['9007199254740993', '1'])).toBe('9007199254740994');
    expect(sumDecimals([])).toBe('0');
  });

  it('reads what PostgreSQL prints for floating point', () => {
    expect(sumDecimals(['1e+20', '-1'])).toBe('99999999999999999999');
    expect(sumDecimals(['2.5e-3'])).toBe('0.0025');
  });

  it('gives the shortest form and no negative zero', () => {
    expect(sumDecimals(['1.50', '0.50'])).toBe('2');
    expect(oppositeDecimal('0.00')).toBe('0');
    expect(subtractDecimals('-0.05', '0.05')).toBe('-0.1');
  });

  it('knows what is no number', () => {
    expect(['NaN', 'Infinity', '', '1,5', 'a', '1.', '.5'].filter(isDecimal)).toEqual([]);
    expect(() => sumDecimals(['NaN'])).toThrow('decimal number');
  });

  it('takes away what was added, and compares accordingly', () => {
    fc.assert(
      fc.property(decimals, decimals, (left, right) => {
        const sum = sumDecimals([left, right]);
        expect(compareDecimals(subtractDecimals(sum, right), left)).toBe(0);
        expect(compareDecimals(sum, left)).toBe(compareDecimals(right, '0'));
        expect(compareDecimals(left, right)).toBe(0 - compareDecimals(right, left) + 0);
      }),
    );
  });
});
