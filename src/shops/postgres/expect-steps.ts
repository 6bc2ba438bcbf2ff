import { createHash } from 'node:crypto';
import { present } from '../../platform/assert.js';
import { signsAmongNotes } from '../order-notes.js';
import type { RowFilter } from '../row-filter.js';
import type { ExpectedRow, ExpectedTable, RestoreItem } from '../shop-adapter.js';
import { isPersonal } from '../row-reader.js';
import { ownRows } from './own-rows.js';
import type { RestoreStep } from './restore-step.js';
import { filterSql, listOf, mappingOf, plain, type RestoreContext } from './row-sql.js';
import { Parameters, quoteLiteral, quoteName } from './sql-text.js';

/**
 * Whether the order's own rows, also those that the plan does not write, stand as the plan expects them: one
 * statement for each table, however many rows it has. They come after all locks: rows of the profile's locked
 * tables cannot change any more, and none can be added below an order that its foreign keys find locked.
 */
export function expectSteps(context: RestoreContext, item: RestoreItem): RestoreStep[] {
  return item.expect.map((expected) => expectStep(context, item, expected));
}

function expectStep(
  context: RestoreContext,
  item: RestoreItem,
  expected: ExpectedTable,
): RestoreStep {
  const { table } = expected;
  const parameters = new Parameters();
  const known = parameters.add(JSON.stringify(knownRows(context, item, expected)), 'jsonb');
  const { from, orderColumn } = ownRows(context.profile, table);
  const order = parameters.add(item.orderId, context.types.orderKey(context.profile));
  const columns = [...new Set(expected.rows.flatMap(({ values }) => Object.keys(values)))];
  const { key, columns: roles } = mappingOf(context, table);
  const isSalted = columns.some((column) => isPersonal(roles[column]));
  const salt = isSalted ? parameters.add(`${item.itemId}\n`, 'text') : `''`;
  const signs = signsAmongNotes(context.profile, table);
  const read = [...key, ...columns, ...(signs ?? []).flatMap((where) => Object.keys(where))];
  const selected = [...new Set(read)].map((column) => `t.${quoteName(column)}`).join(', ');
  return {
    kind: 'check',
    title: `its rows of ${table} are as the journal knows them`,
    statement: parameters.statement(
      `WITH known AS MATERIALIZED (SELECT entry -> 'key' AS key, entry -> 'values' AS image FROM jsonb_array_elements(${known}) AS entry),
            own AS MATERIALIZED (SELECT ${selected} FROM ${from} WHERE ${orderColumn} = ${order}),
            compared AS (
              ${changedRowsSql(context, { salt, table, columns })}
              UNION ALL
              ${addedRowsSql(context, { table, signs })}
            )
       SELECT title || ': ' || found AS found FROM compared WHERE found <> '' ORDER BY 1 LIMIT 1`,
    ),
    judge: (found) => ({
      outcome: 'refused',
      reason: 'changed-since',
      detail: `${table} ${found}`,
    }),
  };
}

function changedRowsSql(
  context: RestoreContext,
  { salt, table, columns }: { salt: string; table: string; columns: readonly string[] },
): string {
  const { key } = mappingOf(context, table);
  const title = key.map((_, index) => `known.key ->> ${index}`).join(', ');
  const differing = columns.map((column) => differingCase(context, { salt, table, column }));
  return `SELECT concat_ws('/', ${title}) AS title,
                     CASE WHEN own.${quoteName(present(key[0], 'a table has a key'))} IS NULL THEN 'the row is gone' ELSE ${listOf(differing)} END AS found
                FROM known LEFT JOIN own ON ${sameKey(context, table)}`;
}

function addedRowsSql(
  context: RestoreContext,
  { table, signs }: { table: string; signs: readonly RowFilter[] | undefined },
): string {
  const key = mappingOf(context, table).key.map((column) => `own.${quoteName(column)}::text`);
  const conflicts =
    signs === undefined
      ? 'true'
      : ['false', ...signs.map((where) => `(${filterSql(where, 'own')})`)].join(' OR ');
  return `SELECT concat_ws('/', ${key.join(', ')}), 'the row was added' FROM own
               WHERE (${conflicts}) AND NOT EXISTS (SELECT FROM known WHERE ${sameKey(context, table)})`;
}

function sameKey(context: RestoreContext, table: string): string {
  return mappingOf(context, table)
    .key.map((column, index) => {
      const type = context.types.type(table, column);
      return `own.${quoteName(column)} = (known.key ->> ${index})::${type}`;
    })
    .join(' AND ');
}

/** Personal values go as digests: what is only compared is not to be read in a script. */
function knownRows(
  context: RestoreContext,
  { itemId }: RestoreItem,
  { table, rows }: ExpectedTable,
): ExpectedRow[] {
  const roles = mappingOf(context, table).columns;
  return rows.map(({ key, values }) => ({
    key,
    values: Object.fromEntries(
      Object.entries(values).map(([column, value]): [string, string | null] => {
        const text = plain(value);
        const isSecret = text !== null && isPersonal(roles[column]);
        return [column, isSecret ? digest(itemId, text) : text];
      }),
    ),
  }));
}

/** The item's id makes equal values of two items different: no table made beforehand tells what they are. */
function digest(itemId: string, text: string): string {
  return createHash('sha256').update(`${itemId}\n${text}`).digest('hex');
}

/** Names the column where it does not hold what is known of it. */
function differingCase(
  context: RestoreContext,
  cell: { salt: string; table: string; column: string },
): string {
  const { salt, table, column } = cell;
  const [own, name] = [`own.${quoteName(column)}`, quoteLiteral(column)];
  const known = `known.image ->> ${name}`;
  const differs = isPersonal(mappingOf(context, table).columns[column])
    ? // by format(), the text is the one that the stream sends: a cast writes some types otherwise
      `CASE WHEN ${own} IS NOT NULL THEN encode(sha256(convert_to(${salt} || format('%s', ${own}), 'UTF8')), 'hex') END IS DISTINCT FROM ${known}`
    : `${own}::text IS DISTINCT FROM (${known})::${context.types.type(table, column)}::text`;
  return `CASE WHEN known.image ? ${name} AND ${differs} THEN ${name} END`;
}
