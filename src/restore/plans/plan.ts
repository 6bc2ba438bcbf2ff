import { transitionTable } from '../../incidents/transitions.js';
import type { OrderSnapshot } from '../../orders/order-snapshot.js';
import type {
  ExpectedTable,
  PlannedChange,
  RefusalReason,
  RestoreItem,
} from '../../shops/shop-adapter.js';
import { canonicalHash } from '../../platform/canonical-json.js';

export const planStates = [
  'proposed',
  'approved',
  'rejected',
  'expired',
  'superseded',
  'run',
] as const;
export type PlanState = (typeof planStates)[number];

/** What may become of a plan. A DBA may run its SQL at any time: then it has run, whatever it was. */
export const planTransitions = transitionTable<PlanState>({
  subject: 'restore plan',
  initial: 'proposed',
  next: {
    proposed: ['approved', 'rejected', 'expired', 'superseded', 'run'],
    approved: ['rejected', 'expired', 'superseded', 'run'],
    rejected: ['run'],
    expired: ['run'],
    superseded: ['run'],
    run: [],
  },
  words: {
    proposed: 'proposed and waits for approval',
    approved: 'approved and not started',
    rejected: 'rejected: propose a new plan',
    expired: 'expired: propose a new plan',
    superseded: 'superseded by a newer plan of the incident',
    run: 'run already',
  },
});

export type PlanAction = RestoreItem['action'];

/** What is to be written for which orders of an incident; it never changes once proposed. */
export interface Plan {
  readonly id: string;
  /** what people call it by */
  readonly number: number;
  readonly incidentId: string;
  readonly shopId: string;
  readonly action: PlanAction;
  /** the run that an undo plan takes back */
  readonly undoesRunId: string | null;
  readonly state: PlanState;
  /** SHA-256 over the canonical form of all items: what an approval is bound to */
  readonly hash: string;
  readonly approvalsNeeded: number;
  readonly requestedBy: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly version: number;
}

/** Where an item's exact change comes from. */
export interface ItemSource {
  /** journal positions of the span's entries (restore) or of the restore's own entry (undo) */
  readonly positions: readonly number[];
  /** the entry that cancelled (or restored) the order: a span is restored once */
  readonly spanPosition: number;
  /** the newest entry of the order that the plan knows: any after it is "changed since" */
  readonly lastPosition: number;
}

/** What somebody who approves should know about an order. */
export interface Risk {
  readonly code: string;
  readonly words: string;
}

/** One order's part of a plan: exact, or left to a person with the reason. */
export interface PlanItem {
  readonly id: string;
  readonly caseId: string;
  readonly orderId: string;
  readonly orderNumber: string | null;
  /** orders are restored in this order */
  readonly sequence: number;
  readonly disposition: 'reopen' | 'person';
  readonly reason: RefusalReason | null;
  readonly detail: string | null;
  /** the status that the order must still have */
  readonly expectedStatus: string | null;
  readonly changes: readonly PlannedChange[];
  /** how all of the order's own rows must still stand, also those that are not written */
  readonly expect: readonly ExpectedTable[];
  /** the order as it was before its cancellation, for people */
  readonly before: OrderSnapshot | null;
  readonly source: ItemSource;
  readonly risks: readonly Risk[];
}

/** The hash that an approval is bound to: over everything that a plan's items say, in their order. */
export function planHash(
  plan: { shopId: string; incidentId: string; action: PlanAction },
  items: readonly PlanItem[],
): string {
  const { shopId, incidentId, action } = plan;
  const sorted = [...items].sort((left, right) => left.sequence - right.sequence);
  return canonicalHash({ shopId, incidentId, action, items: sorted });
}

/** An item as the shop's adapter takes it; only for items that are to be reopened. */
export function restoreItemOf(action: PlanAction, item: PlanItem): RestoreItem {
  return {
    itemId: item.id,
    action,
    orderId: item.orderId,
    expectedStatus: item.expectedStatus ?? '',
    changes: item.changes,
    expect: item.expect,
  };
}
