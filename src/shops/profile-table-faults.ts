import { Faults, type Path } from './profile-fault-list.js';
import type { DeltaRule, TableMapping, Profile } from './profile.js';
import { isPersonal } from './row-reader.js';

/** What is wrong with the mapping of one table. */
export function tableMappingFaults(faults: Faults, table: string, mapping: TableMapping): void {
  keyFaults(faults, table, mapping);
  linkFaults(faults, table, mapping);
  presenceFaults(faults, table, mapping);
  roleFaults(faults, table, mapping);
  templateFaults(faults, table, mapping);
  limitFaults(faults, table, mapping);
}

function keyFaults(faults: Faults, table: string, mapping: TableMapping): void {
  const path = ['tables', table];
  mapping.key.forEach((column, index) => {
    const role = faults.column([...path, 'key', index], table, column);
    if (role !== undefined && role !== 'key')
      faults.add([...path, 'columns', column], 'a column of the key must have the role `key`');
  });
  for (const [column, role] of Object.entries(mapping.columns)) {
    if (role === 'key' && !mapping.key.includes(column))
      faults.add([...path, 'columns', column], 'only columns listed under `key` have this role');
  }
}

function linkFaults(faults: Faults, table: string, mapping: TableMapping): void {
  const path = ['tables', table, 'order'];
  const isOrder = table === faults.profile.order.table;
  if (mapping.order === 'shared') {
    if (isOrder) faults.add(path, 'the order table cannot be shared');
    return;
  }
  const { column, parent, by } = mapping.order;
  faults.column([...path, 'column'], table, column);
  if (by !== undefined) byFaults(faults, { path, mapping, column, parent, by });
  if (isOrder && (parent !== undefined || mapping.key.length !== 1 || mapping.key[0] !== column))
    faults.add(path, 'the order table has a key of one column, and finds its order by it');
  if (parent === undefined) return;
  const target = faults.table([...path, 'parent'], parent);
  if (target === undefined) return;
  if (target.order === 'shared')
    faults.add([...path, 'parent'], `${parent} is shared, so its rows belong to no one order`);
  if (by === undefined && target.key.length !== 1)
    faults.add([...path, 'parent'], `${parent} has a key of several columns, one can name it`);
  if (isInCircle(faults.profile, table))
    faults.add([...path, 'parent'], 'its parents form a circle and never reach the order');
}

/** A row that is named by another one: by its own key, in a column of a row that itself holds the order's key. */
function byFaults(
  faults: Faults,
  link: {
    path: Path;
    mapping: TableMapping;
    column: string;
    parent: string | undefined;
    by: string;
  },
): void {
  const { path, mapping, column, parent, by } = link;
  if (parent === undefined) {
    faults.add([...path, 'by'], '`by` is a column of `parent`, which is missing');
    return;
  }
  faults.open([...path, 'by'], parent, by);
  if (mapping.key.length !== 1 || mapping.key[0] !== column)
    faults.add([...path, 'column'], 'with `by`, it is the one column of the key');
  const above = faults.profile.tables[parent]?.order;
  if (typeof above === 'object' && above.parent !== undefined)
    faults.add([...path, 'parent'], `with \`by\`, ${parent} itself holds the order's key`);
}

/** What tells which rows count now. */
function presenceFaults(faults: Faults, table: string, mapping: TableMapping): void {
  const path = ['tables', table];
  faults.open([...path, 'removed_at'], table, mapping.removed_at);
  for (const [column, of] of Object.entries(mapping.current)) {
    faults.open([...path, 'current', column], table, column);
    faults.open([...path, 'current', column], faults.profile.order.table, of);
  }
}

function isInCircle(profile: Profile, start: string): boolean {
  const seen = new Set<string>();
  let table: string | undefined = start;
  while (table !== undefined && !seen.has(table)) {
    seen.add(table);
    const link: TableMapping['order'] | undefined = profile.tables[table]?.order;
    table = typeof link === 'object' ? link.parent : undefined;
  }
  return table === start;
}

