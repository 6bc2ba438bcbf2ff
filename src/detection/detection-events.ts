import type { EntryHead } from '../orders/order-event.js';
import { heldMinor } from '../orders/order-snapshot.js';
import type { DetectionEvent } from './detector.js';

/** Longer values (free-text reasons) are told apart by their beginnings. */
const valueLengthMax = 120;

export type Actor = Pick<EntryHead, 'actorKind' | 'actor' | 'reason'>;

/**
 * What a journal entry that counts as of this moment means to a detector. Nothing for our own restores and undos, for carts, and for
 * entries that belong to no order.
 */
export function eventsOf(entry: EntryHead, at: Date): DetectionEvent[] {
  if (entry.orderId === '' || entry.marker !== null) return [];
  const kinds = kindsOf(entry);
  return kinds.map((kind) => ({
    kind,
    position: entry.position,
    at,
    orderId: entry.orderId,
    account: accountOf(entry.customerId, entry.orderId),
    attributes:
      kind === 'placed'
        ? shortened(entry.attributes)
        : { ...shortened(entry.attributes), ...actorAttributes(entry) },
    paid: entry.snapshot !== null && heldMinor(entry.snapshot) > 0,
    amountMinor: entry.total?.amountMinor ?? entry.snapshot?.totalMinor ?? 0,
    currency: entry.total?.currency ?? entry.snapshot?.currency ?? 'XXX',
  }));
}

/** Whose order it is: the customer, or for a guest the order itself. */
export function accountOf(customerId: string | null, orderId: string): string {
  return customerId === null ? `order:${orderId}` : `customer:${customerId}`;
}

/** Who and why, as attributes to slice by. A customer is no value of its own: accounts are counted anyway. */
export function actorAttributes({ actorKind, actor, reason }: Actor): Record<string, string> {
  const isPerson = actorKind === 'customer';
  return shortened({
    actor_kind: actorKind,
    ...(actor === null || isPerson ? {} : { actor }),
    ...(reason === null ? {} : { reason }),
  });
}

export function shortened(attributes: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [name, value.slice(0, valueLengthMax)]),
  );
}

function kindsOf(entry: EntryHead): DetectionEvent['kind'][] {
  const kinds: DetectionEvent['kind'][] = [];
  if (entry.kinds.includes('placed')) kinds.push('placed');
  if (entry.kinds.includes('cancelled')) {
    if (entry.snapshot?.state !== 'draft') kinds.push('cancelled');
  } else if (!entry.kinds.includes('placed') && saysWho(entry)) {
    kinds.push('clarified');
  }
  return kinds;
}

function saysWho({ actorKind, actor, reason }: Actor): boolean {
  return actorKind !== 'unknown' || actor !== null || reason !== null;
}
