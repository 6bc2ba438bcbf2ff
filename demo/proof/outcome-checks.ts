import type { Facts } from './changes.js';
import { Check } from './check.js';
import { rowsOf } from './order-index.js';
import type { CheckResult } from './proof-input.js';

/** Every order that the job cancelled is restored, or left to people and then wholly untouched. */
export function checkVictims(facts: Facts): CheckResult {
  const check = new Check('every harmed order is restored or left whole to a person');
  const left = new Set(facts.input.leftToPeople);
  const victims = new Set(facts.input.fault.cancelled.map((order) => order.orderId));
  for (const orderId of victims) {
    check.expect(facts.restored.has(orderId) !== left.has(orderId), () =>
      left.has(orderId)
        ? `order ${orderId} is called both restored and left to people`
        : `order ${orderId} was cancelled by the job and nobody speaks of it`,
    );
  }
  for (const orderId of left) {
    const changes = facts.changesByOrder.get(orderId) ?? [];
    check.expect(
      changes.every((change) => change.author !== 'reinstate'),
      () => `order ${orderId} is left to people, but was written to`,
    );
  }
  for (const orderId of facts.restored) {
    check.expect(
      victims.has(orderId),
      () => `order ${orderId} is called restored, but the job did not cancel it`,
    );
  }
  return check.result();
}

/** What customers, staff and the shop's own rules cancelled on purpose is still cancelled. */
export function checkIntended(facts: Facts): CheckResult {
  const check = new Check('intended cancellations are still cancelled');
  const orders = rowsOf(facts.input.after, 'shop.orders');
  for (const action of facts.input.after.ledger) {
    if (!action.action.endsWith('_cancel') || action.orderId === null) continue;
    const { orderId, transaction } = action;
    check.expect(
      orders.get(orderId)?.['status'] === 'cancelled',
      () => `order ${orderId} was cancelled on purpose (${action.action}) and is no longer`,
    );
    const changes = facts.changesByOrder.get(orderId) ?? [];
    const cancelled = changes.findLastIndex((change) => change.transaction === transaction);
    check.expect(
      changes.slice(cancelled + 1).every((change) => change.author !== 'reinstate'),
      () => `order ${orderId} was cancelled on purpose and then written to by Reinstate`,
    );
  }
  return check.result();
}
