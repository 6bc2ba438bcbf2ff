import { describe, expect, it } from '@jest/globals';
import { formatMoney, minorUnitDigits, money, sumByCurrency } from './money.js';

describe('money', () => {
  it.each([
    ['EUR', 123_450, 'EUR 1,234.50'],
    ['JPY', 1_234, 'JPY 1,234'],
    ['KWD', 1_234, 'KWD 1.234'],
    ['EUR', -5, 'EUR -0.05'],
  ])('%s %d reads %s', (currency, amountMinor, text) => {
    expect(formatMoney(money(amountMinor, currency))).toBe(text);
  });

  it('knows the places of a currency', () => {
    expect(['EUR', 'JPY', 'KWD'].map(minorUnitDigits)).toEqual([2, 0, 3]);
  });

  it('never adds up different currencies', () => {
    expect(sumByCurrency([money(1, 'EUR'), money(2, 'USD'), money(3, 'EUR')])).toEqual([
      money(4, 'EUR'),
      money(2, 'USD'),
    ]);
  });

  it.each([0.5, Number.NaN, 2 ** 53])('refuses %d as an amount', (amount) => {
    expect(() => money(amount, 'EUR')).toThrow('whole number of minor units');
  });
});
