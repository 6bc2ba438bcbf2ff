import type {
  ActorKind,
  EntryHead,
  JournalEntry,
  Marker,
  OrderEventKind,
} from '../orders/order-event.js';
import type { OrderSnapshot } from '../orders/order-snapshot.js';
import type { RowChange } from '../orders/row-change.js';
import type { Row } from '../platform/database/database.js';

/** A row of `journal_entry` as the store selects it. */
interface JournalRow {
  shop_id: string;
  position: number;
  committed_at: string;
  recorded_at: Date;
  incarnation: string;
  commit_lsn: string;
  transaction_id: number;
  order_id: string;
  order_number: string | null;
  kinds: OrderEventKind[];
  status_before: string | null;
  status_after: string | null;
  actor_kind: ActorKind;
  actor: string | null;
  reason: string | null;
  customer_id: string | null;
  total_minor: number | null;
  currency: string | null;
  attributes: Record<string, string>;
  row_changes: RowChange[];
  snapshot: OrderSnapshot | null;
  marker: Marker | null;
  traceparent: string | null;
}

/** The entry in a row; what stands in the journal was checked when it was written, and never changes. */
export function entryOf(row: Row): JournalEntry {
  const { row_changes: rowChanges } = row as unknown as JournalRow;
  return { ...entryHeadOf(row), rowChanges };
}

/** The same of a row that was selected without its row changes. */
export function entryHeadOf(row: Row): EntryHead {
  const entry = row as unknown as Omit<JournalRow, 'row_changes'>;
  return {
    shopId: entry.shop_id,
    position: entry.position,
    committedAt: entry.committed_at,
    recordedAt: entry.recorded_at,
    source: {
      incarnation: entry.incarnation,
      commitLsn: entry.commit_lsn,
      transactionId: entry.transaction_id,
    },
    orderId: entry.order_id,
    orderNumber: entry.order_number,
    kinds: entry.kinds,
    statusBefore: entry.status_before,
    statusAfter: entry.status_after,
    actorKind: entry.actor_kind,
    actor: entry.actor,
    reason: entry.reason,
    customerId: entry.customer_id,
    total:
      entry.total_minor === null || entry.currency === null
        ? null
        : { amountMinor: entry.total_minor, currency: entry.currency },
    attributes: entry.attributes,
    snapshot: entry.snapshot,
    marker: entry.marker,
    traceparent: entry.traceparent,
  };
}
