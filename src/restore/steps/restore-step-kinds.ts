import { Injectable } from '@nestjs/common';
import type { StepKinds } from '../../runbooks/step.js';
import { ApprovalStep } from './approval-step.js';
import { PlanStep } from './plan-step.js';
import { QuietStep } from './quiet-step.js';
import { RestoreStep } from './restore-step.js';
import { VerifyStep } from './verify-step.js';

/** The kinds of step that this room does. `app.module.ts` registers them. */
@Injectable()
export class RestoreStepKinds {
  constructor(
    private readonly quiet: QuietStep,
    private readonly plan: PlanStep,
    private readonly approval: ApprovalStep,
    private readonly restore: RestoreStep,
    private readonly verify: VerifyStep,
  ) {}

  registerIn(kinds: StepKinds): void {
    kinds.register(this.quiet);
    kinds.register(this.plan);
    kinds.register(this.approval);
    kinds.register(this.restore);
    kinds.register(this.verify);
  }
}
