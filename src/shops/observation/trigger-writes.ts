/** What the text of a trigger's function tells of the tables that it writes to. */
export interface TriggerWrites {
  /** as they are named there, without quotes, in lower case unless quoted: `shop.stock`, or `stock` */
  readonly tables: readonly string[];
  /** it puts statements together as it goes, or is not written in SQL: then it may write to others too */
  readonly opaque: boolean;
}

const readLanguages = ['plpgsql', 'sql'];
const comments = /--[^\n]*|\/\*[\s\S]*?\*\//g;
const strings = /'(?:[^']|'')*'/g;
const name = String.raw`("[^"]+"|[a-z_][\w$]*)`;
const written = new RegExp(
  String.raw`\b(?:insert\s+into|update|delete\s+from|merge\s+into)\s+(?:only\s+)?${name}(?:\s*\.\s*${name})?`,
  'gi',
);

/** Reads it out of the text, without running anything; a table that is no table is never mapped. Pure. */
export function triggerWrites(given: { source: string; language: string }): TriggerWrites {
  if (!readLanguages.includes(given.language)) return { tables: [], opaque: true };
  const text = given.source.replace(comments, ' ').replace(strings, "''");
  const tables = [...text.matchAll(written)].map(([, first = '', second]) =>
    [first, second].flatMap((part) => (part === undefined ? [] : plain(part))).join('.'),
  );
  return { tables: [...new Set(tables)], opaque: /\bexecute\b/i.test(text) };
}

function plain(part: string): string {
  return part.startsWith('"') ? part.slice(1, -1) : part.toLowerCase();
}

/** Whether what the text names is this table: without a schema there, any schema's. */
export function isNamed(table: string, named: string): boolean {
  return named === table || (!named.includes('.') && table.endsWith(`.${named}`));
}
