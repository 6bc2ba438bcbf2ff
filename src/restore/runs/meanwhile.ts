import type { JournalEntry } from '../../orders/order-event.js';
import type { RowChange } from '../../orders/row-change.js';
import { isNote } from '../../shops/order-notes.js';
import type { Profile } from '../../shops/profile.js';
import { isHarmless, operationWords, rowWords } from './echo.js';

export interface MeanwhileInput {
  readonly profile: Profile;
  /** all journal entries of the order */
  readonly entries: readonly Pick<JournalEntry, 'position' | 'rowChanges'>[];
  /** the newest of them that the plan knows */
  readonly plannedAt: number;
  /** the one that carried the item's marker */
  readonly echoedAt: number;
}

/**
 * What other transactions did to the order's own rows between its plan and our commit. What had been there when
 * the restore compared these rows, it would have refused: so this came after the comparison and past its locks,
 * which hold no row that is added where the shop has no foreign keys, and no row of a table that the profile
 * leaves out of `locks`. Pure. No values are named: they may be personal.
 */
export function meanwhileDifferences(input: MeanwhileInput): string[] {
  const { profile, entries, plannedAt, echoedAt } = input;
  return entries
    .filter(({ position }) => position > plannedAt && position < echoedAt)
    .flatMap(({ position, rowChanges }) =>
      rowChanges
        .filter((change) => isChangeOfOrder(change, profile))
        .map(
          (change) =>
            `${rowWords(change)} was ${operationWords(change)} by somebody else before the commit (journal ${position})`,
        ),
    );
}

/** What the comparison of a restore would refuse, had it seen it. */
function isChangeOfOrder(change: RowChange, profile: Profile): boolean {
  if (profile.tables[change.table]?.order === 'shared') return false;
  return !isHarmless(change, profile) && !isNote(change, profile);
}