function roleFaults(faults: Faults, table: string, mapping: TableMapping): void {
  for (const [column, role] of Object.entries(mapping.columns)) {
    const path = ['tables', table, 'columns', column];
    const isValue = role === 'value' || isPersonal(role);
    if (mapping.order === 'shared' && isValue)
      faults.add(
        path,
        'a shared row is never set back: its columns are key, delta, mirror, touch, version or ignore',
      );
    if (typeof role === 'object' && 'mirror' in role)
      mirrorFaults(faults, { path: [...path, 'mirror'], mapping, of: role.mirror.of });
    if (typeof role !== 'object' || !('delta' in role)) continue;
    if (mapping.order !== 'shared')
      faults.add(path, 'a delta is for counters that many orders share; use `value` here');
    deltaFaults(faults, { path: [...path, 'delta'], table, mapping, delta: role.delta });
  }
}

function mirrorFaults(
  faults: Faults,
  { path, mapping, of }: { path: Path; mapping: TableMapping; of: string },
): void {
  const role = mapping.columns[of];
  if (typeof role !== 'object' || !('delta' in role))
    faults.add([...path, 'of'], `${of} is no counter of this table; only a delta is mirrored`);
}

function deltaFaults(
  faults: Faults,
  counter: { path: Path; table: string; mapping: TableMapping; delta: DeltaRule },
): void {
  const { path, table, mapping, delta } = counter;
  const source = faults.table([...path, 'from'], delta.from);
  if (source?.order === 'shared')
    faults.add(
      [...path, 'from'],
      `${delta.from} is shared; a delta is worked out from the order's own rows`,
    );
  faults.open([...path, 'amount'], delta.from, delta.amount);
  faults.filter([...path, 'where'], delta.from, delta.where);
  for (const [own, from] of Object.entries(delta.match)) {
    faults.column([...path, 'match', own], table, own);
    faults.open([...path, 'match', own], delta.from, from);
  }
  const unmatched = mapping.key.filter((column) => !(column in delta.match));
  const extra = Object.keys(delta.match).filter((column) => !mapping.key.includes(column));
  if (unmatched.length > 0 && extra.length === 0)
    faults.add([...path, 'match'], `it must pick one row: ${unmatched.join(', ')} is missing`);
  for (const bound of [delta.guard.minimum, delta.guard.maximum]) {
    if (typeof bound === 'string' && mapping.limits[bound] === undefined)
      faults.column([...path, 'guard'], table, bound);
  }
}

function limitFaults(faults: Faults, table: string, mapping: TableMapping): void {
  for (const [name, sql] of Object.entries(mapping.limits)) {
    const path = ['tables', table, 'limits', name];
    if (mapping.order !== 'shared')
      faults.add(path, 'a limit is for counters that many orders share');
    if (mapping.columns[name] !== undefined)
      faults.add(path, 'a column has this name; give the limit another one');
    if (/\$\d/.test(sql))
      faults.add(path, 'a limit takes no parameters; the row that it is for is called counter');
  }
}

function templateFaults(faults: Faults, table: string, mapping: TableMapping): void {
  mapping.inserted.forEach((rule, index) => {
    const path = ['tables', table, 'inserted', index];
    faults.filter([...path, 'where'], table, rule.where);
    if (rule.do === 'compensate')
      rowFaults(faults, { path: [...path, 'with'], table, row: rule.with, rowIsThere: true });
  });
  mapping.append.forEach((row, index) => {
    rowFaults(faults, { path: ['tables', table, 'append', index], table, row, rowIsThere: false });
  });
}

function rowFaults(
  faults: Faults,
  template: {
    path: Path;
    table: string;
    row: TableMapping['append'][number];
    /** whether there is a row that is compensated, whose columns may be named */
    rowIsThere: boolean;
  },
): void {
  for (const [column, source] of Object.entries(template.row)) {
    const path = [...template.path, column];
    faults.column(path, template.table, column);
    sourceFaults(faults, { ...template, path, source });
  }
}

function sourceFaults(
  faults: Faults,
  place: { path: Path; table: string; rowIsThere: boolean; source: unknown },
): void {
  const { path, table, rowIsThere } = place;
  const source = place.source as Record<string, unknown>;
  const orderTable = faults.profile.order.table;
  if (typeof source['row'] === 'string') {
    if (rowIsThere) faults.column(path, table, source['row']);
    else faults.add(path, 'there is no row that it could be taken from');
  }
  for (const side of ['before', 'after'] as const) {
    const column = source[side];
    if (typeof column === 'string') faults.column(path, orderTable, column);
  }
  const json = source['json'];
  if (typeof json !== 'object' || json === null) return;
  for (const [key, inner] of Object.entries(json))
    sourceFaults(faults, { ...place, path: [...path, 'json', key], source: inner });
}
