import type { JournalEntry, OrderEventKind } from '../orders/order-event.js';
import { changedColumns, type RowChange } from '../orders/row-change.js';
import type { ColumnRole, Profile } from './profile.js';
import { fitsFilter } from './row-filter.js';

/** An entry of one of these kinds is an act of its own, whatever columns it changes. */
const otherActs: readonly OrderEventKind[] = [
  'placed',
  'paid',
  'restored',
  'shipped',
  'deleted',
  'shared',
  'gap',
];

/** Whether the profile's `cancellation.claims` cover all that the entry did, and nothing in it speaks against it. */
export function isClaimed(profile: Profile, entry: JournalEntry): boolean {
  if (entry.marker !== null) return false;
  if (entry.kinds.some((kind) => otherActs.includes(kind))) return false;
  if (!entry.kinds.includes('cancelled') && changesStatus(profile, entry)) return false;
  return entry.rowChanges.every((change) => isClaimedChange(profile, change));
}

/** Going from one cancelled status to another (cancelling -> cancelled) is still the same cancellation. */
function changesStatus(profile: Profile, entry: JournalEntry): boolean {
  const { table, status } = profile.order;
  return entry.rowChanges.some((change) => {
    if (change.table !== table || !changedColumns(change).includes(status.column)) return false;
    const [before, after] = [change.before?.[status.column], change.after?.[status.column]];
    return ![before, after].every(
      (value) => typeof value === 'string' && status.cancelled.includes(value),
    );
  });
}

function isClaimedChange(profile: Profile, change: RowChange): boolean {
  const claim = profile.cancellation.claims[change.table];
  switch (change.operation) {
    case 'update': {
      // without a before-image nobody can say what changed
      if (change.before === null) return false;
      const roles = profile.tables[change.table]?.columns ?? {};
      return changedColumns(change).every(
        (column) => isHarmless(roles[column]) || (claim?.updated.includes(column) ?? false),
      );
    }
    case 'insert': {
      const rule = claim?.inserted ?? false;
      if (typeof rule === 'boolean') return rule;
      return change.after !== null && fitsFilter(change.after, rule);
    }
    case 'delete':
      return claim?.deleted ?? false;
  }
}

/** Columns that anything may change without it meaning something to a restore. */
function isHarmless(role: ColumnRole | undefined): boolean {
  if (typeof role === 'string') return role === 'key' || role === 'touch' || role === 'version';
  return role !== undefined && 'ignore' in role;
}
