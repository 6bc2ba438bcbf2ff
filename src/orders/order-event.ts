import type { Money } from '../platform/money.js';
import type { OrderSnapshot } from './order-snapshot.js';
import type { RowChange } from './row-change.js';

/** What can happen to an order. One entry of the journal has a set of these. */
export const orderEventKinds = [
  'placed',
  'paid',
  'changed',
  'line-cancelled',
  'cancelled',
  'restored',
  'shipped',
  'refunded',
  'deleted',
  /** rows that many orders share, such as stock counters; the entry has no order */
  'shared',
  /** changes were lost at the source; the entry has no order */
  'gap',
] as const;
export type OrderEventKind = (typeof orderEventKinds)[number];

/** Who did it, as far as the shop's own rows tell; a raw UPDATE leaves `unknown`, not `system`. */
export const actorKinds = ['customer', 'staff', 'job', 'api', 'unknown'] as const;
export type ActorKind = (typeof actorKinds)[number];

/** Where in the source's stream a change stands. The four together never repeat. */
export interface SourcePosition {
  /** system identifier, timeline and slot generation: `7312…/1/2`; changes after a fail-over */
  readonly incarnation: string;
  /** LSN of the commit, e.g. `0/16B3748` */
  readonly commitLsn: string;
  readonly transactionId: number;
}

/** Left by our own restore or undo in the shop's stream, so that it is recognised when it arrives. */
export interface Marker {
  readonly action: 'restore' | 'undo';
  readonly itemId: string;
}

/** An order event before it is journalled: the net change that one source transaction made to one order. */
export interface OrderEvent {
  readonly shopId: string;
  readonly source: SourcePosition;
  /** the order's id in the shop; '' where the entry has no order (`shared`, `gap`) */
  readonly orderId: string;
  readonly orderNumber: string | null;
  readonly kinds: readonly OrderEventKind[];
  readonly statusBefore: string | null;
  readonly statusAfter: string | null;
  readonly actorKind: ActorKind;
  readonly actor: string | null;
  readonly reason: string | null;
  readonly customerId: string | null;
  /** the order's total before the change (after it, for a new order) */
  readonly total: Money | null;
  /** payment method, channel, app version, warehouse, region ... as the profile names them */
  readonly attributes: Readonly<Record<string, string>>;
  readonly rowChanges: readonly RowChange[];
  /** stored where the order is placed or cancelled: its state *before* a cancel, *after* a placing */
  readonly snapshot: OrderSnapshot | null;
  readonly marker: Marker | null;
  readonly traceparent: string | null;
  /** when the source committed it: RFC 3339 with microseconds */
  readonly committedAt: string;
}

/** An order event in the journal. */
export interface JournalEntry extends OrderEvent {
  /** counts the shop's entries from 1 without holes, in the order in which they were committed */
  readonly position: number;
  /** when Reinstate wrote it down */
  readonly recordedAt: Date;
}

/** What an entry says beside the rows that changed, which are most of its bytes. */
export type EntryHead = Omit<JournalEntry, 'rowChanges'>;
