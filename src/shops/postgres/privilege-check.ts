import type { Profile, TableMapping } from '../profile.js';
import type { CheckFault } from '../shop-adapter.js';
import type { CatalogueTable } from './catalogue.js';
import type { ReadSession } from './shop-connections.js';
import { Parameters, quoteName, quoteTable } from './sql-text.js';
import { fault } from './table-check.js';

/** A right that a restore needs; without a column, on the table or sequence. */
export interface Need {
  readonly table: string;
  readonly privilege: 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE' | 'USAGE';
  readonly column?: string;
  /** a sequence that gives a new row its key */
  readonly sequence?: string;
}

/** Exactly what the write role must be allowed to do for the profile's restores (and undos). Pure. */
export function neededPrivileges(
  profile: Profile,
  catalogue: ReadonlyMap<string, CatalogueTable>,
): Need[] {
  return Object.entries(profile.tables).flatMap(([table, mapping]) => {
    const found = catalogue.get(table);
    if (found === undefined) return [];
    const needs: Need[] = [{ table, privilege: 'SELECT' }];
    const written = writtenColumns(profile, table, mapping).filter((column) =>
      found.columns.has(column),
    );
    for (const column of written) needs.push({ table, privilege: 'UPDATE', column });
    // a row lock needs the right to update something
    if (written.length === 0 && (profile.locks.includes(table) || isDeletedFrom(mapping)))
      needs.push({ table, privilege: 'UPDATE' });
    if (isInsertedInto(mapping)) needs.push(...insertNeeds(table, found));
    if (isDeletedFrom(mapping)) needs.push({ table, privilege: 'DELETE' });
    return needs;
  });
}

function writtenColumns(profile: Profile, table: string, mapping: TableMapping): string[] {
  const claimed = profile.cancellation.claims[table]?.updated ?? [];
  const roles = Object.entries(mapping.columns);
  const moved = roles.filter(
    ([, role]) => typeof role === 'object' && ('delta' in role || 'mirror' in role),
  );
  const written = [...claimed, ...moved.map(([column]) => column)];
  if (written.length === 0) return [];
  const kept = roles.filter(([, role]) => role === 'touch' || role === 'version');
  return [...new Set([...written, ...kept.map(([column]) => column)])];
}

/** A row that was taken away is put back by an undo. */
function isInsertedInto(mapping: TableMapping): boolean {
  return (
    mapping.append.length > 0 ||
    mapping.deleted === 'reinsert' ||
    mapping.inserted.some(({ do: deed }) => deed === 'compensate' || deed === 'delete')
  );
}

/** A row that was put back is taken away again by an undo. */
function isDeletedFrom(mapping: TableMapping): boolean {
  return (
    mapping.deleted === 'reinsert' || mapping.inserted.some(({ do: deed }) => deed === 'delete')
  );
}

function insertNeeds(table: string, found: CatalogueTable): Need[] {
  const sequences = [...found.columns.values()].flatMap(({ sequence }) => sequence ?? []);
  return [
    { table, privilege: 'INSERT' },
    ...sequences.map((sequence): Need => ({ table, privilege: 'USAGE', sequence })),
  ];
}

/**
 * Whether the write role may do what a restore needs, asked through the read connection: the write
 * credential itself is not used before the shop is armed.
 */
export async function privilegeFaults(
  session: ReadSession,
  { role, needs }: { role: string; needs: readonly Need[] },
): Promise<CheckFault[]> {
  const [found] = await session.query({
    text: 'SELECT rolsuper AS super, rolcanlogin AS login FROM pg_roles WHERE rolname = $1',
    values: [role],
  });
  const where = ['postgres', 'write'];
  if (found === undefined)
    return [
      fault('error', where, `the server has no role ${role}; create it, or correct the address`),
    ];
  const faults: CheckFault[] = [];
  if (found['login'] !== 't') faults.push(fault('error', where, `the role ${role} may not log in`));
  if (found['super'] === 't')
    faults.push(
      fault(
        'warning',
        where,
        `the role ${role} is a superuser; one with only the rights below is enough`,
      ),
    );
  return [
    ...faults,
    ...(await missing(session, { role, needs })),
    ...(await excess(session, { role, needs })),
  ];
}

