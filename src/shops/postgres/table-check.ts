import type { ColumnRole, Profile, TableMapping } from '../profile.js';
import { totalColumns, totalMembers } from '../order-total.js';
import { pathText } from '../profile-file.js';
import type { CheckFault } from '../shop-adapter.js';
import { isPersonal } from '../row-reader.js';
import type { CatalogueColumn, CatalogueTable } from './catalogue.js';
import { quoteTable } from './sql-text.js';

type Severity = CheckFault['severity'];

/** What of the mapped tables does not fit the profile. Pure. */
export function tableFaults(
  profile: Profile,
  catalogue: ReadonlyMap<string, CatalogueTable>,
): CheckFault[] {
  return Object.entries(profile.tables).flatMap(([table, mapping]) => {
    const found = catalogue.get(table);
    if (found === undefined)
      return [
        fault(
          'error',
          ['tables', table],
          'the shop has no such table; correct its name, or take it out',
        ),
      ];
    return [
      ...wholeTableFaults(table, found),
      ...keyFaults(table, mapping, found),
      ...columnFaults(table, mapping, found),
      ...amountFaults(profile, table, found),
      ...leftBehindFaults(profile, table, found),
    ];
  });
}

function wholeTableFaults(table: string, found: CatalogueTable): CheckFault[] {
  const faults: CheckFault[] = [];
  const path = ['tables', table];
  if (!found.isTable)
    faults.push(fault('error', path, 'it is a view or a foreign table; map the table behind it'));
  if (!found.isReadable)
    faults.push(
      fault(
        'error',
        path,
        `the read credential may not read it: GRANT USAGE ON the schema and SELECT ON ${quoteTable(table)} to it`,
      ),
    );
  if (found.isFilteredForUs)
    faults.push(
      fault(
        'error',
        path,
        'row security applies to the read role, so that orders might stay hidden from Reinstate: ALTER ROLE ... BYPASSRLS',
      ),
    );
  else if (found.hasRowSecurity)
    faults.push(
      fault(
        'warning',
        path,
        'row security is on, and rows that it hides from the write role are not restored; see that it sees all',
      ),
    );
  for (const trigger of found.triggers)
    faults.push(
      fault(
        'warning',
        path,
        `its trigger ${trigger} also acts on what a restore writes; where that makes another order of it, the restore is refused`,
      ),
    );
  return faults;
}

function keyFaults(table: string, mapping: TableMapping, found: CatalogueTable): CheckFault[] {
  const path = ['tables', table, 'key'];
  const wanted = [...mapping.key].sort();
  const isUnique = found.uniqueKeys.some(
    (columns) => [...columns].sort().join('\n') === wanted.join('\n'),
  );
  const faults = isUnique
    ? []
    : [
        fault(
          'error',
          path,
          `no unique index is on just these columns: ${mapping.key.join(', ')}; name those of the primary key`,
        ),
      ];
  const nullable = mapping.key.filter((column) => found.columns.get(column)?.notNull === false);
  for (const column of nullable)
    faults.push(fault('error', path, `column ${column} may be NULL, and so cannot name a row`));
  return faults;
}

function columnFaults(table: string, mapping: TableMapping, found: CatalogueTable): CheckFault[] {
  const faults: CheckFault[] = [];
  for (const column of found.columns.keys()) {
    if (mapping.columns[column] === undefined)
      faults.push(
        fault(
          'error',
          ['tables', table, 'columns', column],
          'the shop has this column, and the profile gives it no role; give it one, or ignore it with the reason',
        ),
      );
  }
  for (const [column, role] of Object.entries(mapping.columns)) {
    const path = ['tables', table, 'columns', column];
    const facts = found.columns.get(column);
    const message =
      facts === undefined
        ? 'the shop has no such column; take it out'
        : roleFault(role, facts, { mapping, found });
    if (message !== undefined) faults.push(fault('error', path, message));
    if (typeof role === 'object' && 'delta' in role && !isPickedByKey(role.delta.match, found))
      faults.push(
        fault(
          'warning',
          [...path, 'delta', 'match'],
          'no unique index is on these columns, so they may pick two rows',
        ),
      );
  }
  return faults;
}

