import { present } from '../platform/assert.js';
import type { RowChange } from '../orders/row-change.js';
import type { Profile } from './profile.js';
import { fitsFilter, type RowFilter } from './row-filter.js';

/**
 * To a table to which restores append rows (the order's history) the shop appends too: a staff's note, a mail
 * that was sent. Such a row is no change of the order, save one that fits a sign: that tells of a cancellation,
 * of fraud or of goods that left. In any other table, a ledger above all, a new row is a change: undefined.
 */
export function signsAmongNotes(profile: Profile, table: string): RowFilter[] | undefined {
  const { history, fraud, shipment } = profile;
  const mapping = present(profile.tables[table], 'the table is mapped');
  const isLog = table === history?.table || mapping.append.length > 0;
  if (!isLog || mapping.inserted.some((rule) => rule.do === 'compensate')) return undefined;
  return [history, fraud, shipment].flatMap((sign) => (sign?.table === table ? [sign.where] : []));
}

/** Whether a row was added that is no change of the order. */
export function isNote({ operation, table, after }: RowChange, profile: Profile): boolean {
  if (operation !== 'insert' || after === null) return false;
  const signs = signsAmongNotes(profile, table);
  return signs !== undefined && !signs.some((where) => fitsFilter(after, where));
}
