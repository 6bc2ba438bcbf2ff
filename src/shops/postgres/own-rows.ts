import { assert, present } from '../../platform/assert.js';
import type { Profile } from '../profile.js';
import { quoteName, quoteTable } from './sql-text.js';

/** How the rows of a table are found that belong to an order. */
export interface OwnRows {
  /** FROM clause, joins included; the table itself is `t` */
  readonly from: string;
  /** the column that holds the order's key */
  readonly orderColumn: string;
  /** the key columns, for ORDER BY */
  readonly key: string;
}

/** Follows the profile's links from a table up to the order. The table must not be shared. */
export function ownRows(profile: Profile, table: string): OwnRows {
  const mapping = present(profile.tables[table], `the profile maps ${table}`);
  let link = linkOf(profile, table);
  let from = `${quoteTable(table)} AS t`;
  let alias = 't';
  for (let depth = 1; link.parent !== undefined; depth += 1) {
    const parent = present(profile.tables[link.parent], `the profile maps ${link.parent}`);
    const key = present(parent.key[0], 'a parent has a key of one column');
    const above = `p${depth}`;
    from += ` JOIN ${quoteTable(link.parent)} AS ${above} ON ${above}.${quoteName(key)} = ${alias}.${quoteName(link.column)}`;
    link = linkOf(profile, link.parent);
    alias = above;
  }
  return {
    from,
    orderColumn: `${alias}.${quoteName(link.column)}`,
    key: mapping.key.map((column) => `t.${quoteName(column)}`).join(', '),
  };
}

/** The tables whose rows belong to an order, the order's own first. */
export function orderTables(profile: Profile): string[] {
  const own = Object.entries(profile.tables)
    .filter(([, mapping]) => mapping.order !== 'shared')
    .map(([table]) => table);
  return [profile.order.table, ...own.filter((table) => table !== profile.order.table)];
}

function linkOf(profile: Profile, table: string): { column: string; parent?: string | undefined } {
  const link = present(profile.tables[table], `the profile maps ${table}`).order;
  assert(link !== 'shared', `rows of ${table} belong to no one order`);
  return link;
}
