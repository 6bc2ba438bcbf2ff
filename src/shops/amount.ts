import { Fault } from '../platform/errors.js';
import { minorUnitDigits } from '../platform/money.js';

export interface AmountUnit {
  readonly unit: 'minor' | 'major';
  /** ISO 4217 */
  readonly currency: string;
}

/**
 * An amount as PostgreSQL prints it, in minor units, by exact decimal arithmetic. Where the shop keeps
 * more decimals than the currency has, it is rounded half away from zero.
 * @throws Fault `amount-unreadable` for text that is no amount, or one too big to be counted exactly
 */
export function minorUnits(text: string, { unit, currency }: AmountUnit): number {
  const parts = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  if (parts === null) throw unreadable();
  const [, sign = '', whole = '0', fraction = ''] = parts;
  const digits = unit === 'minor' ? 0 : currencyDigits(currency);
  const kept = BigInt(whole + fraction.slice(0, digits).padEnd(digits, '0'));
  const roundsUp = (fraction[digits] ?? '0') >= '5';
  const amount = Number(roundsUp ? kept + 1n : kept);
  if (!Number.isSafeInteger(amount)) throw unreadable();
  return sign === '-' && amount !== 0 ? -amount : amount;
}

/** A shop may name a currency that is none; then two decimals are the best guess, as CLDR's own default. */
function currencyDigits(currency: string): number {
  return /^[A-Za-z]{3}$/.test(currency) ? minorUnitDigits(currency.toUpperCase()) : 2;
}

function unreadable(): Fault {
  return new Fault(
    'invalid',
    'amount-unreadable',
    'an amount column holds something that is no amount; the profile may name the wrong column',
  );
}
