import type { OrderSnapshot } from '../orders/order-snapshot.js';
import type { ColumnValue, RowImage, RowKey } from '../orders/row-change.js';

/** One write of a restore (or undo), exact: nothing in it is worked out later. */
export type PlannedChange =
  /** value columns: set `to`, if the row still holds `expected` */
  | {
      readonly do: 'set';
      readonly table: string;
      readonly key: RowKey;
      readonly expected: RowImage;
      readonly to: RowImage;
    }
  /** a shared counter: moved by `amount` (a decimal as text), within the guard */
  | {
      readonly do: 'move';
      readonly table: string;
      readonly key: RowKey;
      readonly column: string;
      readonly amount: string;
      readonly minimum: string | number | null;
      readonly maximum: string | number | null;
    }
  /** a new row; `compensates` is the key of the ledger row that it answers, if any */
  | {
      readonly do: 'insert';
      readonly table: string;
      readonly row: Readonly<Record<string, InsertedValue>>;
      readonly compensates: RowKey | null;
    }
  /** a row that the cancellation added is taken away, if it still is as it was added */
  | {
      readonly do: 'delete';
      readonly table: string;
      readonly key: RowKey;
      readonly expected: RowImage;
    };

/** A value of a new row: fixed in the plan, or known only at the restore. */
export type InsertedValue = ColumnValue | { readonly at: 'restore' };

/** A row that a restore relies on, by its key, with what it must still hold; what is not known is left out. */
export interface ExpectedRow {
  readonly key: RowKey;
  readonly values: RowImage;
}

/**
 * All rows that an order has in one of its own tables, also those that are not written: the value columns
 * must still be so, and no row may have come or gone (in a table to which rows are appended, come).
 */
export interface ExpectedTable {
  readonly table: string;
  readonly rows: readonly ExpectedRow[];
}

/** One order's part of a plan as the adapter gets it. `itemId` is the key of exactly-once. */
export interface RestoreItem {
  readonly itemId: string;
  readonly action: 'restore' | 'undo';
  readonly orderId: string;
  /** the order's row must hold this status, else the order is "not cancelled any more" or changed */
  readonly expectedStatus: string;
  readonly changes: readonly PlannedChange[];
  /** how the order must stand before the first write, or it is "changed since" */
  readonly expect: readonly ExpectedTable[];
}

/** Why an item is refused: closed list, also the metric's label and the API's `code`. */
export const refusalReasons = [
  'still-bleeding',
  'changed-since',
  'stock-gone',
  'money-returned',
  'shipped',
  'evidence-missing',
  'intended',
  'unsure',
  'not-cancelled-any-more',
  'outcome-unknown',
  /** nothing can be written to this shop */
  'no-adapter',
] as const;
export type RefusalReason = (typeof refusalReasons)[number];

/** Why an attempt failed: closed list; `retry` says whether trying again can help. */
export const failureReasons = [
  'locked',
  'deadlock',
  'timeout',
  'unreachable',
  'invariant-broken',
  'read-back-differs',
  'permission-denied',
  'shop-error',
] as const;
export type FailureReason = (typeof failureReasons)[number];

/** What became of one attempt to restore one order. */
export type RestoreOutcome =
  | { readonly outcome: 'applied'; readonly transactionId: number; readonly incarnation: string }
  | { readonly outcome: 'refused'; readonly reason: RefusalReason; readonly detail: string }
  | {
      readonly outcome: 'failed';
      readonly reason: FailureReason;
      readonly retry: boolean;
      readonly detail: string;
    }
  /** the connection was lost at COMMIT: the order may or may not be restored */
  | {
      readonly outcome: 'unknown';
      readonly transactionId: number;
      readonly incarnation: string;
      readonly detail: string;
    };

/** Called inside the shop's transaction just before COMMIT, so that an unknown outcome can be settled later. */
export type NoteTransaction = (transaction: {
  transactionId: number;
  incarnation: string;
}) => Promise<void>;

/** Where the shop's stream stands now. */
export interface ShopPosition {
  readonly lsn: string;
  readonly incarnation: string;
}

/** What a shop can do for an order. */
export type Capability =
  | { readonly way: 'reopen' }
  | { readonly way: 'person'; readonly reason: RefusalReason; readonly detail: string };

/** One finding of a check of a shop against its profile. */
export interface CheckFault {
  readonly severity: 'error' | 'warning';
  /** e.g. `tables["shop.orders"].columns.note` */
  readonly where: string;
  readonly message: string;
}

export interface CheckReport {
  readonly ok: boolean;
  readonly serverVersion: string;
  readonly faults: readonly CheckFault[];
}

/**
 * The way to one shop. Reads use the read credential; `restore` uses the write credential, which
 * stays unused until the shop is armed. Every expected failure is an outcome, never an exception.
 */
export interface ShopAdapter {
  /** Proves the profile on the live shop: every column has a role, every named column exists, ... */
  check(): Promise<CheckReport>;
  /** The order's mapped rows as they are now, by table; undefined where the shop has no such order. */
  readRows(orderId: string): Promise<ReadonlyMap<string, readonly RowImage[]> | undefined>;
  /** The order in canonical form, as it is now. */
  read(orderId: string): Promise<OrderSnapshot | undefined>;
  /** Finds an order's id by the number that people know. */
  findByNumber(orderNumber: string): Promise<string | undefined>;
  /** Orders that stand cancelled and were cancelled (as far as the shop's dates tell) in the period; newest first. */
  listCancelled(period: { since: Date; until: Date; limit: number }): Promise<OrderSnapshot[]>;
  /** Whether this order can be reopened at all, as it stands in the shop now. */
  capabilities(orderId: string): Promise<Capability>;
  /** Where the shop's write-ahead log stands; a journal that has passed it has seen all that was committed before. */
  currentPosition(): Promise<ShopPosition>;
  /** Current values of counter rows, for simulating a whole plan: same order as asked, null where the row is gone. */
  readCounters(rows: readonly { table: string; key: RowKey }[]): Promise<(RowImage | null)[]>;
  /** Restores (or undoes) one order in one transaction of the shop: all of it, or nothing with a reason. */
  restore(item: RestoreItem, noteTransaction: NoteTransaction): Promise<RestoreOutcome>;
  /** What became of a noted transaction whose COMMIT was not acknowledged. */
  outcomeOf(transaction: {
    transactionId: number;
    incarnation: string;
  }): Promise<'committed' | 'aborted' | 'in-progress' | 'unknown'>;
  /** Reads the order back and names what differs from the plan; an empty list means verified. */
  verify(item: RestoreItem): Promise<readonly string[]>;
  /** The same restore as a script for a DBA: same locks, guards, invariants and marker. */
  renderSql(items: readonly RestoreItem[]): Promise<string>;
  /** Ends all connections; nothing may be called afterwards. */
  close(): Promise<void>;
}
