import { changedColumns, type RowChange, type RowImage } from '../../../orders/row-change.js';
import {
  cancellationActor,
  tellingColumns,
  type CancellationActor,
  type History,
} from '../../../shops/cancellation-actor.js';
import type { Profile } from '../../../shops/profile.js';
import { fitsFilter } from '../../../shops/row-filter.js';
import { PersonalText, type DraftImage } from './draft-image.js';

const nobody: CancellationActor = { actorKind: 'unknown', actor: null, reason: null };

/** A row that was written, and the same row before its personal values were sealed. */
export interface WrittenRow {
  readonly change: RowChange;
  readonly row: { readonly after: DraftImage | null };
}

/**
 * Who did it and why, as far as the rows written in the same transaction tell: rows that the shop's
 * history gained, or (where the profile points there) columns of the order that changed. The write-ahead
 * log itself does not know: a raw UPDATE leaves `unknown`. Who and why are read before the row is sealed:
 * of a personal column, what the profile names there is kept, and nothing else.
 */
export function actorOf(profile: Profile, written: readonly WrittenRow[]): CancellationActor {
  const { history } = profile;
  if (history === undefined) return nobody;
  const told = written
    .filter(({ change }) => change.table === history.table && tells(history, change))
    .flatMap(({ row }) => (row.after === null ? [] : [clearRow(history, row.after)]))
    .filter((row) => fitsFilter(row, history.where))
    .map((row) => cancellationActor(history, row));
  // of several rows the one that says most; the first of equals
  return told.sort((a, b) => weight(b) - weight(a))[0] ?? nobody;
}

/** The row with the personal values that tell; all others are left out. */
function clearRow(history: History, image: DraftImage): RowImage {
  const telling = tellingColumns(history);
  return Object.fromEntries(
    Object.entries(image).flatMap(([column, value]) => {
      if (!(value instanceof PersonalText)) return [[column, value]];
      return telling.includes(column) ? [[column, value.text]] : [];
    }),
  );
}

/** A new row tells; one that was there before tells only if what it says is new. */
function tells(history: History, change: RowChange): boolean {
  if (change.operation === 'insert') return true;
  const columns = [
    ...tellingColumns(history),
    history.actor_kind?.column,
    ...Object.keys(history.where),
  ];
  return changedColumns(change).some((column) => columns.includes(column));
}

function weight(actor: CancellationActor): number {
  const known = [actor.actorKind !== 'unknown', actor.actor !== null, actor.reason !== null];
  return known.filter(Boolean).length;
}
