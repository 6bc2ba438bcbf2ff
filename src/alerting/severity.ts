/** How urgent it is, most urgent first. */
export const severities = ['critical', 'high', 'low'] as const;
export type Severity = (typeof severities)[number];

/** From so many paid orders on a failure is critical even when it has stopped: that is a day's work for support. */
const criticalOrders = 100;
/** While it still rises, waiting costs more orders: a smaller number is enough to wake somebody at once. */
const criticalOrdersRising = 20;
/** Below this a failure may well be a handful of odd orders. */
const highOrders = 5;

/** Severity by numbers alone: how many orders are hit, and whether more are being hit. */
export function severityOf(harm: { orders: number; rising: boolean }): Severity {
  if (harm.orders >= criticalOrders) return 'critical';
  if (harm.rising && harm.orders >= criticalOrdersRising) return 'critical';
  return harm.orders >= highOrders ? 'high' : 'low';
}

/** True where `left` is more urgent than `right`. */
export function isMoreSevere(left: Severity, right: Severity): boolean {
  return severities.indexOf(left) < severities.indexOf(right);
}
