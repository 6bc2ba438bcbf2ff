/**
 * `{{ name }}` in queries, addresses and messages: what is known only when a step runs. In SQL it becomes a
 * parameter (never text), in an address it is percent-encoded.
 */
const placeholder = /\{\{\s*([^{}]*?)\s*\}\}/g;

/** Names that every run knows; beside them `answers.<step>`. */
export const knownNames = [
  'incident.id',
  'incident.number',
  'incident.opened_at',
  'shop.id',
  'run.id',
  'orders',
] as const;
export type KnownName = (typeof knownNames)[number];

/** Values by name; `orders` is a list. */
export type Values = ReadonlyMap<string, string | readonly string[]>;

/** Names in the order in which they stand. Pure. */
export function namesIn(text: string): string[] {
  return [...text.matchAll(placeholder)].map(([, name = '']) => name);
}

/** The text with each placeholder replaced. Pure. */
export function replaced(text: string, replacement: (name: string) => string): string {
  return text.replaceAll(placeholder, (_whole, name: string) => replacement(name));
}

/** The text with the values put in as they are; a list with commas. Pure. */
export function filled(text: string, values: Values): string {
  return replaced(text, (name) => textOf(values.get(name)));
}

/** The address with the values percent-encoded. Pure. */
export function filledUrl(url: string, values: Values): string {
  return replaced(url, (name) => encodeURIComponent(textOf(values.get(name))));
}

function textOf(value: string | readonly string[] | undefined): string {
  return typeof value === 'string' ? value : (value ?? []).join(',');
}
