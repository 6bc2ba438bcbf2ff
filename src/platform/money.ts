import { assert } from './assert.js';

/** An amount in the smallest unit of its currency (cents for EUR), never a fraction. */
export interface Money {
  readonly amountMinor: number;
  /** ISO 4217, upper case */
  readonly currency: string;
}

export function money(amountMinor: number, currency: string): Money {
  assert(
    Number.isSafeInteger(amountMinor),
    `an amount is a whole number of minor units, not ${amountMinor}`,
  );
  return { amountMinor, currency };
}

/** How many decimal places a currency has (2 for EUR, 0 for JPY, 3 for KWD), from the runtime's CLDR data. */
export function minorUnitDigits(currency: string): number {
  const { maximumFractionDigits } = new Intl.NumberFormat('en', {
    style: 'currency',
    currency,
  }).resolvedOptions();
  return maximumFractionDigits ?? 2;
}

/** For people: `EUR 1,234.50`. */
export function formatMoney({ amountMinor, currency }: Money): string {
  const digits = minorUnitDigits(currency);
  const amount = (amountMinor / 10 ** digits).toLocaleString('en', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return `${currency} ${amount}`;
}

/** Sums per currency: amounts of different currencies are never added up. */
export function sumByCurrency(amounts: readonly Money[]): Money[] {
  const totals = new Map<string, number>();
  for (const { amountMinor, currency } of amounts) {
    totals.set(currency, (totals.get(currency) ?? 0) + amountMinor);
  }
  return [...totals]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([currency, sum]) => money(sum, currency));
}
