import type { Decision } from './decisions.js';
import { randomFrom } from './random.js';

/** What customers, staff and payment providers do about one order, in time order. */
export type LifeAction =
  'cart' | 'place' | 'reduce' | 'pay' | 'customer_cancel' | 'staff_cancel' | 'refund';

export interface LifeEvent<A extends string = LifeAction> {
  action: A;
  /** Milliseconds since the epoch. */
  at: number;
}

/** How long things usually take. */
export interface Pace {
  cartMsMax: number;
  payMsLeast: number;
  payMsMost: number;
  cancelMsLeast: number;
  cancelMsMean: number;
  cancelMsMost: number;
  refundMs: number;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** As in a real shop; cancellations come before the warehouse picks the goods. */
export const USUAL_PACE: Pace = {
  cartMsMax: 20 * MINUTE,
  payMsLeast: 20 * SECOND,
  payMsMost: 10 * MINUTE,
  cancelMsLeast: 5 * MINUTE,
  cancelMsMean: 2 * HOUR,
  cancelMsMost: 15 * HOUR,
  refundMs: 10 * MINUTE,
};

/** Quick enough that a few minutes of watching show whole lives. */
export const LIVE_PACE: Pace = {
  cartMsMax: 4 * SECOND,
  payMsLeast: 1 * SECOND,
  payMsMost: 6 * SECOND,
  cancelMsLeast: 8 * SECOND,
  cancelMsMean: 15 * SECOND,
  cancelMsMost: 60 * SECOND,
  refundMs: 3 * SECOND,
};

export interface LifeContext {
  startsAt: number;
  pace: Pace;
}

/** The order's life up to fulfilment, as decided; what lies in the future is there, too. */
export function lifeOf(decision: Decision, { startsAt, pace }: LifeContext): LifeEvent[] {
  if (decision.intention === 'leave_cart') return [{ action: 'cart', at: startsAt }];
  const events: LifeEvent[] = [];
  let placedAt = startsAt;
  if (decision.startsAsCart) {
    events.push({ action: 'cart', at: startsAt });
    placedAt += SECOND + Math.floor(decision.cancelPatience * pace.cartMsMax);
  }
  events.push({ action: 'place', at: placedAt });
  if (decision.intention === 'never_pay') return events;
  const payRange = pace.payMsMost - pace.payMsLeast;
  const paidAt = placedAt + pace.payMsLeast + Math.floor(decision.payPatience * payRange);
  if (decision.intention === 'reduce') {
    events.push({ action: 'reduce', at: placedAt + Math.floor((paidAt - placedAt) / 2) });
  }
  events.push({ action: 'pay', at: paidAt });
  if (decision.intention === 'customer_cancel' || decision.intention === 'staff_cancel') {
    const at = paidAt + cancelDelay(decision.cancelPatience, pace);
    events.push({ action: decision.intention, at });
    events.push({ action: 'refund', at: at + pace.refundMs });
  }
  return events;
}

function cancelDelay(patience: number, pace: Pace): number {
  const wait = pace.cancelMsLeast - Math.log(1 - patience) * pace.cancelMsMean;
  return Math.floor(Math.min(pace.cancelMsMost, wait));
}

/** How long the shop waits for money before its own job cancels an order. */
export const UNPAID_AFTER_MS = DAY;

/** When the warehouse picks and ships an order and the carrier delivers it. */
export function fulfilmentOf(
  seed: string,
  index: number,
  placedAt: number,
): LifeEvent<'pick' | 'ship' | 'deliver'>[] {
  const random = randomFrom(seed, `fulfilment-${index}`);
  const pickedAt = placedAt + random.whole(20 * HOUR, 34 * HOUR);
  const shippedAt = pickedAt + random.whole(HOUR, 4 * HOUR);
  return [
    { action: 'pick', at: pickedAt },
    { action: 'ship', at: shippedAt },
    { action: 'deliver', at: shippedAt + random.whole(DAY, 3 * DAY) },
  ];
}
