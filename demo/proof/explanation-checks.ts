import { type Change, type Facts, rowName } from './changes.js';
import { Check } from './check.js';
import { rowsOf } from './order-index.js';
import type { CheckResult, PlannedRow } from './proof-input.js';
import type { LedgerAction, Row, TableSnapshot } from './snapshot.js';

/**
 * The write log is the whole truth: played over the first snapshot it gives the second, row by row
 * and column by column. So every difference between the two has an author.
 */
export function checkWriteLog({ input: { before, after }, changes }: Facts): CheckResult {
  const check = new Check('the write log explains every difference');
  const state = new Map<string, Row>();
  for (const table of before.tables.keys()) {
    for (const [key, row] of rowsOf(before, table)) state.set(rowName(table, key), row);
  }
  for (const change of changes) {
    const name = rowName(change.table, change.key);
    check.expect(
      sameRow(state.get(name) ?? null, change.before),
      () => `${name} was changed before entry ${change.id} without an entry`,
    );
    if (change.after === null) state.delete(name);
    else state.set(name, change.after);
  }
  for (const [table, { rows }] of after.tables) {
    for (const [key, row] of rows) {
      const name = rowName(table, key);
      check.expect(sameRow(state.get(name) ?? null, row), () => `${name} differs without an entry`);
      state.delete(name);
    }
  }
  for (const name of state.keys()) {
    check.expect(false, () => `${name} is gone without an entry`);
  }
  return check.result();
}

/** Whoever switches a trigger off, or adds a table, could write unseen: nothing of that may happen. */
export function checkStructure({ input: { before, after } }: Facts): CheckResult {
  const check = new Check('tables, rights and triggers are as they were');
  const [were, are] = [new Set(before.structure), new Set(after.structure)];
  for (const line of new Set([...were, ...are])) {
    check.expect(were.has(line) && are.has(line), () =>
      are.has(line) ? `new: ${line}` : `gone: ${line}`,
    );
  }
  return check.result();
}

function sameRow(one: Row | null, other: Row | null): boolean {
  if (one === null || other === null) return one === other;
  const columns = Object.keys(one);
  return (
    columns.length === Object.keys(other).length &&
    columns.every((column) => one[column] === other[column])
  );
}

/** Every row that Reinstate's write login touched stands in the plan, for a restored order. */
export function checkWritesPlanned(facts: Facts): CheckResult {
  const check = new Check("Reinstate's writes stand in the plan");
  const planned = new PlannedRows(facts.input.plan, facts.input.after.tables);
  for (const change of facts.changes) {
    if (change.author !== 'reinstate') continue;
    check.expect(
      planned.claim(change),
      () => `${change.operation} of ${rowName(change.table, change.key)} is not in the plan`,
    );
    const { orderId } = change;
    if (orderId === null) continue;
    check.expect(
      facts.restored.has(orderId),
      () => `order ${orderId} was written to, but is not called restored`,
    );
  }
  return check.result();
}

/** The plan's rows under one spelling; a row to be added is used up by the one that was added. */
class PlannedRows {
  readonly #known = new Set<string>();
  readonly #toAdd = new Map<string, number>();

  constructor(
    plan: readonly PlannedRow[],
    private readonly tables: ReadonlyMap<string, TableSnapshot>,
  ) {
    for (const { table, key, orderId } of plan) {
      const name = table.includes('.') ? table : `shop.${table}`;
      if (key === null) {
        const added = `${name} for ${orderId}`;
        this.#toAdd.set(added, (this.#toAdd.get(added) ?? 0) + 1);
      } else {
        this.#known.add(`${rowName(name, this.#keyText(name, key))} for ${orderId}`);
        // A shared row (stock) belongs to no order: its key alone must be planned.
        this.#known.add(`${rowName(name, this.#keyText(name, key))} for any`);
      }
    }
  }

  claim({ table, key, orderId, operation }: Change): boolean {
    if (this.#known.has(`${rowName(table, key)} for ${orderId ?? 'any'}`)) return true;
    const added = `${table} for ${orderId ?? 'any'}`;
    const left = this.#toAdd.get(added) ?? 0;
    if (operation !== 'INSERT' || left === 0) return false;
    this.#toAdd.set(added, left - 1);
    return true;
  }

  #keyText(table: string, key: NonNullable<PlannedRow['key']>): string {
    if (typeof key === 'string') return key;
    if (isList(key)) return key.join('/');
    const columns = this.tables.get(table)?.keyColumns ?? [];
    return columns.map((column) => key[column] ?? '').join('/');
  }
}

function isList(key: NonNullable<PlannedRow['key']>): key is readonly string[] {
  return Array.isArray(key);
}

/** What orders have in common: changed for an order's sake, and checked by the stock checks. */
const SHARED_COUNTER = 'shop.stock';

/** Every other change was meant by the shop's traffic or reported by the failing job. */
export function checkOthersExplained(facts: Facts): CheckResult {
  const check = new Check('every other change is accounted for');
  const actions = byTransaction(facts.newActions);
  const reported = reportedOrders(facts);
  for (const change of facts.changes) {
    if (change.author === 'reinstate') continue;
    const name = `${change.operation} of ${rowName(change.table, change.key)} by ${change.role}`;
    check.expect(change.author !== 'nobody known', () => `${name}: nobody meant or reported it`);
    if (change.author === 'fault') {
      const claimed = reported.get(change.transaction);
      const fits =
        change.orderId === null
          ? change.table === SHARED_COUNTER
          : claimed?.has(change.orderId) === true;
      check.expect(fits, () => `${name}: the job did not report this order`);
    }
    if (change.author === 'traffic') {
      const meant = actions.get(change.transaction) ?? [];
      check.expect(isMeant(change, meant), () => `${name}: the ledger says something else`);
    }
  }
  return check.result();
}

function isMeant(change: Change, actions: readonly LedgerAction[]): boolean {
  if (change.orderId === null) {
    const received = change.table === 'shop.stock_movement' && change.operation === 'INSERT';
    const isRestock = received && actions.some(({ action }) => action === 'restock');
    return change.table === SHARED_COUNTER || isRestock;
  }
  const action = actions.find((one) => one.orderId === change.orderId);
  if (action === undefined) return false;
  // In one transaction a cart may be filled and placed: any status on the way will do.
  const isOnTheWay = change.operation === 'INSERT' && change.after?.['status'] === 'cart';
  if (change.table !== 'shop.orders' || isOnTheWay) return true;
  return change.after?.['status'] === action.status;
}

function byTransaction(actions: readonly LedgerAction[]): Map<string, LedgerAction[]> {
  const grouped = new Map<string, LedgerAction[]>();
  for (const action of actions) {
    grouped.set(action.transaction, [...(grouped.get(action.transaction) ?? []), action]);
  }
  return grouped;
}

function reportedOrders({ input: { fault } }: Facts): Map<string, Set<string>> {
  const reported = new Map<string, Set<string>>();
  for (const { orderId, transactions } of [...fault.cancelled, ...fault.abandoned]) {
    for (const transaction of transactions) {
      const orders = reported.get(transaction) ?? new Set();
      reported.set(transaction, orders.add(orderId));
    }
  }
  return reported;
}
