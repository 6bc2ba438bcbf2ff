import { tellingColumns } from './cancellation-actor.js';
import type { ColumnRole, DeltaRule, Profile, TableMapping } from './profile.js';
import { isPersonal } from './row-reader.js';

/** One thing that is wrong with a profile, and where in it. */
export interface ProfileFault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/**
 * Contradictions inside a profile that its grammar cannot see: names of tables and columns that are not
 * mapped, parents in a circle, counters that belong to one order ... Empty for a sound profile.
 */
export function profileFaults(profile: Profile): ProfileFault[] {
  const faults = new Faults(profile);
  orderFaults(faults);
  attributeFaults(faults);
  partFaults(faults);
  phraseFaults(faults);
  claimFaults(faults);
  lockFaults(faults);
  for (const [table, mapping] of Object.entries(profile.tables)) {
    keyFaults(faults, table, mapping);
    linkFaults(faults, table, mapping);
    roleFaults(faults, table, mapping);
    templateFaults(faults, table, mapping);
    limitFaults(faults, table, mapping);
  }
  return faults.found;
}

type Path = readonly (string | number)[];

/** Collects faults; its checks answer whether what they looked at was sound. */
class Faults {
  readonly found: ProfileFault[] = [];

  constructor(readonly profile: Profile) {}

  add(path: Path, message: string): void {
    this.found.push({ path, message });
  }

  table(path: Path, table: string): TableMapping | undefined {
    const mapping = this.profile.tables[table];
    if (mapping === undefined) this.add(path, `${table} is not mapped under \`tables\``);
    return mapping;
  }

  column(path: Path, table: string, column: string): ColumnRole | undefined {
    const mapping = this.profile.tables[table];
    const role = mapping?.columns[column];
    if (mapping !== undefined && role === undefined)
      this.add(path, `column ${column} is not mapped under tables["${table}"].columns`);
    return role;
  }

  /** A column that ends up in snapshots, metrics or texts, and so must not be personal. */
  open(path: Path, table: string, column: string | undefined): void {
    if (column === undefined) return;
    if (isPersonal(this.column(path, table, column)))
      this.add(path, `column ${column} is personal data and cannot be used here`);
  }

  filter(path: Path, table: string, filter: Readonly<Record<string, unknown>> | undefined): void {
    for (const column of Object.keys(filter ?? {})) this.open([...path, column], table, column);
  }
}

function orderFaults(faults: Faults): void {
  const { order } = faults.profile;
  const mapping = faults.table(['order', 'table'], order.table);
  if (mapping === undefined) return;
  const named: [Path, string | undefined][] = [
    [['number'], order.number],
    [['customer'], order.customer],
    [['currency'], 'column' in order.currency ? order.currency.column : undefined],
    [['status', 'column'], order.status.column],
    [['placed_when'], order.placed_when.column],
    [['placed_at'], order.placed_at],
    [['cancelled_at'], order.cancelled_at],
    ...order.total.map(({ column }, index): [Path, string] => [['total', index], column]),
  ];
  for (const [path, column] of named) faults.open(['order', ...path], order.table, column);
  if (mapping.columns[order.status.column] !== 'value')
    faults.add(['order', 'status', 'column'], 'the status column must have the role `value`');
  const overlap = order.status.cancelled.filter((status) =>
    [...order.status.open, ...order.status.shipped].includes(status),
  );
  if (overlap.length > 0)
    faults.add(['order', 'status'], `${overlap.join(', ')} cannot be cancelled and not cancelled`);
}

/** An attribute is shown, sliced by and filtered by: of the order's own rows, and nothing personal. */
function attributeFaults(faults: Faults): void {
  const { order } = faults.profile;
  for (const [name, source] of Object.entries(order.attributes)) {
    const path = ['order', 'attributes', name];
    if (typeof source === 'string') faults.open(path, order.table, source);
    else {
      part(faults, path, source.table, [source.column]);
      faults.filter([...path, 'where'], source.table, source.where);
    }
  }
}

/** One phrase cannot say two things. */
function phraseFaults(faults: Faults): void {
  const { wish, policy, unpaid } = faults.profile.cancellation.reasons;
  const meanings = Object.entries({ wish, policy, unpaid });
  const known = new Map<string, string>();
  for (const [meaning, phrases] of meanings)
    phrases.forEach((phrase, index) => {
      const before = known.get(phrase.toLowerCase());
      known.set(phrase.toLowerCase(), meaning);
      if (before !== undefined)
        faults.add(
          ['cancellation', 'reasons', meaning, index],
          `"${phrase}" stands under \`${before}\` already; a phrase says one thing`,
        );
    });
}

