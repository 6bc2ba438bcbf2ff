import { OrderIndex, rowsOf } from './order-index.js';
import type { ProofInput } from './proof-input.js';
import type { LedgerAction, LoggedWrite, Row, Snapshot } from './snapshot.js';

/** Who made a change: told by the login, the traffic's ledger, or the failing job's report. */
export type Author = 'reinstate' | 'traffic' | 'fault' | 'nobody known';

export interface Change extends LoggedWrite {
  author: Author;
  orderId: string | null;
}

/** Everything that the checks look at, worked out once. */
export interface Facts {
  input: ProofInput;
  /** All changes between the snapshots, in the order in which each row saw them. */
  changes: readonly Change[];
  changesByOrder: ReadonlyMap<string, readonly Change[]>;
  /** What the traffic did between the snapshots. */
  newActions: readonly LedgerAction[];
  /** The order's rows in the first snapshot, by table and key. */
  rowsBefore: ReadonlyMap<string, ReadonlyMap<string, Row>>;
  index: OrderIndex;
  restored: ReadonlySet<string>;
  /** Orders that the fault cancelled or began to cancel. */
  struck: ReadonlySet<string>;
}

export function gatherFacts(input: ProofInput): Facts {
  const writes = newOnes(input.before.writes, input.after.writes);
  const newActions = newOnes(input.before.ledger, input.after.ledger);
  const index = new OrderIndex([input.before, input.after], writes);
  const struckOrders = [...input.fault.cancelled, ...input.fault.abandoned];
  const author = authorOf(input, newActions);
  const changes = writes.map((write) => ({
    ...write,
    author: author(write),
    orderId: index.orderOf(write.table, write.after ?? write.before ?? {}),
  }));
  return {
    input,
    changes,
    changesByOrder: byOrder(changes),
    newActions,
    rowsBefore: rowsByOrder(input.before, index),
    index,
    restored: new Set(input.restored),
    struck: new Set(struckOrders.map((order) => order.orderId)),
  };
}

/** Ids may commit out of order: what is new is what was not seen, not what is above the highest. */
function newOnes<T extends { id: number }>(before: readonly T[], after: readonly T[]): T[] {
  const seen = new Set(before.map((one) => one.id));
  return after.filter((one) => !seen.has(one.id));
}

function authorOf(
  { writeRole, fault }: ProofInput,
  newActions: readonly LedgerAction[],
): (write: LoggedWrite) => Author {
  const traffic = new Set(newActions.map((action) => action.transaction));
  const struck = [...fault.cancelled, ...fault.abandoned];
  const faulty = new Set(struck.flatMap((order) => order.transactions));
  return ({ role, transaction }) => {
    if (role === writeRole) return 'reinstate';
    if (traffic.has(transaction)) return 'traffic';
    return faulty.has(transaction) ? 'fault' : 'nobody known';
  };
}

function byOrder(changes: readonly Change[]): Map<string, Change[]> {
  const grouped = new Map<string, Change[]>();
  for (const change of changes) {
    if (change.orderId === null) continue;
    const group = grouped.get(change.orderId) ?? [];
    group.push(change);
    grouped.set(change.orderId, group);
  }
  return grouped;
}

function rowsByOrder(snapshot: Snapshot, index: OrderIndex): Map<string, Map<string, Row>> {
  const grouped = new Map<string, Map<string, Row>>();
  for (const table of snapshot.tables.keys()) {
    for (const [key, row] of rowsOf(snapshot, table)) {
      const orderId = index.orderOf(table, row);
      if (orderId === null) continue;
      const group = grouped.get(orderId) ?? new Map<string, Row>();
      group.set(rowName(table, key), row);
      grouped.set(orderId, group);
    }
  }
  return grouped;
}

/** One name for a row: `shop.orders 17`. */
export function rowName(table: string, key: string): string {
  return `${table} ${key}`;
}
