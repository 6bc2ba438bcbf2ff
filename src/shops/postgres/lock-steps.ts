import { present } from '../../platform/assert.js';
import { rowName } from '../../orders/fold.js';
import type { RowKey } from '../../orders/row-change.js';
import type { PlannedChange, RestoreItem } from '../shop-adapter.js';
import { ownRows } from './own-rows.js';
import type { Problem, RestoreStep } from './restore-step.js';
import {
  differingColumns,
  keyCondition,
  rowTitle,
  shopZone,
  type RestoreContext,
} from './row-sql.js';
import { Parameters, quoteName, quoteTable } from './sql-text.js';

export interface RestoreTimeouts {
  readonly lockMs: number;
  readonly statementMs: number;
  readonly transactionMs: number;
}

/** While holding locks we wait no longer than this, far less than any server's deadlock_timeout. */
export const impliedLockMs = 100;

/** The time zone as the session had it, then everything that this transaction needs pinned or bounded. */
export function settingSteps(timeouts: RestoreTimeouts): RestoreStep[] {
  const settings: Record<string, string> = {
    TimeZone: 'UTC',
    DateStyle: 'ISO, MDY',
    IntervalStyle: 'postgres',
    extra_float_digits: '1',
    bytea_output: 'hex',
    lock_timeout: `${timeouts.lockMs}ms`,
    statement_timeout: `${timeouts.statementMs}ms`,
    idle_in_transaction_session_timeout: `${timeouts.statementMs}ms`,
    // from PostgreSQL 17; where it is missing, the executor watches the time itself
    transaction_timeout: `${timeouts.transactionMs}ms`,
  };
  return [
    {
      kind: 'run',
      title: 'remember the time zone that the shop writes in',
      statement: {
        text: `SELECT set_config('${shopZone}', current_setting('TimeZone'), true)`,
        values: [],
      },
    },
    { kind: 'run', title: 'pin and bound', statement: settingsStatement(settings) },
    {
      kind: 'run',
      title: 'an acknowledged restore survives a crash of the server',
      statement: {
        text: `SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'`,
        values: [],
      },
    },
  ];
}

function settingsStatement(settings: Record<string, string>) {
  const parameters = new Parameters();
  const rows = Object.entries(settings).map(
    ([name, value]) => `(${parameters.add(name, 'text')}, ${parameters.add(value, 'text')})`,
  );
  return parameters.statement(
    `SELECT set_config(wanted.name, wanted.value, true) FROM (VALUES ${rows.join(', ')}) AS wanted (name, value)
      WHERE current_setting(wanted.name, true) IS NOT NULL`,
  );
}

/**
 * Locks the order's own rows, table by table in the profile's order. Only the first lock waits, since
 * nothing is held then; every further one fails at once. The order's status is compared on the way.
 */
export function orderLockSteps(
  context: RestoreContext,
  item: RestoreItem,
): [first: RestoreStep, ...further: RestoreStep[]] {
  const { locks, order } = context.profile;
  const steps = locks.map((table, index) => {
    const wait = index === 0 ? '' : ' NOWAIT';
    return table === order.table
      ? orderRowStep(context, item, wait)
      : ownRowsStep(context, { item, table, wait });
  });
  const [first, ...rest] = steps;
  return [present(first, 'a profile names what to lock'), impliedLocksStep(), ...rest];
}

/** From here on locks are held: waits that the shop's foreign keys and indexes imply stay short as well. */
function impliedLocksStep(): RestoreStep {
  return {
    kind: 'run',
    title: 'holding locks, do not wait for more',
    statement: {
      text: `SELECT set_config('lock_timeout', '${impliedLockMs}ms', true)`,
      values: [],
    },
  };
}

function orderRowStep(context: RestoreContext, item: RestoreItem, wait: string): RestoreStep {
  const { order } = context.profile;
  const parameters = new Parameters();
  const key = keyCondition(context, { table: order.table, key: [item.orderId] }, parameters);
  const expected = parameters.add(item.expectedStatus, 'text');
  return {
    kind: 'check',
    title: `lock the order and compare its status`,
    statement: parameters.statement(
      `WITH held AS MATERIALIZED (
         SELECT ${quoteName(order.status.column)}::text AS status FROM ${quoteTable(order.table)} WHERE ${key} FOR UPDATE${wait}
       )
       SELECT coalesce((SELECT status FROM held), '') AS found
        WHERE (SELECT status FROM held) IS DISTINCT FROM ${expected}`,
    ),
    judge: (status) => judgeStatus(context, item, status),
  };
}

