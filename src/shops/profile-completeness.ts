import { totalColumns, totalMembers } from './order-total.js';
import type { ProfileFault } from './profile-fault-list.js';
import type { Profile, TableMapping } from './profile.js';
import { isPersonal } from './row-reader.js';
import { namesInSql } from './sql-names.js';

/**
 * Where the profile would restore less than a whole order, at worst its status alone, or prove nothing of it.
 * The live check says so too: a profile proves itself on the shop, not when it is read.
 */
export function completenessFaults(profile: Profile): ProfileFault[] {
  const { order, lines, tables, stock } = profile;
  const faults: ProfileFault[] = [];
  const orderValues = valueColumns(tables[order.table]);
  if (orderValues.every((column) => column === order.status.column))
    faults.push({
      path: ['tables', order.table, 'columns'],
      message:
        'only the status would come back; the totals and other columns need the role `value`',
    });
  if (valueColumns(tables[lines.table]).length === 0)
    faults.push({
      path: ['tables', lines.table, 'columns'],
      message:
        'no column of the lines would come back; quantities and prices need the role `value`',
    });
  const wanted: [string, string][] = [
    ...totalColumns(profile).map(({ column }): [string, string] => [order.table, column]),
    ...totalMembers(profile).map(({ table, column }): [string, string] => [table, column]),
    [lines.table, lines.quantity],
    ...(lines.total === undefined ? [] : [[lines.table, lines.total.column] as [string, string]]),
  ];
  for (const [table, column] of wanted) {
    const role = tables[table]?.columns[column];
    const isIgnored = typeof role === 'object' && 'ignore' in role;
    if (role !== 'value' && !isIgnored)
      faults.push({
        path: ['tables', table, 'columns', column],
        message: 'totals and quantities need the role `value`, or are ignored with a reason',
      });
  }
  const hasCounter = Object.values(tables).some(({ columns }) =>
    Object.values(columns).some((role) => typeof role === 'object' && 'delta' in role),
  );
  if (!hasCounter && stock === undefined)
    faults.push({
      path: ['stock'],
      message:
        'no column is a `delta`, so no stock would be taken again; map it, or say why not with stock: { ignore: … }',
    });
  return [...faults, ...idleInvariantFaults(profile)];
}

/** An invariant that looks at nothing of the order holds of every order, and so proves nothing of this one. */
function idleInvariantFaults({ invariants, tables }: Profile): ProfileFault[] {
  return invariants.flatMap(({ name, sql }, index) => {
    const names = namesInSql(sql);
    const looksAtOrder = Object.entries(tables).some(
      ([table, mapping]) =>
        names.has(table.slice(table.indexOf('.') + 1)) &&
        tellingColumns(mapping).some((column) => names.has(column)),
    );
    if (looksAtOrder) return [];
    const message = `"${name}" names no mapped column of an order's own table beside its keys, so it says nothing of the order; say what must be true of its rows`;
    return [{ path: ['invariants', index], message }];
  });
}

/** Columns of the order's own rows that say more than which row it is, and whose. */
function tellingColumns({ order, key, columns }: TableMapping): string[] {
  if (order === 'shared') return [];
  return Object.entries(columns)
    .filter(
      ([column, role]) => !key.includes(column) && column !== order.column && role !== 'touch',
    )
    .map(([column]) => column);
}

function valueColumns(mapping: TableMapping | undefined): string[] {
  return Object.entries(mapping?.columns ?? {})
    .filter(([, role]) => role === 'value' || isPersonal(role))
    .map(([column]) => column);
}
