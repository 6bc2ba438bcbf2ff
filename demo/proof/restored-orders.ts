import { type Change, type Facts, rowName } from './changes.js';
import { Check } from './check.js';
import type { CheckResult } from './proof-input.js';
import type { Row } from './snapshot.js';

/** Rows are only ever added to these; a restore adds to them, too. */
export const APPEND_TABLES: readonly string[] = ['shop.order_history', 'shop.stock_movement'];
/** Columns that count on or say "touched now": set back they would hide the order from its readers. */
const FORWARD_COLUMNS: readonly string[] = ['updated_at', 'version'];

/**
 * Every value of a restored order (the order, its lines, shipping, payments, refunds) right after
 * Reinstate's last write is what it was right before the fault's first write.
 */
export function checkRestoredValues(facts: Facts): CheckResult {
  const check = new Check('restored orders are as they were');
  for (const orderId of facts.restored) {
    const changes = facts.changesByOrder.get(orderId) ?? [];
    const first = changes.findIndex((change) => change.author === 'fault');
    const last = changes.findLastIndex((change) => change.author === 'reinstate');
    if (first === -1 || last < first) {
      const problem = first === -1 ? 'was never harmed' : 'was never written back';
      check.expect(false, () => `order ${orderId} is called restored but ${problem}`);
      continue;
    }
    const meddling = changes
      .slice(first, last)
      .find((change) => change.author === 'traffic' || change.author === 'nobody known');
    check.expect(
      meddling === undefined,
      () => `order ${orderId} was changed by ${meddling?.author ?? ''} between harm and restore`,
    );
    const again = changes.slice(last).find((change) => change.author === 'fault');
    check.expect(again === undefined, () => `order ${orderId} was harmed again after its restore`);
    const rows = facts.rowsBefore.get(orderId) ?? new Map<string, Row>();
    const wanted = replay(rows, changes.slice(0, first));
    const harmed = replay(rows, changes.slice(0, last).filter(notReinstate));
    const found = replay(rows, changes.slice(0, last + 1));
    compareRows(check, wanted, found);
    compareForward(check, harmed, found, rowName('shop.orders', orderId));
  }
  return check.result();
}

function notReinstate(change: Change): boolean {
  return change.author !== 'reinstate';
}

function replay(
  rows: ReadonlyMap<string, Row>,
  changes: readonly Change[],
): ReadonlyMap<string, Row> {
  const state = new Map(rows);
  for (const { table, key, after } of changes) {
    if (after === null) state.delete(rowName(table, key));
    else state.set(rowName(table, key), after);
  }
  return state;
}

function compareRows(
  check: Check,
  wanted: ReadonlyMap<string, Row>,
  found: ReadonlyMap<string, Row>,
): void {
  for (const name of new Set([...wanted.keys(), ...found.keys()])) {
    if (APPEND_TABLES.some((table) => name.startsWith(`${table} `))) continue;
    const [was, is] = [wanted.get(name), found.get(name)];
    if (was === undefined || is === undefined) {
      check.expect(false, () => `${name} is ${is === undefined ? 'gone' : 'new'}`);
      continue;
    }
    for (const column of new Set([...Object.keys(was), ...Object.keys(is)])) {
      if (FORWARD_COLUMNS.includes(column)) continue;
      // Names only: a value may be a customer's address.
      check.expect(was[column] === is[column], () => `${name}: ${column} is not what it was`);
    }
  }
}

function compareForward(
  check: Check,
  harmed: ReadonlyMap<string, Row>,
  found: ReadonlyMap<string, Row>,
  name: string,
): void {
  const [before, after] = [harmed.get(name), found.get(name)];
  check.expect(
    Number(after?.['version']) >= Number(before?.['version']) &&
      String(after?.['updated_at']) > String(before?.['updated_at']),
    () => `${name}: version or updated_at was set back`,
  );
}

/**
 * What the fault added to a ledger of a restored order has its counterpart exactly once, nothing is
 * added twice, and nobody ever changed or deleted a row of an append-only table.
 */
export function checkAppendedOnce(facts: Facts): CheckResult {
  const check = new Check('appended rows are there once');
  for (const change of facts.changes) {
    if (!APPEND_TABLES.includes(change.table)) continue;
    check.expect(
      change.operation === 'INSERT',
      () => `${rowName(change.table, change.key)} had an ${change.operation}`,
    );
  }
  for (const orderId of facts.restored) {
    const changes = (facts.changesByOrder.get(orderId) ?? []).filter(
      (change) => change.operation === 'INSERT',
    );
    checkMovements(check, orderId, changes);
    checkHistory(check, orderId, changes);
  }
  return check.result();
}

function checkMovements(check: Check, orderId: string, changes: readonly Change[]): void {
  const movements = changes.filter((change) => change.table === 'shop.stock_movement');
  for (const [place, ofPlace] of Map.groupBy(movements, placeOf)) {
    const harm = ofPlace.filter((change) => change.author === 'fault');
    const repair = ofPlace.filter((change) => change.author === 'reinstate');
    check.expect(
      heldBy(harm) + heldBy(repair) === 0 && repair.length <= harm.length,
      () =>
        `order ${orderId}, ${place}: the job moved ${heldBy(harm)} of stock ` +
        `in ${harm.length} rows, the restore ${heldBy(repair)} in ${repair.length}`,
    );
  }
}

/** The goods of one line in one warehouse: what left there has to come back there. */
function placeOf({ after }: Change): string {
  const { order_line_id: line, product_id: product, warehouse } = after ?? {};
  return `line ${line ?? '?'}, product ${product ?? '?'} in ${warehouse ?? '?'}`;
}

function heldBy(changes: readonly Change[]): number {
  return changes.reduce((held, { after }) => held + stockHeldBy(after ?? {}), 0);
}

/** What a movement adds to (or takes from) the stock that is held for an order. */
export function stockHeldBy(movement: Row): number {
  const quantity = Number(movement['quantity']);
  return movement['kind'] === 'ALLOCATE' ? quantity : -quantity;
}

function checkHistory(check: Check, orderId: string, changes: readonly Change[]): void {
  const history = changes.filter((change) => change.table === 'shop.order_history');
  const harm = history.filter((change) => change.author === 'fault');
  const repair = history.filter((change) => change.author === 'reinstate');
  const alike = new Set(repair.map(({ after }) => withoutIdentity(after ?? {})));
  check.expect(
    alike.size === repair.length,
    () => `order ${orderId}: the same history row was added more than once`,
  );
  check.expect(
    harm.length === 0 || repair.length > 0,
    () => `order ${orderId}: its history tells of the cancellation but not of the restore`,
  );
}

function withoutIdentity(row: Row): string {
  const said = Object.entries(row).filter(([column]) => column !== 'id' && column !== 'created_at');
  return JSON.stringify(said.sort());
}
