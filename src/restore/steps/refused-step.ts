import { present } from '../../platform/assert.js';
import { Fault } from '../../platform/errors.js';
import { failed, type StepOutcome, type StepResult } from '../../runbooks/step.js';

/** A refusal by a service is how a step fails, in the service's own words; anything else is a fault of ours. */
export function refusedStep(error: unknown): StepOutcome {
  if (!(error instanceof Fault)) throw error;
  return failed('refused', error.message, { facts: { code: error.code } });
}

/** The plan that an earlier step proposed, as it was then. */
export function planOf(
  results: ReadonlyMap<string, StepResult>,
  step: string,
): { planId: string; planHash: string } | undefined {
  const result = results.get(step);
  if (result?.planId === undefined) return undefined;
  const planHash = present(result.planHash, 'a plan has its hash');
  return { planId: result.planId, planHash };
}

/** The step that would have given the plan (or the run) was left out. */
export function nothingToDo(step: string): StepOutcome {
  return failed('refused', `the step "${step}" was not done, so there is nothing to go by`);
}
