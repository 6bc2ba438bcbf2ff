import { refuse, type Result } from '../../platform/result.js';
import type { RefusalReason } from '../../shops/shop-adapter.js';

/** Why one order is left to a person: the reason from the closed list, and the facts in words. */
export interface Refusal {
  readonly reason: RefusalReason;
  readonly detail: string;
}

/** The journal does not hold what the restore would need, or the profile does not say what to do. */
export function evidenceMissing(detail: string): Result<never, Refusal> {
  return refuse({ reason: 'evidence-missing', detail });
}
