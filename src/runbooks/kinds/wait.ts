import { Injectable } from '@nestjs/common';
import type { StepOf } from '../definition.js';
import type { StepKind, StepOutcome, StepScene } from '../step.js';

/** Lets time pass. Its end counts from when it was begun, also while the run was paused or the service down. */
@Injectable()
export class Wait implements StepKind<'wait'> {
  readonly kind = 'wait';

  work(step: StepOf<'wait'>, { begunAt, now }: StepScene): Promise<StepOutcome> {
    const until = new Date(begunAt.getTime() + step.for);
    const told = until.toISOString();
    return Promise.resolve(
      until > now
        ? { outcome: 'waiting', waitsFor: 'time', words: `until ${told}`, until }
        : { outcome: 'done', words: `waited until ${told}`, evidence: { facts: { until: told } } },
    );
  }

  rehearse(step: StepOf<'wait'>): Promise<StepOutcome> {
    const evidence = { facts: { milliseconds: step.for } };
    return Promise.resolve({ outcome: 'done', words: `would wait ${step.for} ms`, evidence });
  }
}
