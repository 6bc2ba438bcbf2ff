import type { Profile } from './profile.js';
import { fitsFilter } from './row-filter.js';
import { inOrder, RowReader, rowReaders, type RowsByTable } from './row-reader.js';

type AttributeSource = Profile['order']['attributes'][string];

/** An order whose rows have more different values of one attribute than this is told as `many`. */
const valuesMax = 5;
/** The method of payment, under the name that every shop has it by. */
const paymentMethod = 'payment_method';

/**
 * What an order has in common with others (channel, warehouse, payment method ...), by the profile's
 * names, from its own row and from the rows of its tables. Personal values never get into it.
 */
export function orderAttributes(profile: Profile, rows: RowsByTable): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const [name, source] of Object.entries(profile.order.attributes)) {
    const value = attributeOf(profile, source, rows);
    if (value !== null) attributes[name] = value;
  }
  const method = attributes[paymentMethod] ?? newestPaymentMethod(profile, rows);
  return method === null ? attributes : { ...attributes, [paymentMethod]: method };
}

/** The tables beside the order's own whose rows attributes are read from, with the columns that are looked at. */
export function attributeTables(profile: Profile): Map<string, string[]> {
  const { order, payments } = profile;
  const tables = new Map<string, Set<string>>();
  const need = (table: string, columns: readonly string[]): void => {
    if (table === order.table) return;
    const key = profile.tables[table]?.key ?? [];
    tables.set(table, new Set([...(tables.get(table) ?? key), ...columns]));
  };
  for (const source of Object.values(order.attributes))
    if (typeof source === 'object')
      need(source.table, [source.column, ...Object.keys(source.where ?? {})]);
  if (payments?.method !== undefined && order.attributes[paymentMethod] === undefined)
    need(payments.table, [payments.method]);
  return new Map([...tables].map(([table, columns]) => [table, [...columns]]));
}

/** The columns of the order's own row that attributes are read from. */
export function attributeColumns({ order }: Profile): string[] {
  return Object.values(order.attributes).flatMap((source) => {
    if (typeof source === 'string') return [source];
    if (source.table !== order.table) return [];
    return [source.column, ...Object.keys(source.where ?? {})];
  });
}

function attributeOf(profile: Profile, source: AttributeSource, rows: RowsByTable): string | null {
  const { order } = profile;
  if (typeof source === 'string') {
    const row = rows.get(order.table)?.[0];
    return row === undefined ? null : new RowReader(profile, order.table, row).text(source);
  }
  const { table, column, where } = source;
  const wanted = (rows.get(table) ?? []).filter((row) => fitsFilter(row, where));
  return joined(
    wanted
      .map((row) => new RowReader(profile, table, row).text(column))
      .filter((value) => value !== null),
  );
}

/**
 * Several rows tell each value once, in an order that does not depend on theirs: the same channels always
 * make the same attribute. So that an order of a hundred products makes no value of its own, many are `many`.
 */
function joined(values: readonly string[]): string | null {
  const different = [...new Set(values)].sort(inOrder);
  if (different.length === 0) return null;
  return different.length > valuesMax ? 'many' : different.join(', ');
}

/** For shops that keep it nowhere on the order. */
function newestPaymentMethod(profile: Profile, rows: RowsByTable): string | null {
  const { payments } = profile;
  if (payments?.method === undefined) return null;
  const own = rows.get(payments.table) ?? [];
  return rowReaders(profile, payments.table, own).at(-1)?.text(payments.method) ?? null;
}
