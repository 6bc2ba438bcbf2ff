import { changedColumns, type RowChange } from '../../../orders/row-change.js';
import { cancellationActor, type CancellationActor } from '../../../shops/cancellation-actor.js';
import type { Profile } from '../../../shops/profile.js';
import { fitsFilter } from '../../../shops/row-filter.js';

const nobody: CancellationActor = { actorKind: 'unknown', actor: null, reason: null };

/**
 * Who did it and why, as far as the rows written in the same transaction tell: rows that the shop's
 * history gained, or (where the profile points there) columns of the order that changed. The write-ahead
 * log itself does not know: a raw UPDATE leaves `unknown`.
 */
export function actorOf(profile: Profile, changes: readonly RowChange[]): CancellationActor {
  const { history } = profile;
  if (history === undefined) return nobody;
  const told = changes
    .filter((change) => change.table === history.table && tells(history, change))
    .map((change) => change.after)
    .filter((row) => row !== null)
    .filter((row) => fitsFilter(row, history.where))
    .map((row) => cancellationActor(history, row));
  // of several rows the one that says most; the first of equals
  return told.sort((a, b) => weight(b) - weight(a))[0] ?? nobody;
}

type History = NonNullable<Profile['history']>;

/** A new row tells; one that was there before tells only if what it says is new. */
function tells(history: History, change: RowChange): boolean {
  if (change.operation === 'insert') return true;
  const { actor, reason, actor_kind: kind } = history;
  const reasonColumn = typeof reason === 'object' ? reason.column : reason;
  const columns = [actor, reasonColumn, kind?.column, ...Object.keys(history.where)];
  return changedColumns(change).some((column) => columns.includes(column));
}

function weight(actor: CancellationActor): number {
  const known = [actor.actorKind !== 'unknown', actor.actor !== null, actor.reason !== null];
  return known.filter(Boolean).length;
}
