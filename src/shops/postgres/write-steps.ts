import { unreachable } from '../../platform/assert.js';
import type { InsertedValue, PlannedChange, RestoreItem } from '../shop-adapter.js';
import type { Problem, RestoreStep } from './restore-step.js';
import {
  housekeeping,
  keyCondition,
  limitedRow,
  limitSql,
  mappingOf,
  plain,
  presentMoment,
  rowTitle,
  type RestoreContext,
} from './row-sql.js';
import { Parameters, quoteLiteral, quoteName, quoteTable } from './sql-text.js';

type Of<Kind extends PlannedChange['do']> = Extract<PlannedChange, { do: Kind }>;

/** The writes of an item, in the plan's order. All rows that they change are locked already. */
export function writeSteps(context: RestoreContext, item: RestoreItem): RestoreStep[] {
  return item.changes.map((change, index) => {
    switch (change.do) {
      case 'set':
        return setStep(context, change);
      case 'move':
        return moveStep(context, change);
      case 'insert':
        return insertStep(context, change, index);
      case 'delete':
        return deleteStep(context, change);
      default:
        return unreachable(change);
    }
  });
}

function setStep(context: RestoreContext, change: Of<'set'>): RestoreStep {
  const { table } = change;
  const parameters = new Parameters();
  const assignments = Object.entries(change.to)
    .filter(([column]) => !context.types.of(table, column).generated)
    .map(([column, value]) => {
      const type = context.types.type(table, column);
      return `${quoteName(column)} = ${parameters.add(plain(value), type)}`;
    });
  const all = [...assignments, ...housekeeping(context, table)].join(', ');
  const key = keyCondition(context, change, parameters);
  return {
    kind: 'one',
    title: `set ${rowTitle(change)} back`,
    statement: parameters.statement(
      `UPDATE ${quoteTable(table)} SET ${all} WHERE ${key} RETURNING 1`,
    ),
    judge: () => notAccepted(rowTitle(change)),
  };
}

/** The guard stands in the statement that writes: nobody can come between. */
function moveStep(context: RestoreContext, change: Of<'move'>): RestoreStep {
  const { table, column } = change;
  const parameters = new Parameters();
  const amount = parameters.add(change.amount, 'numeric');
  const moved = `${quoteName(column)} + ${amount}`;
  const key = keyCondition(context, change, parameters);
  const bounds = [
    ...bound(context, { change, limit: change.minimum, comparison: `${moved} >=` }, parameters),
    ...bound(context, { change, limit: change.maximum, comparison: `${moved} <=` }, parameters),
  ];
  const assignments = [
    `${quoteName(column)} = ${moved}`,
    ...mirrorsOf(context, { table, column, value: moved }),
    ...housekeeping(context, table),
  ];
  return {
    kind: 'one',
    title: `move ${column} of ${rowTitle(change)} by ${change.amount}`,
    statement: parameters.statement(
      `UPDATE ${quoteTable(table)} AS ${limitedRow} SET ${assignments.join(', ')} WHERE ${[key, ...bounds].join(' AND ')} RETURNING 1`,
    ),
    judge: () => ({
      outcome: 'refused',
      reason: 'stock-gone',
      detail: `${rowTitle(change)}: ${column} cannot be moved by ${change.amount}`,
    }),
  };
}

/** What repeats a counter in a JSON object beside it. */
function mirrorsOf(
  context: RestoreContext,
  { table, column, value }: { table: string; column: string; value: string },
): string[] {
  return Object.entries(mappingOf(context, table).columns).flatMap(([name, role]) => {
    if (typeof role !== 'object' || !('mirror' in role) || role.mirror.of !== column) return [];
    const [mirror, member] = [quoteName(name), quoteLiteral(role.mirror.json)];
    return [`${mirror} = jsonb_set(${mirror}, ARRAY[${member}], to_jsonb((${value})::text))`];
  });
}

function bound(
  context: RestoreContext,
  guard: { change: Of<'move'>; limit: string | number | null; comparison: string },
  parameters: Parameters,
): string[] {
  const { change, limit, comparison } = guard;
  if (limit === null) return [];
  if (typeof limit === 'number')
    return [`${comparison} ${parameters.add(String(limit), 'numeric')}`];
  const sql = mappingOf(context, change.table).limits[limit];
  return [`${comparison} ${sql === undefined ? quoteName(limit) : limitSql(sql)}`];
}

/** Where the transaction remembers the key of a row that it added. */
export function addedSetting(changeIndex: number, keyIndex: number): string {
  return `reinstate.added_${changeIndex}_${keyIndex}`;
}

function insertStep(context: RestoreContext, change: Of<'insert'>, index: number): RestoreStep {
  const { table } = change;
  const parameters = new Parameters();
  const given = Object.entries(change.row).filter(
    ([column]) => !context.types.of(table, column).generated,
  );
  const values = given.map(([column, value]) =>
    isMoment(value)
      ? presentMoment(context, table, column)
      : parameters.add(plain(value), context.types.type(table, column)),
  );
  const names = given.map(([column]) => quoteName(column)).join(', ');
  const key = mappingOf(context, table).key;
  const remembered = key.map(
    (column, keyIndex) =>
      `set_config('${addedSetting(index, keyIndex)}', ${quoteName(column)}::text, true)`,
  );
  // a row that is put back keeps its key, also where the database would give it one
  return {
    kind: 'one',
    title: `add a row to ${table}`,
    statement: parameters.statement(
      `WITH added AS (
         INSERT INTO ${quoteTable(table)} (${names}) OVERRIDING SYSTEM VALUE VALUES (${values.join(', ')})
         RETURNING ${key.map(quoteName).join(', ')}
       )
       SELECT ${remembered.join(', ')} FROM added`,
    ),
    judge: () => notAccepted(`a new row of ${table}`),
  };
}

function deleteStep(context: RestoreContext, change: Of<'delete'>): RestoreStep {
  const parameters = new Parameters();
  const key = keyCondition(context, change, parameters);
  return {
    kind: 'one',
    title: `take ${rowTitle(change)} away`,
    statement: parameters.statement(
      `DELETE FROM ${quoteTable(change.table)} WHERE ${key} RETURNING 1`,
    ),
    judge: () => notAccepted(rowTitle(change)),
  };
}

/** A trigger or a row security policy of the shop swallowed the write. */
function notAccepted(what: string): Problem {
  return { outcome: 'failed', reason: 'read-back-differs', detail: `${what} was not written` };
}

export function isMoment(value: InsertedValue): value is { readonly at: 'restore' } {
  return typeof value === 'object' && value !== null && 'at' in value;
}
