import { Injectable } from '@nestjs/common';
import type { StepOf } from '../../runbooks/definition.js';
import { failed, type StepKind, type StepOutcome, type StepScene } from '../../runbooks/step.js';
import { RunViewService } from '../runs/run-view.service.js';
import { nothingToDo } from './refused-step.js';
import { countsInWords } from './run-counts.js';

/**
 * Holds that every order of a restore run was verified: read back in its own transaction, and seen in the
 * shop's stream as planned.
 */
@Injectable()
export class VerifyStep implements StepKind<'verify'> {
  readonly kind = 'verify';

  constructor(private readonly runs: RunViewService) {}

  async work(step: StepOf<'verify'>, { results }: StepScene): Promise<StepOutcome> {
    const runId = results.get(step.restore)?.restoreRunId;
    if (runId === undefined) return nothingToDo(step.restore);
    const run = await this.runs.view(runId);
    const orders = Object.values(run.items).reduce((sum, count) => sum + count, 0);
    const { verified } = run.items;
    const facts = { restoreRunId: runId, orders, verified };
    if (verified === orders)
      return { outcome: 'done', words: `all ${orders} order(s) verified`, evidence: { facts } };
    const words = `of ${orders} order(s) not all are verified: ${countsInWords(run)}`;
    return failed('not-verified', words, { facts });
  }

  rehearse(step: StepOf<'verify'>): Promise<StepOutcome> {
    const words = `would hold that every order of "${step.restore}" was read back and seen in the shop's stream`;
    return Promise.resolve({ outcome: 'done', words, evidence: { facts: {} } });
  }
}
