import type { RowImage } from '../orders/row-change.js';
import type { Profile } from './profile.js';
import { clearText } from './row-reader.js';
import { fitsFilter } from './row-filter.js';

export type Payments = NonNullable<Profile['payments']>;

/** The state of a payment, as its column names it or as the first of its moments that is set does. */
export function paymentState({ state }: Payments, row: RowImage): string | null {
  if (typeof state === 'string') return clearText(row[state]);
  const reached = Object.entries(state.moments).find(
    ([, column]) => clearText(row[column]) !== null,
  );
  return reached === undefined ? state.otherwise : reached[0];
}

/** The columns that tell the state of a payment. */
export function paymentStateColumns({ state }: Payments): string[] {
  return typeof state === 'string' ? [state] : Object.values(state.moments);
}

/**
 * Whether the order's money is there by this payment: captured or authorised. A mere promise stays one when the
 * shop lets go of it, since nothing was given back.
 */
export function holdsMoney(payments: Payments, row: RowImage): boolean {
  const state = paymentState(payments, row);
  return (state !== null && payments.held.includes(state)) || isPromisedStill(payments, row);
}

/** Whether the money of this payment was given back, or let go. */
export function isReleased(payments: Payments, row: RowImage): boolean {
  const state = paymentState(payments, row);
  return state !== null && payments.released.includes(state) && !isPromisedStill(payments, row);
}

function isPromisedStill(payments: Payments, row: RowImage): boolean {
  const state = paymentState(payments, row);
  const { promised, released } = payments;
  return (
    promised !== undefined &&
    state !== null &&
    released.includes(state) &&
    fitsFilter(row, promised)
  );
}