function judgeStatus({ profile }: RestoreContext, item: RestoreItem, status: string): Problem {
  const { cancelled, shipped } = profile.order.status;
  const detail = status === '' ? 'the shop has no such order any more' : `its status is ${status}`;
  if (shipped.includes(status)) return { outcome: 'refused', reason: 'shipped', detail };
  const isStillCancelled = status === '' || cancelled.includes(status);
  if (item.action === 'undo' || isStillCancelled)
    return { outcome: 'refused', reason: 'changed-since', detail };
  return { outcome: 'refused', reason: 'not-cancelled-any-more', detail };
}

function ownRowsStep(
  context: RestoreContext,
  { item, table, wait }: { item: RestoreItem; table: string; wait: string },
): RestoreStep {
  const { from, orderColumn, key } = ownRows(context.profile, table);
  const parameters = new Parameters();
  const order = parameters.add(item.orderId, context.types.orderKey(context.profile));
  return {
    kind: 'run',
    title: `lock its rows of ${table}`,
    statement: parameters.statement(
      `WITH held AS MATERIALIZED (SELECT t.ctid FROM ${from} WHERE ${orderColumn} = ${order} ORDER BY ${key} FOR UPDATE OF t${wait})
       SELECT count(*) FROM held`,
    ),
  };
}

/** Each row that will be set or taken away is locked and must be exactly as the plan expects it. */
export function compareSteps(context: RestoreContext, item: RestoreItem): RestoreStep[] {
  return item.changes
    .filter((change) => change.do === 'set' || change.do === 'delete')
    .map((change) => compareStep(context, change));
}

type Expecting = Extract<PlannedChange, { do: 'set' | 'delete' }>;

function compareStep(context: RestoreContext, change: Expecting): RestoreStep {
  const parameters = new Parameters();
  const columns = Object.keys(change.expected).map(quoteName);
  const key = keyCondition(context, change, parameters);
  const differing = differingColumns(
    context,
    { table: change.table, image: change.expected },
    parameters,
  );
  return {
    kind: 'check',
    title: `${rowTitle(change)} is as the cancellation left it`,
    statement: parameters.statement(
      `WITH held AS MATERIALIZED (SELECT ${columns.join(', ') || '1'} FROM ${quoteTable(change.table)} WHERE ${key} FOR UPDATE NOWAIT),
            compared AS (SELECT coalesce((SELECT ${differing} FROM held), 'the row is gone') AS found)
       SELECT found FROM compared WHERE found <> ''`,
    ),
    judge: (found) => ({
      outcome: 'refused',
      reason: 'changed-since',
      detail: `${rowTitle(change)}: ${found}`,
    }),
  };
}

export type Move = Extract<PlannedChange, { do: 'move' }>;

/** A counter row and the columns that the item moves in it. */
export interface MovedRow {
  readonly table: string;
  readonly key: RowKey;
  readonly moves: readonly Move[];
}

/** The counters of an item, row by row, always in the same order for every item. */
export function movedRows(item: RestoreItem): MovedRow[] {
  const moves = item.changes.filter((change) => change.do === 'move');
  const rows = Map.groupBy(moves, ({ table, key }) => rowName(table, key));
  return [...rows]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([, [first, ...others]]) => {
      const { table, key } = present(first, 'a group has a member');
      return { table, key, moves: [present(first, 'a group has a member'), ...others] };
    });
}

/** Where the transaction remembers what a counter held when it was locked. */
export function counterSetting(rowIndex: number, columnIndex: number): string {
  return `reinstate.counter_${rowIndex}_${columnIndex}`;
}

/** The columns that are moved in a row, each once. */
export function movedColumns(row: MovedRow): string[] {
  return [...new Set(row.moves.map(({ column }) => column))];
}

/** Locks every counter row, and remembers what its counters hold, to prove afterwards what became of them. */
export function counterLockSteps(context: RestoreContext, item: RestoreItem): RestoreStep[] {
  return movedRows(item).map((row, rowIndex) => {
    const parameters = new Parameters();
    const columns = movedColumns(row);
    const key = keyCondition(context, row, parameters);
    const remembered = columns.map(
      (column, index) =>
        `set_config('${counterSetting(rowIndex, index)}', ${quoteName(column)}::text, true)`,
    );
    return {
      kind: 'one',
      title: `lock the counter ${rowTitle(row)}`,
      statement: parameters.statement(
        `WITH held AS MATERIALIZED (SELECT ${columns.map(quoteName).join(', ')} FROM ${quoteTable(row.table)} WHERE ${key} FOR UPDATE NOWAIT)
         SELECT ${remembered.join(', ')} FROM held`,
      ),
      judge: () => ({
        outcome: 'refused',
        reason: 'stock-gone',
        detail: `${rowTitle(row)}: the counter is gone`,
      }),
    };
  });
}
