import type { RowImage } from '../orders/row-change.js';
import { minorUnits } from './amount.js';
import { jsonMember } from './json-member.js';
import { presentRows } from './present-rows.js';
import type { Profile } from './profile.js';
import { RowReader, type RowsByTable } from './row-reader.js';

type TotalPart = Profile['order']['total'][number];
type MemberPart = Extract<TotalPart, { table: string }>;
type OwnPart = Exclude<TotalPart, MemberPart>;

/** The parts of the total that stand on the order's own row. */
export function totalColumns({ order }: Profile): OwnPart[] {
  return order.total.filter((part) => !('table' in part));
}

/** Those that stand on other rows of the order. */
export function totalMembers({ order }: Profile): MemberPart[] {
  return order.total.filter((part) => 'table' in part);
}

/** The order's total in minor units, by all of its rows. A part that the rows do not tell counts nothing. */
export function orderTotal(profile: Profile, rows: RowsByTable, currency: string): number {
  const row = rows.get(profile.order.table)?.[0];
  const own = row === undefined ? 0 : ownTotal(profile, row, currency);
  return totalMembers(profile).reduce(
    (sum, part) => sum + memberTotal(part, presentRows(profile, part.table, rows), currency),
    own,
  );
}

/** What of the total the order's own row tells, in minor units. */
export function ownTotal(profile: Profile, row: RowImage, currency: string): number {
  const reader = new RowReader(profile, profile.order.table, row);
  return totalColumns(profile).reduce(
    (sum, { column, unit }) => sum + (reader.amount(column, { unit, currency }) ?? 0),
    0,
  );
}

function memberTotal(part: MemberPart, rows: readonly RowImage[], currency: string): number {
  const { column, json, unit } = part;
  return rows.reduce((sum, row) => {
    const text = row[column];
    const member = typeof text === 'string' ? jsonMember(text, json) : undefined;
    const isAmount = typeof member === 'number' || typeof member === 'string';
    return isAmount ? sum + minorUnits(String(member), { unit, currency }) : sum;
  }, 0);
}
