import { Injectable } from '@nestjs/common';
import type { Caller } from '../../access/caller.js';
import { allows } from '../../access/role.js';
import { Fault } from '../../platform/errors.js';
import type { StepOf } from '../../runbooks/definition.js';
import {
  failed,
  type GivenAnswer,
  type StepKind,
  type StepOutcome,
  type StepResult,
  type StepScene,
} from '../../runbooks/step.js';
import { ApprovalService } from '../approvals/approval.service.js';
import { planTransitions } from '../plans/plan.js';
import { PlanViewService, type PlanView } from '../plans/plan-view.service.js';
import { nothingToDo, planOf } from './refused-step.js';

/** Waits until enough persons have approved the plan, here or at the plan itself: it is the same vote. */
@Injectable()
export class ApprovalStep implements StepKind<'approval'> {
  readonly kind = 'approval';

  constructor(
    private readonly approvals: ApprovalService,
    private readonly views: PlanViewService,
  ) {}

  async work(step: StepOf<'approval'>, { results }: StepScene): Promise<StepOutcome> {
    const named = planOf(results, step.plan);
    if (named === undefined) return nothingToDo(step.plan);
    const plan = await this.views.view(named.planId);
    if (plan.state !== 'proposed' && plan.state !== 'approved' && plan.state !== 'run')
      return failed('rejected', `plan ${plan.number} is ${planTransitions.words[plan.state]}`, {
        facts: factsOf(plan),
      });
    if (plan.standing.approved || plan.state === 'run')
      return { outcome: 'done', words: approvedWords(plan), evidence: { facts: factsOf(plan) } };
    const words = `plan ${plan.number} (hash ${plan.hash.slice(0, 12)}) has to be approved by ${plan.standing.missing} more person(s), other than who asked for it`;
    return { outcome: 'waiting', waitsFor: 'approval', words };
  }

  rehearse(step: StepOf<'approval'>): Promise<StepOutcome> {
    const words = `would wait until the plan of "${step.plan}" is approved by another person`;
    return Promise.resolve({ outcome: 'done', words, evidence: { facts: {} } });
  }

  /** The same vote as at the plan's own endpoint, under the same rules. */
  async answer(
    step: StepOf<'approval'>,
    { answer, planHash, reason, caller }: GivenAnswer & { readonly caller: Caller },
    results: ReadonlyMap<string, StepResult>,
  ): Promise<void> {
    if (!allows(caller.role, ['approver']))
      throw new Fault(
        'forbidden',
        'role-too-low',
        'to decide about a plan takes the role approver',
      );
    if (answer !== 'approved' && answer !== 'rejected')
      throw new Fault('invalid', 'not-an-option', 'a plan is approved or rejected');
    const named = planOf(results, step.plan);
    if (named === undefined || planHash === null)
      throw new Fault(
        'invalid',
        'hash-missing',
        'say which plan you looked at: give its hash (planHash)',
      );
    const vote = { caller, decision: answer, hash: planHash, breakGlass: false, reason } as const;
    await this.approvals.vote(named.planId, vote);
  }
}

function approvedWords({ number, approvals, approvalsNeeded }: PlanView): string {
  const persons = approvals
    .filter(({ decision }) => decision === 'approved')
    .map(({ person }) => person);
  if (persons.length === 0 && approvalsNeeded === 0)
    return `plan ${number} needs no approval, by the shop's policy`;
  return `plan ${number} approved by ${persons.join(' and ')}`;
}

function factsOf({ id, number, hash, state, approvals }: PlanView) {
  const ids = approvals.map(({ personId, decision }) => `${decision} by ${personId}`);
  return { planId: id, planNumber: number, hash, state, votes: ids.join(', ') };
}
