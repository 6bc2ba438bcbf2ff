import type { ColumnValue, RowImage, RowKey } from '../../orders/row-change.js';
import { isSealed } from '../../orders/row-change.js';
import { formatMoney } from '../../platform/money.js';
import type { Profile } from '../../shops/profile.js';
import type { InsertedValue, PlannedChange } from '../../shops/shop-adapter.js';
import { compareDecimals } from './decimal.js';
import type { Plan, PlanItem } from './plan.js';

/** A plan item in words, for who approves it. */
export interface ItemInWords {
  readonly order: string;
  readonly headline: string;
  readonly changes: readonly string[];
  readonly risks: readonly string[];
}

/** What a plan would do to one order, a sentence per change. Personal values are never told. */
export function describeItem(profile: Profile, item: PlanItem): ItemInWords {
  const order = `order ${item.orderNumber ?? item.orderId}`;
  if (item.disposition === 'person')
    return {
      order,
      headline: `${order} is left to a person (${item.reason ?? 'no reason'}): ${item.detail ?? ''}`,
      changes: [],
      risks: [],
    };
  return {
    order,
    headline: `${order}${totalWords(item)} is set back to what it was`,
    changes: orderFirst(profile, item.changes).flatMap((change) =>
      changeWords(profile, item, change),
    ),
    risks: item.risks.map((risk) => risk.words),
  };
}

/** What holds for the plan as a whole. */
export function planNotes(plan: Plan): string[] {
  const notes = [
    'The shop is written to directly: it sends no e-mail and refreshes no search for these orders by itself.',
  ];
  if (plan.action === 'undo')
    notes.push('The orders are cancelled again; the shop’s own history does not tell of it.');
  return notes;
}

/** The order's own row is what people look for, wherever it is written. */
function orderFirst({ order }: Profile, changes: readonly PlannedChange[]): PlannedChange[] {
  const ofOrder = changes.filter(({ table }) => table === order.table);
  return [...ofOrder, ...changes.filter(({ table }) => table !== order.table)];
}

function totalWords({ before }: PlanItem): string {
  if (before === null) return '';
  return ` (${formatMoney({ amountMinor: before.totalMinor, currency: before.currency })})`;
}

function changeWords(profile: Profile, item: PlanItem, change: PlannedChange): string[] {
  switch (change.do) {
    case 'set':
      return Object.keys(change.to).map((column) => setWords(profile, item, { ...change, column }));
    case 'move':
      return [moveWords(change)];
    case 'insert':
      return [insertWords(profile, change)];
    case 'delete':
      return [`${partName(profile, change.table)}: row ${change.key.join('/')} is taken away`];
  }
}

function setWords(
  profile: Profile,
  item: PlanItem,
  change: { table: string; key: RowKey; column: string; expected: RowImage; to: RowImage },
): string {
  const { table, column } = change;
  const from = words(change.expected[column]);
  const to = words(change.to[column]);
  const { order, lines } = profile;
  if (table === order.table && column === order.status.column) return `status: ${from} -> ${to}`;
  const line = lineWords(profile, item, change);
  if (line !== undefined) {
    const what = table === lines.table && column === lines.quantity ? 'quantity' : column;
    return `${line}, ${what}: ${from} -> ${to}`;
  }
  const row = table === order.table ? '' : ` of row ${change.key.join('/')}`;
  return `${table}.${column}${row}: ${from} -> ${to}`;
}

/** What people call the line or the shipping that the row is; undefined for any other row. */
function lineWords(
  { lines, shipping_lines: shipping }: Profile,
  { before }: PlanItem,
  { table, key }: { table: string; key: RowKey },
): string | undefined {
  const id = key.join('/');
  if (table === lines.table) {
    const line = before?.lines.find(({ lineId }) => lineId === id);
    return `line "${line?.name ?? line?.product ?? id}"`;
  }
  if (table !== shipping?.table) return undefined;
  const line = before?.shipping?.find(({ lineId }) => lineId === id);
  return `shipping "${line?.method ?? id}"`;
}

function moveWords(change: Extract<PlannedChange, { do: 'move' }>): string {
  const sign = compareDecimals(change.amount, '0') > 0 ? '+' : '';
  const bounds = [
    change.minimum === null ? undefined : `not below ${change.minimum}`,
    change.maximum === null ? undefined : `not above ${change.maximum}`,
  ].filter((bound) => bound !== undefined);
  const guard = bounds.length === 0 ? '' : ` (${bounds.join(', ')})`;
  return `${change.table}.${change.column} of ${change.key.join('/')}: ${sign}${change.amount}${guard}`;
}

function insertWords(profile: Profile, change: Extract<PlannedChange, { do: 'insert' }>): string {
  const values = Object.entries(change.row).map(([column, value]) => `${column} ${words(value)}`);
  const answers =
    change.compensates === null ? '' : ` that answers row ${change.compensates.join('/')}`;
  return `${partName(profile, change.table)}: a row${answers} is added (${values.join(', ')})`;
}

/** What people call the table's rows, where the profile says it. */
function partName(profile: Profile, table: string): string {
  return table === profile.shipping_lines?.table ? 'shipping' : table;
}

function words(value: InsertedValue | ColumnValue | undefined): string {
  if (value === null || value === undefined) return 'nothing';
  if (typeof value === 'string') return value === '' ? '""' : value;
  if ('at' in value) return 'now';
  return isSealed(value) ? '(personal)' : '';
}
