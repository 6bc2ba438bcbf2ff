import { assert, present } from '../../platform/assert.js';
import { isSealed, type ColumnValue, type RowImage, type RowKey } from '../../orders/row-change.js';
import type { Profile, TableMapping } from '../profile.js';
import type { RowFilter } from '../row-filter.js';
import type { ColumnTypes } from './column-types.js';
import { quoteLiteral, quoteName, type Parameters } from './sql-text.js';

/** What the SQL of a restore is put together from. */
export interface RestoreContext {
  readonly profile: Profile;
  readonly types: ColumnTypes;
}

/** Name of the setting, local to the transaction, that keeps the session's own time zone. */
export const shopZone = 'reinstate.zone';

export function mappingOf({ profile }: RestoreContext, table: string): TableMapping {
  return present(profile.tables[table], `the plan names only mapped tables, and not ${table}`);
}

/** The condition that picks one row by its key. */
export function keyCondition(
  context: RestoreContext,
  row: { table: string; key: RowKey },
  parameters: Parameters,
): string {
  const columns = mappingOf(context, row.table).key;
  assert(columns.length === row.key.length, `a key of ${row.table} has ${columns.length} columns`);
  return columns
    .map((column, index) => {
      const type = context.types.type(row.table, column);
      return `${quoteName(column)} = ${parameters.add(row.key[index] ?? null, type)}`;
    })
    .join(' AND ');
}

/**
 * An expression that is true where the column holds exactly this value. Both sides are compared in the
 * form in which this session prints the type: to the letter, also for types without `=`, such as json.
 */
export function sameAs(
  context: RestoreContext,
  cell: { table: string; column: string; value: ColumnValue },
  parameters: Parameters,
): string {
  const type = context.types.type(cell.table, cell.column);
  const value = parameters.add(plain(cell.value), type);
  return `${quoteName(cell.column)}::text IS NOT DISTINCT FROM (${value})::text`;
}

/** An expression that names (in one text) the columns which do not hold these values. */
export function differingColumns(
  context: RestoreContext,
  row: { table: string; image: RowImage },
  parameters: Parameters,
): string {
  const cases = Object.entries(row.image).map(([column, value]) => {
    const same = sameAs(context, { table: row.table, column, value }, parameters);
    const name = parameters.add(column, 'text');
    return `CASE WHEN ${same} THEN NULL ELSE ${name} END`;
  });
  return listOf(cases);
}

/** One text that lists the texts which are not NULL; a function takes no more than 100 arguments, an array does. */
export function listOf(texts: readonly string[]): string {
  return `concat_ws(', ', VARIADIC ARRAY[${texts.join(', ')}]::text[])`;
}

/** A plan holds personal values opened; one that is still sealed cannot be written into a shop. */
export function plain(value: ColumnValue): string | null {
  assert(!isSealed(value), 'personal values are opened before they are planned');
  return value;
}

/**
 * The present moment in the column's type, by the shop's own clock, as the shop itself would write it:
 * a timestamp without zone in the zone that the session had before the restore pinned UTC.
 */
export function presentMoment(context: RestoreContext, table: string, column: string): string {
  const type = context.types.type(table, column);
  if (/^timestamp(\(\d\))? with time zone$/.test(type)) return 'now()';
  const local = `(now() AT TIME ZONE current_setting('${shopZone}'))`;
  if (/^timestamp(\(\d\))? without time zone$/.test(type)) return local;
  return type === 'date' ? `${local}::date` : `now()::text::${type}`;
}

/** Touch columns become now and version columns count on, whenever a row is written. */
export function housekeeping(context: RestoreContext, table: string): string[] {
  const assignments: string[] = [];
  for (const [column, role] of Object.entries(mappingOf(context, table).columns)) {
    const name = quoteName(column);
    if (role === 'touch') assignments.push(`${name} = ${presentMoment(context, table, column)}`);
    if (role === 'version') assignments.push(`${name} = ${name} + 1`);
  }
  return assignments;
}

/** What the SQL of a limit calls the row that it is for. */
export const limitedRow = 'counter';

/** A condition that holds for the rows which fit a profile's filter; `alias` stands for the row. */
export function filterSql(where: RowFilter, alias: string): string {
  const conditions = Object.entries(where).map(([column, texts]) => {
    const cell = `${alias}.${quoteName(column)}`;
    const allowed = texts.map((text) =>
      // by format(), as PostgreSQL prints it: a cast makes `true` of the `t` that filters name
      text === null
        ? `${cell} IS NULL`
        : `(${cell} IS NOT NULL AND format('%s', ${cell}) = ${quoteLiteral(text)})`,
    );
    return `(${allowed.join(' OR ')})`;
  });
  return ['true', ...conditions].join(' AND ');
}

/** A limit of a shared table as a scalar expression. */
export function limitSql(sql: string): string {
  return `(${sql.trim().replace(/;$/, '')})`;
}

/** A row's name for people: table and key, no values. */
export function rowTitle({ table, key }: { table: string; key: RowKey }): string {
  return `${table} ${key.join('/')}`;
}