function partFaults(faults: Faults): void {
  const {
    lines,
    shipping_lines: shipping,
    payments,
    refunds,
    history,
    fraud,
    shipment,
  } = faults.profile;
  part(faults, ['lines'], lines.table, [
    lines.product,
    lines.name,
    lines.quantity,
    lines.unit_price?.column,
    lines.total?.column,
  ]);
  if (shipping)
    part(faults, ['shipping_lines'], shipping.table, [shipping.method, shipping.price?.column]);
  if (payments)
    part(faults, ['payments'], payments.table, [
      payments.amount.column,
      payments.state,
      payments.method,
    ]);
  if (refunds)
    part(faults, ['refunds'], refunds.table, [
      refunds.amount.column,
      refunds.payment,
      refunds.state,
    ]);
  if (refunds && !payments)
    faults.add(['refunds'], 'refunds belong to payments, which are not mapped');
  if (history) {
    part(faults, ['history'], history.table, [history.at, history.actor_kind?.column]);
    // these may be personal: they are read before they are sealed
    for (const column of tellingColumns(history)) faults.column(['history'], history.table, column);
    faults.filter(['history', 'where'], history.table, history.where);
  }
  for (const [name, sign] of Object.entries({ fraud, shipment })) {
    if (sign === undefined) continue;
    part(faults, [name], sign.table, []);
    faults.filter([name, 'where'], sign.table, sign.where);
  }
}

function part(
  faults: Faults,
  path: Path,
  table: string,
  columns: readonly (string | undefined)[],
): void {
  const mapping = faults.table([...path, 'table'], table);
  if (mapping?.order === 'shared')
    faults.add([...path, 'table'], `${table} is shared, so its rows belong to no one order`);
  for (const column of columns) faults.open(path, table, column);
}

function claimFaults(faults: Faults): void {
  const { cancellation } = faults.profile;
  if (cancellation.longest < cancellation.settle)
    faults.add(['cancellation', 'longest'], 'it cannot be shorter than `settle`');
  for (const [table, claim] of Object.entries(cancellation.claims)) {
    const path = ['cancellation', 'claims', table];
    const mapping = faults.table(path, table);
    if (mapping?.order === 'shared')
      faults.add(path, 'shared tables are not claimed: their delta columns say what moves');
    claim.updated.forEach((column, index) =>
      faults.column([...path, 'updated', index], table, column),
    );
    if (typeof claim.inserted === 'object')
      faults.filter([...path, 'inserted'], table, claim.inserted);
  }
}

function lockFaults(faults: Faults): void {
  const { locks, order, payments } = faults.profile;
  locks.forEach((table, index) => {
    const mapping = faults.table(['locks', index], table);
    if (mapping?.order === 'shared')
      faults.add(['locks', index], `${table} is shared; its counters are locked by themselves`);
    if (locks.indexOf(table) !== index) faults.add(['locks', index], `${table} is named twice`);
  });
  if (!locks.includes(order.table))
    faults.add(['locks'], `the order's own table ${order.table} must be locked`);
  if (payments !== undefined && !locks.includes(payments.table))
    faults.add(
      ['locks'],
      `the payments' table ${payments.table} must be locked: money may move while an order comes back`,
    );
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
  const { column, parent } = mapping.order;
  faults.column([...path, 'column'], table, column);
  if (isOrder && (parent !== undefined || mapping.key.length !== 1 || mapping.key[0] !== column))
    faults.add(path, 'the order table has a key of one column, and finds its order by it');
  if (parent === undefined) return;
  const target = faults.table([...path, 'parent'], parent);
  if (target === undefined) return;
  if (target.order === 'shared')
    faults.add([...path, 'parent'], `${parent} is shared, so its rows belong to no one order`);
  if (target.key.length !== 1)
    faults.add([...path, 'parent'], `${parent} has a key of several columns, one can name it`);
  if (isInCircle(faults.profile, table))
    faults.add([...path, 'parent'], 'its parents form a circle and never reach the order');
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
        'a shared row is never set back: its columns are key, delta, touch, version or ignore',
      );
    if (typeof role !== 'object' || !('delta' in role)) continue;
    if (mapping.order !== 'shared')
      faults.add(path, 'a delta is for counters that many orders share; use `value` here');
    deltaFaults(faults, { path: [...path, 'delta'], table, mapping, delta: role.delta });
  }
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
