import { Fault } from '../platform/errors.js';

/** What an order is named by: people know its number, programs its id. */
export const orderNames = ['number', 'id'] as const;
export type OrderNamedBy = (typeof orderNames)[number];

/** The orders that one text names, by their ids. */
export interface NamedOrders {
  readonly byNumber: string | undefined;
  readonly byId: string | undefined;
}

/**
 * The one order that is meant. Where one order's number is another one's id, nobody can tell which is
 * meant, and nobody is told of somebody else's order. Pure.
 * @throws Fault `order-ambiguous`, with both
 */
export function meantOrder(name: string, { byNumber, byId }: NamedOrders): string | undefined {
  if (byNumber !== undefined && byId !== undefined && byNumber !== byId)
    throw new Fault(
      'conflict',
      'order-ambiguous',
      `"${name}" is the number of one order and the id of another: say which is meant by the parameter by (on the command line --by), number or id`,
      { data: { byNumber: { orderId: byNumber }, byId: { orderId: byId } } },
    );
  return byNumber ?? byId;
}

/** Refuses to guess while only the shop could tell whether an order's id is another one's number. Pure. */
export function unsettledOrder(id: string): Fault {
  return new Fault(
    'unavailable',
    'order-unsettled',
    `"${id}" is the id of an order and may be the number of another one, which only the shop can tell, and it does not answer: say which is meant by the parameter by (by=id or by=number; on the command line --by), or ask again later`,
    { data: { byId: { orderId: id } } },
  );
}