function roleFault(
  role: ColumnRole,
  facts: CatalogueColumn,
  { mapping, found }: { mapping: TableMapping; found: CatalogueTable },
): string | undefined {
  if (facts.generated && (role === 'value' || isPersonal(role)))
    return 'the database works it out from other columns; ignore it, with that reason';
  if (role === 'version' && facts.category !== 'N')
    return `a version counts, so it must be a number and not ${facts.type}`;
  if (role === 'touch' && !/^(timestamp|date)/.test(facts.type))
    return `a touch column becomes the present moment, so it must be a timestamp and not ${facts.type}`;
  if (typeof role === 'object' && 'mirror' in role && facts.type !== 'jsonb')
    return `a counter is mirrored in a JSON object, so it must be jsonb and not ${facts.type}`;
  if (typeof role !== 'object' || !('delta' in role)) return undefined;
  if (facts.category !== 'N') return `a counter must be a number and not ${facts.type}`;
  const bounds = [role.delta.guard.minimum, role.delta.guard.maximum];
  const strange = bounds.find(
    (bound) =>
      typeof bound === 'string' &&
      mapping.limits[bound] === undefined &&
      found.columns.get(bound)?.category !== 'N',
  );
  return strange === undefined ? undefined : `its guard ${strange} is no number`;
}

function isPickedByKey(match: Readonly<Record<string, string>>, found: CatalogueTable): boolean {
  return found.uniqueKeys.some((columns) => columns.every((column) => column in match));
}

/** Amounts and quantities of the profile that are no numbers, and dates that are no dates. */
function amountFaults(profile: Profile, table: string, found: CatalogueTable): CheckFault[] {
  const { order, lines, payments, refunds, history } = profile;
  const numbers: [string[], string, string | undefined][] = [
    ...totalColumns(profile).map(({ column }): [string[], string, string] => [
      ['order', 'total'],
      order.table,
      column,
    ]),
    [['lines', 'quantity'], lines.table, lines.quantity],
    [['lines', 'unit_price'], lines.details?.table ?? lines.table, lines.unit_price?.column],
    [['lines', 'total'], lines.table, lines.total?.column],
    [['payments', 'amount'], payments?.table ?? '', payments?.amount.column],
    [['refunds', 'amount'], refunds?.table ?? '', refunds?.amount.column],
  ];
  const moments: [string[], string, string | undefined][] = [
    [['order', 'placed_at'], order.table, order.placed_at],
    [['order', 'cancelled_at'], order.table, order.cancelled_at],
    [['history', 'at'], history?.table ?? '', history?.at],
  ];
  const wrong = (category: string, what: string) => (place: (typeof numbers)[number]) => {
    const [path, of, column] = place;
    const facts = of === table && column !== undefined ? found.columns.get(column) : undefined;
    return facts === undefined || facts.category === category
      ? []
      : [
          fault(
            'error',
            path,
            `column ${column ?? ''} is ${facts.type} and no ${what}; name another one`,
          ),
        ];
  };
  return [...numbers.flatMap(wrong('N', 'number')), ...moments.flatMap(wrong('D', 'date or time'))];
}

/** What every cancellation changes is set back, or worked out by the database; no reason is good enough to ignore it. */
function leftBehindFaults(profile: Profile, table: string, found: CatalogueTable): CheckFault[] {
  const { order, lines, tables } = profile;
  const wanted = [
    ...totalColumns(profile).map(({ column }) => ({ of: order.table, column })),
    ...totalMembers(profile).map(({ table: of, column }) => ({ of, column })),
    { of: lines.table, column: lines.quantity },
    { of: lines.table, column: lines.total?.column },
  ];
  return wanted.flatMap(({ of, column }) => {
    if (of !== table || column === undefined) return [];
    const role = tables[table]?.columns[column];
    const isIgnored = typeof role === 'object' && 'ignore' in role;
    if (!isIgnored || found.columns.get(column)?.generated !== false) return [];
    const message =
      'an order would come back without it; give it the role `value` (only what the database works out is ignored)';
    return [fault('error', ['tables', table, 'columns', column], message)];
  });
}

export function fault(
  severity: Severity,
  path: readonly (string | number)[],
  message: string,
): CheckFault {
  return { severity, where: pathText(path), message };
}
