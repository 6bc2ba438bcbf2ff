import type { RunItem } from './api-types.js';

/** What of the run was no canary: one order alone, seen restored before any other was; undefined where it was. */
export function canaryFault(items: readonly RunItem[]): string | undefined {
  const first = items.filter(({ stage }) => stage === 0);
  const [canary, ...more] = first;
  if (canary === undefined || more.length > 0)
    return `${first.length} orders were restored first, instead of one`;
  const { verifiedAt } = canary;
  if (verifiedAt === null) return `order ${canary.orderId}, the canary, was never verified`;
  const early = items.filter(
    ({ stage, appliedAt }) =>
      stage > 0 && appliedAt !== null && Date.parse(appliedAt) <= Date.parse(verifiedAt),
  );
  if (early.length === 0) return undefined;
  return `orders ${early.map(({ orderId }) => orderId).join(', ')} were restored before the canary was verified`;
}
