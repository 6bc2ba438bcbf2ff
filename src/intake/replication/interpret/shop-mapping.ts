import type { Profile, TableMapping } from '../../../shops/profile.js';
import { present } from '../../../platform/assert.js';

/** One table of a profile, in the form in which intake asks about it. */
export interface MappedTable {
  readonly table: string;
  readonly key: readonly string[];
  /** every mapped column, the key's among them */
  readonly columns: readonly string[];
  readonly personal: ReadonlySet<string>;
  readonly order: TableMapping['order'];
  readonly identity: TableMapping['identity'];
}

/** A profile's tables, and in which order rows have to be read so that a parent comes before its children. */
export interface ShopMapping {
  readonly profile: Profile;
  readonly tables: ReadonlyMap<string, MappedTable>;
  /** the order table first, then by depth; shared tables last */
  readonly parentsFirst: readonly MappedTable[];
  /** tables whose rows name rows of others, and by which of their columns */
  readonly links: ReadonlyMap<string, readonly NamedTable[]>;
}

/** A table whose rows are named by a column of another table's rows. */
export interface NamedTable {
  readonly table: string;
  readonly by: string;
}

/** Prepares a profile for intake. Throws where a table names a parent that is not mapped, or a loop of parents. */
export function mapShop(profile: Profile): ShopMapping {
  const tables = new Map<string, MappedTable>();
  for (const [table, mapping] of Object.entries(profile.tables)) {
    tables.set(table, mapTable(table, mapping));
  }
  const depth = (entry: MappedTable): number => depthOf(entry, { tables, profile, seen: [] });
  const parentsFirst = [...tables.values()].sort((a, b) => depth(a) - depth(b));
  return { profile, tables, parentsFirst, links: linksOf(parentsFirst) };
}

function linksOf(tables: readonly MappedTable[]): Map<string, NamedTable[]> {
  const links = new Map<string, NamedTable[]>();
  for (const { table, order } of tables) {
    if (order === 'shared' || order.parent === undefined || order.by === undefined) continue;
    links.set(order.parent, [...(links.get(order.parent) ?? []), { table, by: order.by }]);
  }
  return links;
}

function mapTable(table: string, mapping: TableMapping): MappedTable {
  const roles = Object.entries(mapping.columns);
  const personal = roles.filter(([, role]) => typeof role === 'object' && 'value' in role);
  return {
    table,
    key: mapping.key,
    columns: [...new Set([...mapping.key, ...roles.map(([column]) => column)])],
    personal: new Set(personal.map(([column]) => column)),
    order: mapping.order,
    identity: mapping.identity,
  };
}

function depthOf(
  entry: MappedTable,
  given: { tables: ReadonlyMap<string, MappedTable>; profile: Profile; seen: readonly string[] },
): number {
  if (given.seen.includes(entry.table)) {
    throw new Error(`the parents of ${entry.table} go round in a circle`);
  }
  if (entry.order === 'shared') return Number.MAX_SAFE_INTEGER;
  if (entry.table === given.profile.order.table) return 0;
  if (entry.order.parent === undefined) return 1;
  const parent = present(
    given.tables.get(entry.order.parent),
    `the parent ${entry.order.parent} of ${entry.table} is not mapped`,
  );
  return 1 + depthOf(parent, { ...given, seen: [...given.seen, entry.table] });
}

/** The order table's own mapping. */
export function orderTable(mapping: ShopMapping): MappedTable {
  const { table } = mapping.profile.order;
  return present(mapping.tables.get(table), `the order table ${table} is not mapped`);
}
