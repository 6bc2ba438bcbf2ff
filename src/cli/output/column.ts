import { formatMoney } from '../../platform/money.js';
import { printable } from './text.js';

/** One value of an answer as people read it: a column of a table, or a line of a record. */
export interface Column {
  readonly title: string;
  /** dotted paths of the answer's fields that it shows; a test holds them against the API's document */
  readonly fields: readonly string[];
  readonly show: (item: unknown) => string;
}

/** Stands where there is nothing. */
export const nothing = '-';

/** What stands at a dotted path of an answer; undefined where there is nothing. */
export function valueAt(item: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, name) =>
        typeof value === 'object' && value !== null
          ? (value as Record<string, unknown>)[name]
          : undefined,
      item,
    );
}

/** The first of the fields that holds something, as text. */
export function text(title: string, ...fields: [string, ...string[]]): Column {
  const show = (item: unknown) => {
    const value = fields
      .map((field) => valueAt(item, field))
      .find((found) => found !== undefined && found !== null && found !== '');
    return wordsOf(value);
  };
  return { title, fields, show };
}

/** A moment, in UTC to the second. */
export function time(title: string, field: string): Column {
  return { title, fields: [field], show: (item) => timeInWords(valueAt(item, field)) };
}

/** Where an item of a list finds the currency of the thing that the list is part of. */
export const inheritedCurrency = '$currency';

/** An amount of minor units with its currency. */
export function money(title: string, amount: string, currency: string): Column {
  return {
    title,
    fields: [amount, currency],
    show: (item) => moneyInWords(valueAt(item, amount), valueAt(item, currency)),
  };
}

/** An amount of minor units in the currency of the thing that the list is part of. */
export function amount(title: string, field: string): Column {
  const show = (item: unknown) =>
    moneyInWords(valueAt(item, field), valueAt(item, inheritedCurrency));
  return { title, fields: [field], show };
}

export function moneyInWords(amountMinor: unknown, currency: unknown): string {
  if (typeof amountMinor !== 'number' || typeof currency !== 'string') return nothing;
  if (!/^[A-Z]{3}$/.test(currency)) return `${printable(currency)} ${amountMinor}`;
  return formatMoney({ amountMinor, currency });
}

/** What `say` makes of several fields, which it gets in their order. */
export function joined(
  title: string,
  fields: readonly string[],
  say: (...values: unknown[]) => string,
): Column {
  const show = (item: unknown) => printable(say(...fields.map((field) => valueAt(item, field))));
  return { title, fields, show };
}

/** What `say` makes of the field's value. */
export function said(title: string, field: string, say: (value: unknown) => string): Column {
  return { title, fields: [field], show: (item) => printable(say(valueAt(item, field))) };
}

/** A list of things as `say` names them, each name once, separated by commas. */
export function listed(title: string, field: string, say: (one: unknown) => string): Column {
  return said(title, field, (value) =>
    Array.isArray(value) && value.length > 0 ? [...new Set(value.map(say))].join(', ') : nothing,
  );
}

export function timeInWords(value: unknown): string {
  if (typeof value !== 'string' && typeof value !== 'number') return nothing;
  const moment = new Date(value);
  if (Number.isNaN(moment.getTime())) return printable(String(value));
  return `${moment.toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

/** Any value in plain words: lists with commas, objects as name=value without what is not there. */
export function wordsOf(value: unknown): string {
  if (value === undefined || value === null || value === '') return nothing;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'string') return printable(value);
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value)) return value.length === 0 ? nothing : value.map(wordsOf).join(', ');
  const parts = Object.entries(value)
    .map(([name, part]) => ({ name: printable(name), words: partWords(part) }))
    .filter(({ words }) => words !== nothing)
    .map(({ name, words }) => `${name}=${words}`);
  return parts.length === 0 ? nothing : parts.join(' ');
}

function partWords(part: unknown): string {
  const words = wordsOf(part);
  const isObject = typeof part === 'object' && part !== null && words !== nothing;
  return isObject ? `(${words})` : words;
}
