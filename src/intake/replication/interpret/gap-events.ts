import type { OrderEvent } from '../../../orders/order-event.js';
import {
  isErased,
  sameValue,
  type RowChange,
  type RowImage,
  type RowKey,
} from '../../../orders/row-change.js';
import type { Profile } from '../../../shops/profile.js';
import { isPlaced } from '../../../shops/snapshot.js';
import { emptyEvent } from './compose-events.js';
import { plainText } from './draft-image.js';

/** A row that a snapshot finds otherwise than it was when changes were last seen. */
export interface ChangedRow {
  readonly orderId: string;
  readonly table: string;
  readonly key: RowKey;
  /** as it is now; null where it is gone */
  readonly now: RowImage | null;
  /** it was not there when changes were last seen */
  readonly isNew: boolean;
}

export const gapReason =
  'changed while changes were lost at the source: what it was before each change is not known';
/** Of an order that came and was placed in the gap. */
const newReason =
  'first seen after changes were lost at the source: when it was placed, and what became of it until then, is not known';

/**
 * One entry per order that changed in a gap. Their row changes have no before-image: what was last seen
 * is not what the first lost change found. A row that came in the gap is an insert. Carts are passed over. `orderRows` holds each order's own row,
 * as it is now or (where it is gone) as it was last seen.
 */
export function gapEvents(
  profile: Profile,
  event: Pick<OrderEvent, 'shopId' | 'source' | 'committedAt'>,
  given: { changed: readonly ChangedRow[]; orderRows: ReadonlyMap<string, RowImage> },
): OrderEvent[] {
  const { status, number, customer } = profile.order;
  const text = (row: RowImage, column: string): string | null => plainText(row[column]) ?? null;
  return [...Map.groupBy(given.changed, ({ orderId }) => orderId)].flatMap(([orderId, rows]) => {
    const order = given.orderRows.get(orderId);
    if (order === undefined || !isPlaced(profile, order)) return [];
    const own = rows.find(({ table }) => table === profile.order.table);
    const isGone = own?.now === null;
    return {
      ...emptyEvent,
      ...event,
      orderId,
      orderNumber: text(order, number),
      kinds: ['gap' as const],
      statusAfter: isGone ? null : text(order, status.column),
      customerId: text(order, customer),
      reason: own?.isNew === true ? newReason : gapReason,
      rowChanges: rows.map(rowChange),
    };
  });
}

function rowChange({ table, key, now, isNew }: ChangedRow): RowChange {
  const operation = now === null ? 'delete' : isNew ? 'insert' : 'update';
  return { table, key, operation, before: null, after: now };
}

/** Whether any column that both images have differs; of an erased person nobody can tell. */
export function differs(last: RowImage, now: RowImage): boolean {
  return Object.entries(now).some(([column, value]) => {
    const before = last[column];
    if (before === undefined || isErased(before) || isErased(value)) return false;
    return !sameValue(before, value);
  });
}
