import { Injectable } from '@nestjs/common';
import { failed, type StepKind, type StepOutcome, type StepScene } from '../../runbooks/step.js';
import type { StepOf } from '../../runbooks/definition.js';
import type { Bleeding } from '../bleeding.js';
import { PlanService } from '../plans/plan.service.js';

/** Waits until no matching cancellations arrive any more: the question that every start of a restore asks, too. */
@Injectable()
export class QuietStep implements StepKind<'quiet'> {
  readonly kind = 'quiet';

  constructor(private readonly plans: PlanService) {}

  async work(step: StepOf<'quiet'>, { incident, begunAt, now }: StepScene): Promise<StepOutcome> {
    const bleeding = await this.plans.bleeding(incident.id);
    if (!bleeding.bleeding) return quiet(bleeding);
    const words = sentenceOf(bleeding);
    if (now.getTime() - begunAt.getTime() < step.at_most)
      return { outcome: 'waiting', waitsFor: 'quiet', words };
    return failed('still-bleeding', words, { facts: factsOf(bleeding) });
  }

  async rehearse(_step: StepOf<'quiet'>, { incident }: StepScene): Promise<StepOutcome> {
    const bleeding = await this.plans.bleeding(incident.id);
    if (!bleeding.bleeding) return quiet(bleeding);
    const words = `would wait: ${sentenceOf(bleeding)}`;
    return { outcome: 'done', words, evidence: { facts: factsOf(bleeding) } };
  }
}

function quiet(bleeding: Bleeding): StepOutcome {
  const words = 'matching cancellations have stopped';
  return { outcome: 'done', words, evidence: { facts: factsOf(bleeding) } };
}

function sentenceOf(bleeding: Bleeding): string {
  return bleeding.bleeding ? bleeding.sentence : '';
}

function factsOf(bleeding: Bleeding) {
  const { lastSeenAt, requiredMs } = bleeding;
  return {
    ...{ bleeding: bleeding.bleeding, requiredMs },
    lastSeenAt: lastSeenAt === null ? null : lastSeenAt.toISOString(),
    ...(bleeding.bleeding && { cause: bleeding.cause }),
  };
}
