import { assert } from '../../platform/assert.js';

/**
 * Exact arithmetic on numbers as PostgreSQL prints them (integer, numeric and plain floating point).
 * Amounts of shared counters are worked out with it, since JavaScript's numbers would round them.
 */
interface Decimal {
  readonly units: bigint;
  readonly scale: number;
}

const shape = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/;

/** True for text that is a finite number; `NaN`, `Infinity` and everything else are not. */
export function isDecimal(text: string): boolean {
  return shape.test(text);
}

/** The sum, in its shortest form; '0' for nothing. */
export function sumDecimals(texts: readonly string[]): string {
  return print(texts.map(parse).reduce(add, { units: 0n, scale: 0 }));
}

/** left - right */
export function subtractDecimals(left: string, right: string): string {
  return sumDecimals([left, oppositeDecimal(right)]);
}

export function oppositeDecimal(text: string): string {
  const { units, scale } = parse(text);
  return print({ units: -units, scale });
}

/** Below 0 when left is smaller, 0 when both are the same number ('1.0' and '1' are), above 0 otherwise. */
export function compareDecimals(left: string, right: string): number {
  const { units } = parse(subtractDecimals(left, right));
  return units < 0n ? -1 : units > 0n ? 1 : 0;
}

function parse(text: string): Decimal {
  const parts = shape.exec(text);
  assert(parts !== null, 'a decimal number was expected');
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = parts;
  const units = BigInt(`${sign === '-' ? '-' : ''}${whole}${fraction}`);
  const scale = fraction.length - Number.parseInt(exponent, 10);
  return scale >= 0 ? { units, scale } : { units: units * 10n ** BigInt(-scale), scale: 0 };
}

function add(left: Decimal, right: Decimal): Decimal {
  const scale = Math.max(left.scale, right.scale);
  return { units: widen(left, scale) + widen(right, scale), scale };
}

function widen({ units, scale }: Decimal, to: number): bigint {
  return units * 10n ** BigInt(to - scale);
}

function print({ units, scale }: Decimal): string {
  const sign = units < 0n ? '-' : '';
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, '');
  return fraction === '' ? `${sign}${whole}` : `${sign}${whole}.${fraction}`;
}
