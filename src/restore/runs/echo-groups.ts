import type { JournalEntry } from '../../orders/order-event.js';
import type { ComparedEcho } from './echo-comparison.js';

/** Locks of run and incident are held for as many orders at once. */
const groupMax = 25;

/**
 * Cuts journal entries, in their order, into what may be taken in together: echoes of one plan that follow one
 * another and show just what was planned, of an order each. Everything else stands alone. Pure.
 */
export function echoGroups(
  entries: readonly JournalEntry[],
  compared: ReadonlyMap<number, ComparedEcho>,
): JournalEntry[][] {
  const groups: JournalEntry[][] = [];
  let planId: string | undefined;
  for (const entry of entries) {
    const echo = compared.get(entry.position);
    const own = echo?.difference === null ? echo.planItem.planId : undefined;
    const group = groups.at(-1);
    const joins =
      own !== undefined &&
      own === planId &&
      group !== undefined &&
      group.length < groupMax &&
      group.every(({ orderId }) => orderId !== entry.orderId);
    if (joins) group.push(entry);
    else groups.push([entry]);
    planId = own;
  }
  return groups;
}