async function missing(
  session: ReadSession,
  { role, needs }: { role: string; needs: readonly Need[] },
): Promise<CheckFault[]> {
  if (needs.length === 0) return [];
  const parameters = new Parameters();
  const name = parameters.add(role, 'name');
  const tests = needs.map((need, index) => {
    const place = parameters.add(String(index), 'int');
    return `SELECT ${place} AS place WHERE NOT (${mayUseSchema(need, name, parameters)} AND ${test(need, name, parameters)})`;
  });
  const rows = await session.query(
    parameters.statement(`${tests.join(' UNION ALL ')} ORDER BY place`),
  );
  return rows.flatMap(({ place }) => {
    const need = needs[Number(place)];
    return need === undefined ? [] : [fault('error', ['tables', need.table], lacking(role, need))];
  });
}

function mayUseSchema(need: Need, role: string, parameters: Parameters): string {
  const schema = parameters.add(need.table.slice(0, need.table.indexOf('.')), 'text');
  return `has_schema_privilege(${role}, ${schema}, 'USAGE')`;
}

function test(need: Need, role: string, parameters: Parameters): string {
  const { privilege } = need;
  if (need.sequence !== undefined)
    return `has_sequence_privilege(${role}, ${parameters.add(need.sequence, 'text')}, '${privilege}')`;
  const table = parameters.add(quoteTable(need.table), 'text');
  if (need.column !== undefined)
    return `has_column_privilege(${role}, ${table}, ${parameters.add(need.column, 'text')}, '${privilege}')`;
  return privilege === 'UPDATE'
    ? `has_any_column_privilege(${role}, ${table}, 'UPDATE')`
    : `has_table_privilege(${role}, ${table}, '${privilege}')`;
}

/** With the statement that gives the right, for the one who may. */
function lacking(role: string, { table, privilege, column, sequence }: Need): string {
  const what = column === undefined ? privilege : `${privilege} (${quoteName(column)})`;
  const on = sequence === undefined ? quoteTable(table) : `SEQUENCE ${sequence}`;
  const schema = table.slice(0, table.indexOf('.'));
  return (
    `a restore needs a right that ${role} does not have: GRANT ${what} ON ${on} TO ${quoteName(role)}` +
    ` (and USAGE on the schema ${schema})`
  );
}

/** Rights to take rows away are the ones worth a warning when nothing needs them. */
async function excess(
  session: ReadSession,
  { role, needs }: { role: string; needs: readonly Need[] },
): Promise<CheckFault[]> {
  const tables = [...new Set(needs.map(({ table }) => table))].filter(
    (table) => !needs.some((need) => need.table === table && need.privilege === 'DELETE'),
  );
  if (tables.length === 0) return [];
  const parameters = new Parameters();
  const name = parameters.add(role, 'name');
  const tests = tables.map((table, index) => {
    const place = parameters.add(String(index), 'int');
    const quoted = parameters.add(quoteTable(table), 'text');
    return `SELECT ${place} AS place WHERE has_table_privilege(${name}, ${quoted}, 'DELETE') OR has_table_privilege(${name}, ${quoted}, 'TRUNCATE')`;
  });
  const rows = await session.query(
    parameters.statement(`${tests.join(' UNION ALL ')} ORDER BY place`),
  );
  if (rows.length === 0) return [];
  const listed = rows.map(({ place }) => tables[Number(place)]).join(', ');
  return [
    fault(
      'warning',
      ['postgres', 'write'],
      `${role} may delete rows of ${listed}, which no restore needs`,
    ),
  ];
}
