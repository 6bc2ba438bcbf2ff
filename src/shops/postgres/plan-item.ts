import { isSealed } from '../../orders/row-change.js';
import type { Profile } from '../profile.js';
import type { PlannedChange, RestoreItem, RestoreOutcome } from '../shop-adapter.js';

/** Why an item cannot be turned into SQL at all; undefined where it can. */
export function itemFault(profile: Profile, item: RestoreItem): RestoreOutcome | undefined {
  const written = item.changes.map((change) => ({
    table: change.table,
    columns: columnsOf(change),
    values: valuesOf(change),
  }));
  const relied = item.expect.map(({ table, rows }) => ({
    table,
    columns: rows.flatMap(({ values }) => Object.keys(values)),
    values: rows.flatMap(({ values }) => Object.values(values)),
  }));
  for (const { table, columns, values } of [...written, ...relied]) {
    const mapping = profile.tables[table];
    const stray =
      mapping === undefined
        ? table
        : columns.find((column) => mapping.columns[column] === undefined);
    if (stray !== undefined) return unmapped(stray);
    if (values.some(isSealedValue))
      return {
        outcome: 'refused',
        reason: 'evidence-missing',
        detail: `a personal value of ${table} is sealed: it was erased, or not opened`,
      };
  }
  const shared = item.expect.find(({ table }) => profile.tables[table]?.order === 'shared');
  return shared === undefined ? undefined : unmapped(shared.table);
}

function unmapped(name: string): RestoreOutcome {
  return {
    outcome: 'failed',
    reason: 'shop-error',
    retry: false,
    detail: `the plan names ${name}, which the profile does not map (any more)`,
  };
}

function columnsOf(change: PlannedChange): string[] {
  switch (change.do) {
    case 'set':
      return [...Object.keys(change.expected), ...Object.keys(change.to)];
    case 'move':
      return [change.column];
    case 'insert':
      return Object.keys(change.row);
    case 'delete':
      return Object.keys(change.expected);
  }
}

function valuesOf(change: PlannedChange): unknown[] {
  switch (change.do) {
    case 'set':
      return [...Object.values(change.expected), ...Object.values(change.to)];
    case 'move':
      return [];
    case 'insert':
      return Object.values(change.row);
    case 'delete':
      return Object.values(change.expected);
  }
}

function isSealedValue(value: unknown): boolean {
  return isSealed(value as Parameters<typeof isSealed>[0]) && 'sealed' in (value as object);
}
