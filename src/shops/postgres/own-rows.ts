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
    const above = `p${depth}`;
    const next = linkOf(profile, link.parent);
    const by = link.by ?? keyOf(profile, link.parent);
    // several rows may name the same one, as those of an order's versions do: it is found once
    const parent =
      link.by === undefined
        ? quoteTable(link.parent)
        : `(SELECT DISTINCT ${quoteName(by)}, ${quoteName(next.column)} FROM ${quoteTable(link.parent)})`;
    from += ` JOIN ${parent} AS ${above} ON ${above}.${quoteName(by)} = ${alias}.${quoteName(link.column)}`;
    link = next;
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

function keyOf(profile: Profile, table: string): string {
  const mapping = present(profile.tables[table], `the profile maps ${table}`);
  return present(mapping.key[0], 'a parent has a key of one column');
}

function linkOf(
  profile: Profile,
  table: string,
): Exclude<Profile['tables'][string]['order'], string> {
  const link = present(profile.tables[table], `the profile maps ${table}`).order;
  assert(link !== 'shared', `rows of ${table} belong to no one order`);
  return link;
}
