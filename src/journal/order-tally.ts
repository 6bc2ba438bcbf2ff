import type { ActorKind, OrderEvent } from '../orders/order-event.js';

/** What is counted: orders as the journal tells of them, and verdicts given on cancelled ones. */
export const tallied = ['placed', 'cancelled', 'wrongful', 'intended', 'unsure'] as const;
export type Tallied = (typeof tallied)[number];

/** What happened to how many orders, by who did it (of a verdict: who cancelled the order). */
export interface OrderCount {
  readonly what: Tallied;
  readonly actorKind: ActorKind;
  readonly orders: number;
}

/**
 * Counts what these events say of orders placed and cancelled. Our own restores and undos are left out,
 * and so are carts that are given up: nobody had ordered them.
 */
export function countOrders(events: readonly OrderEvent[]): OrderCount[] {
  const seen = events
    .filter(({ orderId, marker }) => orderId !== '' && marker === null)
    .flatMap((event) => {
      const { kinds, actorKind, snapshot } = event;
      const isCancelled = kinds.includes('cancelled') && snapshot?.state !== 'draft';
      return [
        ...(kinds.includes('placed') ? [{ what: 'placed', actorKind } as const] : []),
        ...(isCancelled ? [{ what: 'cancelled', actorKind } as const] : []),
      ];
    });
  return sumCounts(seen.map((one) => ({ ...one, orders: 1 })));
}

/** One count of each kind, in a fixed order: who writes several always locks them alike. */
export function sumCounts(counts: readonly OrderCount[]): OrderCount[] {
  const nameOf = ({ what, actorKind }: OrderCount): string => `${what} ${actorKind}`;
  return [...Map.groupBy(counts, nameOf)]
    .sort(([left], [right]) => left.localeCompare(right))
    .flatMap(([, [first, ...rest]]) =>
      first === undefined
        ? []
        : [{ ...first, orders: rest.reduce((sum, { orders }) => sum + orders, first.orders) }],
    );
}
