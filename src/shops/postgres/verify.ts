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
import { Parameters, quoteTable, type Statement } from './sql-text.js';
import type { Answer } from './statement-batch.js';

type Of<Kind extends PlannedChange['do']> = Extract<PlannedChange, { do: Kind }>;

/** One look at the shop, and what its answer says is not as planned: tables, keys and columns, no values. */
export interface Look {
  readonly statement: Statement;
  readonly judge: (answer: Answer) => string[];
}

/**
 * Asks what of a plan item the shop does not hold now. Shared counters are left out: others move them too, and
 * the restore itself proved its own move.
 */
export function readBack(context: RestoreContext, item: RestoreItem): Look[] {
  const single = item.changes.flatMap((change) => {
    if (change.do === 'set') return [setLook(context, change)];
    return change.do === 'delete' ? [goneLook(context, change)] : [];
  });
  const inserts = item.changes.filter((change) => change.do === 'insert');
  const alike = Map.groupBy(inserts, ({ table, row }) => JSON.stringify([table, row]));
  const added = [...alike.values()].flatMap((same) => addedLook(context, { item, same }));
  return [...single, ...added];
}

function setLook(context: RestoreContext, change: Of<'set'>): Look {
  const parameters = new Parameters();
  const key = keyCondition(context, change, parameters);
  const image = { table: change.table, image: change.to };
  const differing = differingColumns(context, image, parameters);
  return {
    statement: parameters.statement(
      `SELECT ${differing} AS found FROM ${quoteTable(change.table)} WHERE ${key}`,
    ),
    judge: ([row]) => {
      const found = row === undefined ? 'the row is gone' : row[0];
      return found ? [`${rowTitle(change)}: ${found}`] : [];
    },
  };
}

function goneLook(context: RestoreContext, change: Of<'delete'>): Look {
  const parameters = new Parameters();
  const key = keyCondition(context, change, parameters);
  return {
    statement: parameters.statement(
      `SELECT 1 AS found FROM ${quoteTable(change.table)} WHERE ${key}`,
    ),
    judge: (rows) => (rows.length === 0 ? [] : [`${rowTitle(change)}: the row is still there`]),
  };
}

/** The order must have at least as many rows with these values as were planned. */
function addedLook(
  context: RestoreContext,
  { item, same }: { item: RestoreItem; same: readonly Of<'insert'>[] },
): Look[] {
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
  const statement = parameters.statement(
    `SELECT count(*) AS found FROM (SELECT t.* FROM ${from} WHERE ${orderColumn} = ${order}) AS own WHERE ${where}`,
  );
  const judge = ([row]: Answer) => {
    const found = Number(row?.[0] ?? 0);
    const missing = same.length - found;
    return missing <= 0 ? [] : [`${table}: ${missing} of ${same.length} new rows are missing`];
  };
  return [{ statement, judge }];
}
