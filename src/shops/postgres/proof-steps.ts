import type { ColumnValue } from '../../orders/row-change.js';
import { markerPrefix } from '../restore-marker.js';
import type { PlannedChange, RestoreItem } from '../shop-adapter.js';
import { counterSetting, movedColumns, movedRows, type MovedRow } from './lock-steps.js';
import type { Problem, RestoreStep } from './restore-step.js';
import {
  differingColumns,
  keyCondition,
  mappingOf,
  rowTitle,
  type RestoreContext,
} from './row-sql.js';
import { Parameters, quoteName, quoteTable, replaceParameters } from './sql-text.js';
import { addedSetting, isMoment } from './write-steps.js';

type Of<Kind extends PlannedChange['do']> = Extract<PlannedChange, { do: Kind }>;

/** Reads every planned value again: the shop's triggers may have had their say. */
export function rereadSteps(context: RestoreContext, item: RestoreItem): RestoreStep[] {
  const counters = movedRows(item).map((row, index) => counterStep(context, row, index));
  const rows = item.changes.flatMap((change, index) => {
    if (change.do === 'set') return [setRowStep(context, change)];
    if (change.do === 'insert') return [addedRowStep(context, change, index)];
    return change.do === 'delete' ? [goneRowStep(context, change)] : [];
  });
  return [...rows, ...counters];
}

/** The planned values, and those that the plan expected and does not set: nothing else may have moved. */
function setRowStep(context: RestoreContext, change: Of<'set'>): RestoreStep {
  const parameters = new Parameters();
  const key = keyCondition(context, change, parameters);
  const image = { ...change.expected, ...change.to };
  const differing = differingColumns(context, { table: change.table, image }, parameters);
  const title = rowTitle(change);
  return {
    kind: 'check',
    title: `read ${title} back`,
    statement: parameters.statement(
      `WITH compared AS (
         SELECT coalesce((SELECT ${differing} FROM ${quoteTable(change.table)} WHERE ${key}), 'the row is gone') AS found
       )
       SELECT found FROM compared WHERE found <> ''`,
    ),
    judge: (found) => differs(`${title}: ${found}`),
  };
}

function addedRowStep(context: RestoreContext, change: Of<'insert'>, index: number): RestoreStep {
  const parameters = new Parameters();
  const { table } = change;
  const key = mappingOf(context, table).key.map((column, keyIndex) => {
    const type = context.types.type(table, column);
    return `${quoteName(column)} = current_setting('${addedSetting(index, keyIndex)}')::${type}`;
  });
  const differing = differingColumns(context, { table, image: fixedValues(change) }, parameters);
  return {
    kind: 'check',
    title: `read the new row of ${table} back`,
    statement: parameters.statement(
      `WITH compared AS (
         SELECT coalesce((SELECT ${differing} FROM ${quoteTable(table)} WHERE ${key.join(' AND ')}), 'the row is gone') AS found
       )
       SELECT found FROM compared WHERE found <> ''`,
    ),
    judge: (found) => differs(`new row of ${table}: ${found}`),
  };
}

/** What of a new row is known beforehand. */
export function fixedValues(change: Of<'insert'>): Record<string, ColumnValue> {
  const fixed: Record<string, ColumnValue> = {};
  for (const [column, value] of Object.entries(change.row))
    if (!isMoment(value)) fixed[column] = value;
  return fixed;
}

function goneRowStep(context: RestoreContext, change: Of<'delete'>): RestoreStep {
  const parameters = new Parameters();
  const key = keyCondition(context, change, parameters);
  return {
    kind: 'check',
    title: `${rowTitle(change)} is gone`,
    statement: parameters.statement(
      `SELECT 'the row is still there' AS found FROM ${quoteTable(change.table)} WHERE ${key}`,
    ),
    judge: (found) => differs(`${rowTitle(change)}: ${found}`),
  };
}

/** A counter holds what it held when it was locked, plus what was planned: nothing moved it twice. */
function counterStep(context: RestoreContext, row: MovedRow, rowIndex: number): RestoreStep {
  const parameters = new Parameters();
  const key = keyCondition(context, row, parameters);
  const cases = movedColumns(row).map((column, index) => {
    const amounts = row.moves
      .filter((move) => move.column === column)
      .map(({ amount }) => parameters.add(amount, 'numeric'));
    const before = `current_setting('${counterSetting(rowIndex, index)}')::numeric`;
    const name = parameters.add(column, 'text');
    return `CASE WHEN ${quoteName(column)}::numeric = ${[before, ...amounts].join(' + ')} THEN NULL ELSE ${name} END`;
  });
  return {
    kind: 'check',
    title: `read the counter ${rowTitle(row)} back`,
    statement: parameters.statement(
      `WITH compared AS (
         SELECT coalesce((SELECT concat_ws(', ', ${cases.join(', ')}) FROM ${quoteTable(row.table)} WHERE ${key}), 'the row is gone') AS found
       )
       SELECT found FROM compared WHERE found <> ''`,
    ),
    judge: (found) => differs(`${rowTitle(row)}: ${found}`),
  };
}

function differs(detail: string): Problem {
  return { outcome: 'failed', reason: 'read-back-differs', detail };
}

/** The profile's own rules for a sound order; each must be true before the restore commits. */
export function invariantSteps(context: RestoreContext, item: RestoreItem): RestoreStep[] {
  return context.profile.invariants.map(({ name, sql }) => {
    const parameters = new Parameters();
    const title = parameters.add(name, 'text');
    const order = parameters.add(item.orderId, context.types.orderKey(context.profile));
    return {
      kind: 'check',
      title: `invariant: ${name}`,
      statement: parameters.statement(
        `SELECT ${title} AS found WHERE (${invariantSql(sql, order)}) IS NOT TRUE`,
      ),
      judge: (found) => ({
        outcome: 'failed',
        reason: 'invariant-broken',
        detail: `it would not hold that ${found}`,
      }),
    };
  });
}

/**
 * The steps in a subtransaction that may not write: an invariant is SQL out of a file, and a function in it
 * might. Afterwards the transaction may write again, as the shop's deferred triggers do at COMMIT.
 */
export function readOnly(steps: readonly RestoreStep[]): RestoreStep[] {
  const [name, values] = ['reinstate_invariants', [] as string[]];
  return [
    {
      kind: 'run',
      title: 'from here on only look',
      statement: { text: `SAVEPOINT ${name}`, values },
    },
    {
      kind: 'run',
      title: 'and write nothing',
      statement: { text: 'SET TRANSACTION READ ONLY', values },
    },
    ...steps,
    {
      kind: 'run',
      title: 'the invariants hold',
      statement: { text: `RELEASE SAVEPOINT ${name}`, values },
    },
  ];
}

/** An invariant as a scalar sub-select, with the order's key in place of `$1`. */
export function invariantSql(sql: string, order: string): string {
  return replaceParameters(sql.trim().replace(/;$/, ''), () => `(${order})`);
}

/** Stands in the shop's stream with the restore itself, so that our intake knows it for our own. */
export function markerStep(marker: string): RestoreStep {
  const parameters = new Parameters();
  const prefix = parameters.add(markerPrefix, 'text');
  const content = parameters.add(marker, 'text');
  return {
    kind: 'run',
    title: 'leave the mark by which Reinstate recognises it',
    statement: parameters.statement(`SELECT pg_logical_emit_message(true, ${prefix}, ${content})`),
  };
}
