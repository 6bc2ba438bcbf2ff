import pg from 'pg';

/** A statement as data: the executor sends text and values, the script has them put in as literals. */
export interface Statement {
  readonly text: string;
  /** all values are texts; the text casts each parameter to the type it needs */
  readonly values: readonly (string | null)[];
}

export function quoteName(name: string): string {
  return pg.escapeIdentifier(name);
}

/** A text as a literal, whatever the session's `standard_conforming_strings` says. */
export function quoteLiteral(text: string): string {
  return pg.escapeLiteral(text).trim();
}

/** `shop.orders` as `"shop"."orders"`; the first dot parts schema and table. */
export function quoteTable(table: string): string {
  const dot = table.indexOf('.');
  return `${quoteName(table.slice(0, dot))}.${quoteName(table.slice(dot + 1))}`;
}

/** Collects the values of a statement while its text is put together. */
export class Parameters {
  readonly values: (string | null)[] = [];

  /** Places a value; the text that stands for it, cast to `type` (a type's name as PostgreSQL prints it). */
  add(value: string | null, type: string): string {
    this.values.push(value);
    return `$${this.values.length}::text::${type}`;
  }

  statement(text: string): Statement {
    return { text, values: this.values };
  }
}

/** Everything in which `$1` is no parameter: strings, quoted names, dollar-quoted strings, comments. */
const opaque =
  /\b[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$|--[^\n]*|\/\*[\s\S]*?\*\/|\$(\d+)/g;

/** The text with every parameter `$n` replaced; strings, names and comments are left alone. */
export function replaceParameters(text: string, replacement: (index: number) => string): string {
  return text.replace(opaque, (match: string, _tag: unknown, index: string | undefined) =>
    index === undefined ? match : replacement(Number(index)),
  );
}

/** The statement with its values as literals, for a script. */
export function withLiterals({ text, values }: Statement): string {
  return replaceParameters(text, (index) => {
    const value = values[index - 1] ?? null;
    return value === null ? 'NULL' : quoteLiteral(value);
  });
}
