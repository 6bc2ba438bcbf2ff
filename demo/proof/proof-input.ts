import type { Snapshot } from './snapshot.js';

/** A row that the restore plan names. */
export interface PlannedRow {
  /** With or without the schema: shop.orders, orders. */
  table: string;
  /**
   * The row's key: its value, the values of a compound key in the key's order, or an object of key
   * columns. null for a row that the plan adds, whose key the database gives.
   */
  key: string | readonly string[] | Readonly<Record<string, string>> | null;
  /** The shop's id of the order for whose sake it is written. */
  orderId: string;
}

/** What the failing job says that it did to one order. */
export interface StruckOrder {
  orderId: string;
  transactions: readonly string[];
}

export interface ProofInput {
  /** Taken before the failure began. */
  before: Snapshot;
  /** Taken after the restore. */
  after: Snapshot;
  /** The login with which Reinstate writes to the shop. */
  writeRole: string;
  plan: readonly PlannedRow[];
  /** Orders that Reinstate says it has restored. */
  restored: readonly string[];
  /** Orders that Reinstate says it has left to people, untouched. */
  leftToPeople: readonly string[];
  fault: {
    cancelled: readonly StruckOrder[];
    /** Begun, and left because somebody else changed the order meanwhile. */
    abandoned: readonly StruckOrder[];
  };
}

export interface CheckResult {
  name: string;
  holds: boolean;
  /** How many things were looked at: a check that looked at nothing proves nothing. */
  examined: number;
  violationCount: number;
  /** The first ten, in words. */
  violations: string[];
}

export interface ProofReport {
  holds: boolean;
  checks: CheckResult[];
}
