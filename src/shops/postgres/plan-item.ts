import { isSealed } from '../../orders/row-change.js';
import type { Profile } from '../profile.js';
import type { PlannedChange, RestoreItem, RestoreOutcome } from '../shop-adapter.js';

/** Why an item cannot be turned into SQL at all; undefined where it can. */
export function itemFault(profile: Profile, item: RestoreItem): RestoreOutcome | undefined {
  for (const change of item.changes) {
    const mapping = profile.tables[change.table];
    const stray =
      mapping === undefined
        ? change.table
        : columnsOf(change).find((column) => mapping.columns[column] === undefined);
    if (stray !== undefined)
      return {
        outcome: 'failed',
        reason: 'shop-error',
        retry: false,
        detail: `the plan names ${stray}, which the profile does not map (any more)`,
      };
    if (valuesOf(change).some(isSealedValue))
      return {
        outcome: 'refused',
        reason: 'evidence-missing',
        detail: `a personal value of ${change.table} is sealed: it was erased, or not opened`,
      };
  }
  return undefined;
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
