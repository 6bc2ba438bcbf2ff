import { Injectable } from '@nestjs/common';
import type { StepOf } from '../../runbooks/definition.js';
import type { StepKind, StepOutcome, StepScene } from '../../runbooks/step.js';
import { PlanService } from '../plans/plan.service.js';
import { PlanViewService, type PlanView } from '../plans/plan-view.service.js';
import { refusedStep } from './refused-step.js';

/** Proposes a restore plan for all wrongful orders of the incident, as `POST .../restore-plans` does. */
@Injectable()
export class PlanStep implements StepKind<'plan'> {
  readonly kind = 'plan';

  constructor(
    private readonly plans: PlanService,
    private readonly views: PlanViewService,
  ) {}

  async work(_step: StepOf<'plan'>, { incident, caller, key }: StepScene): Promise<StepOutcome> {
    try {
      // under the step's key: after a crash the plan that was proposed is found
      const request = { incidentId: incident.id, caseIds: null, planId: key };
      return proposed(await this.views.view(await this.plans.propose(caller, request)));
    } catch (error) {
      return refusedStep(error);
    }
  }

  async rehearse(_step: StepOf<'plan'>, { incident }: StepScene): Promise<StepOutcome> {
    try {
      const facts = await this.plans.preview({ incidentId: incident.id, caseIds: null });
      const words = `would propose to set back ${facts.reopen} order(s) and leave ${facts.person} to a person`;
      return { outcome: 'done', words, evidence: { facts } };
    } catch (error) {
      return refusedStep(error);
    }
  }
}

function proposed({ id, number, hash, reopen, person }: PlanView): StepOutcome {
  return {
    outcome: 'done',
    words: `plan ${number}: ${reopen} order(s) to set back, ${person} for a person`,
    evidence: { facts: { planId: id, planNumber: number, hash, reopen, person } },
    result: { planId: id, planHash: hash },
  };
}
