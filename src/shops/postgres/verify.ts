import type { PlannedChange, RestoreItem } from '../shop-adapter.js';
import { ownRows } from './own-rows.js';
import { fixedValues } from './proof-steps.js';
import {
  differingColumns,
  keyCondition,
  rowTitle,
  sameAs,
  type RestoreContext,
} from './row-sql.js';
import type { Query } from './shop-connections.js';
import { Parameters, quoteTable } from './sql-text.js';

type Of<Kind extends PlannedChange['do']> = Extract<PlannedChange, { do: Kind }>;

/**
 * What of a plan item the shop does not hold now: tables, keys and columns, no values. Shared counters
 * are left out: others move them too, and the restore itself proved its own move.
 */
export async function differencesFrom(
  context: RestoreContext,
  item: RestoreItem,
  query: Query,
): Promise<string[]> {
  const differences: string[] = [];
  for (const change of item.changes) {
    if (change.do === 'set') differences.push(...(await setDifferences(context, change, query)));
    if (change.do === 'delete') differences.push(...(await leftOver(context, change, query)));
  }
  const inserts = item.changes.filter((change) => change.do === 'insert');
  for (const same of Map.groupBy(inserts, ({ table, row }) =>
    JSON.stringify([table, row]),
  ).values())
    differences.push(...(await missingRows(context, { item, same }, query)));
  return differences;
}

async function setDifferences(
  context: RestoreContext,
  change: Of<'set'>,
  query: Query,
): Promise<string[]> {
  const parameters = new Parameters();
  const key = keyCondition(context, change, parameters);
  const image = { table: change.table, image: change.to };
  const differing = differingColumns(context, image, parameters);
  const [row] = await query(
    parameters.statement(
      `SELECT ${differing} AS found FROM ${quoteTable(change.table)} WHERE ${key}`,
    ),
  );
  const found = row === undefined ? 'the row is gone' : row['found'];
  return found ? [`${rowTitle(change)}: ${found}`] : [];
}

async function leftOver(
  context: RestoreContext,
  change: Of<'delete'>,
  query: Query,
): Promise<string[]> {
  const parameters = new Parameters();
  const key = keyCondition(context, change, parameters);
  const rows = await query(
    parameters.statement(`SELECT 1 AS found FROM ${quoteTable(change.table)} WHERE ${key}`),
  );
  return rows.length === 0 ? [] : [`${rowTitle(change)}: the row is still there`];
}

/** The order must have at least as many rows with these values as were planned. */
async function missingRows(
  context: RestoreContext,
  { item, same }: { item: RestoreItem; same: readonly Of<'insert'>[] },
  query: Query,
): Promise<string[]> {
  const [change] = same;
  if (change === undefined) return [];
  const { table } = change;
  const parameters = new Parameters();
  const { from, orderColumn } = ownRows(context.profile, table);
  const order = parameters.add(item.orderId, context.types.orderKey(context.profile));
  const cells = Object.entries(fixedValues(change)).map(([column, value]) =>
    sameAs(context, { table, column, value }, parameters),
  );
  const where = cells.length === 0 ? 'true' : cells.join(' AND ');
  const [row] = await query(
    parameters.statement(
      `SELECT count(*) AS found FROM (SELECT t.* FROM ${from} WHERE ${orderColumn} = ${order}) AS own WHERE ${where}`,
    ),
  );
  const found = Number(row?.['found'] ?? 0);
  return found >= same.length
    ? []
    : [`${table}: ${same.length - found} of ${same.length} new rows are missing`];
}
