import { Injectable } from '@nestjs/common';
import type { StepOf } from '../definition.js';
import { filled } from '../placeholders.js';
import type { StepKind, StepOutcome, StepScene } from '../step.js';

/** Waits for a person's answer, which is written down by the request that gives it. */
@Injectable()
export class Question implements StepKind<'question'> {
  readonly kind = 'question';

  work({ ask, options }: StepOf<'question'>, scene: StepScene): Promise<StepOutcome> {
    const choice = options === undefined ? '' : ` (${options.join(', ')})`;
    const words = `${filled(ask, scene.values)}${choice}`;
    return Promise.resolve({ outcome: 'waiting', waitsFor: 'answer', words });
  }

  rehearse(step: StepOf<'question'>, scene: StepScene): Promise<StepOutcome> {
    const answer = scene.assumptions[step.name] ?? step.assume ?? '';
    const stops = step.go_on_with?.includes(answer) === false;
    const words = `would ask "${filled(step.ask, scene.values)}"; assumed: "${answer}"${stops ? ', with which the run would stop' : ''}`;
    const evidence = { facts: { assumed: answer } };
    return Promise.resolve({ outcome: 'done', words, evidence, result: { answer } });
  }
}
