import type { Case } from '../../incidents/case.js';
import type { PlanItem } from './plan.js';
import type { Refusal } from './refusal.js';

/**
 * What was said of the case after the plan was made, and speaks against writing the order: an approval is
 * about what was known then, and nobody's wish is to be overrun by it.
 */
export function decidedSince(
  of: Pick<Case, 'state' | 'verdict'> | undefined,
  { risks }: Pick<PlanItem, 'risks'>,
): Refusal | undefined {
  if (of === undefined) return { reason: 'evidence-missing', detail: 'its case is gone' };
  if (of.state === 'closed')
    return { reason: 'changed-since', detail: 'its case was closed after it was planned' };
  if (of.verdict === 'intended')
    return { reason: 'intended', detail: 'it was found to be cancelled on purpose since' };
  if (of.verdict === 'unsure' && !risks.some(({ code }) => code === 'unsure'))
    return {
      reason: 'unsure',
      detail: 'nobody can tell any more whether it was cancelled on purpose',
    };
  return undefined;
}
