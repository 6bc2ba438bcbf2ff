import { formatMoney } from '../platform/money.js';
import type { RowImage } from '../orders/row-change.js';
import { isReleased, paymentState } from './payment-state.js';
import { presentRows } from './present-rows.js';
import type { Profile } from './profile.js';
import { fitsFilter, type RowFilter } from './row-filter.js';
import type { Capability, RefusalReason } from './shop-adapter.js';
import { buildSnapshot } from './snapshot.js';

type RowsByTable = ReadonlyMap<string, readonly RowImage[]>;

/**
 * Whether an order can be reopened, by its rows as they stand in the shop now (undefined: it is not
 * there). What the journal knows of it, and whether its stock is still there, is judged elsewhere.
 */
export function judgeCapability(profile: Profile, rows: RowsByTable | undefined): Capability {
  if (rows === undefined) return person('evidence-missing', 'the shop has no such order any more');
  const snapshot = buildSnapshot(profile, rows);
  if (snapshot.state === 'shipped') return person('shipped', `its status is ${snapshot.status}`);
  if (snapshot.state !== 'cancelled')
    return person('not-cancelled-any-more', `its status is ${snapshot.status}`);
  if (hasRow(profile, rows, profile.shipment))
    return person('shipped', 'goods had left before the cancellation');
  if (hasRow(profile, rows, profile.fraud)) return person('intended', 'it is flagged as fraud');
  const refunded = snapshot.payments.reduce((sum, { refundedMinor }) => sum + refundedMinor, 0);
  if (refunded > 0) {
    const amount = formatMoney({ amountMinor: refunded, currency: snapshot.currency });
    return person('money-returned', `${amount} were given back`);
  }
  const { payments } = profile;
  const released =
    payments && presentRows(profile, payments.table, rows).find((row) => isReleased(payments, row));
  return payments === undefined || released === undefined
    ? { way: 'reopen' }
    : person('money-returned', `a payment is ${paymentState(payments, released) ?? ''}`);
}

function hasRow(
  profile: Profile,
  rows: RowsByTable,
  sign: { table: string; where: RowFilter } | undefined,
): boolean {
  if (sign === undefined) return false;
  return presentRows(profile, sign.table, rows).some((row) => fitsFilter(row, sign.where));
}

function person(reason: RefusalReason, detail: string): Capability {
  return { way: 'person', reason, detail };
}
