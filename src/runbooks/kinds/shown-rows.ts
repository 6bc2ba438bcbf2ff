import type { Profile } from '../../shops/profile.js';
import type { ResultColumn } from '../../shops/postgres/shop-query.js';

/** Longer values are cut: evidence is to be read by people. */
const valueLengthMax = 200;

/** Evidence of a result: rows without what is or may be personal, and the names of what was left out. */
export interface ShownRows {
  readonly rows: Record<string, string | null>[];
  readonly leftOut: string[];
}

/**
 * Leaves personal columns out. Shown is what the profile says is not personal; of what it does not know
 * (worked out, or of other tables) only numbers, times and yes/no, and the columns that the runbook's
 * writer vouches for. Nothing worked out is shown of a query that names a personal column. Pure.
 */
export function shownRows(
  result: {
    readonly columns: readonly ResultColumn[];
    readonly rows: readonly Readonly<Record<string, string | null>>[];
  },
  by: { readonly profile: Profile; readonly query: string; readonly show: readonly string[] },
): ShownRows {
  const namesPersonal = personalColumns(by.profile).some((name) => mentions(by.query, name));
  const shown = result.columns.filter((column) => isShown(column, { ...by, namesPersonal }));
  const shownNames = new Set(shown.map(({ name }) => name));
  const leftOut = result.columns.map(({ name }) => name).filter((name) => !shownNames.has(name));
  const rows = result.rows.map((row) =>
    Object.fromEntries([...shownNames].map((name) => [name, cut(row[name] ?? null)])),
  );
  return { rows, leftOut: [...new Set(leftOut)] };
}

function isShown(
  { name, table, column, form }: ResultColumn,
  by: { profile: Profile; show: readonly string[]; namesPersonal: boolean },
): boolean {
  const mapped = table === null ? undefined : by.profile.tables[table];
  const role = column === null ? undefined : mapped?.columns[column];
  const vouched = form !== 'other' || by.show.includes(name);
  if (role !== undefined) {
    if (isPersonal(role)) return false;
    // what a profile leaves out of a restore, nobody has judged
    return isIgnored(role) ? vouched : true;
  }
  if (table !== null && mapped === undefined) return vouched;
  return vouched && !by.namesPersonal;
}

function isPersonal(role: unknown): boolean {
  return typeof role === 'object' && role !== null && 'value' in role;
}

function isIgnored(role: unknown): boolean {
  return typeof role === 'object' && role !== null && 'ignore' in role;
}

function personalColumns({ tables }: Profile): string[] {
  return Object.values(tables).flatMap(({ columns }) =>
    Object.entries(columns).flatMap(([name, role]) => (isPersonal(role) ? [name] : [])),
  );
}

function mentions(query: string, name: string): boolean {
  const escaped = name.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(String.raw`(?<![\w$])${escaped}(?![\w$])`, 'i').test(query);
}

function cut(value: string | null): string | null {
  return value === null || value.length <= valueLengthMax
    ? value
    : `${value.slice(0, valueLengthMax)}...`;
}
