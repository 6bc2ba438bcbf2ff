import { Injectable } from '@nestjs/common';
import type { StepOf } from '../../runbooks/definition.js';
import type { StepKind, StepOutcome, StepScene } from '../../runbooks/step.js';
import { PlanViewService } from '../plans/plan-view.service.js';
import type { RunView } from '../restore.schema.js';
import { RunStartService } from '../runs/run-start.service.js';
import { RunViewService } from '../runs/run-view.service.js';
import { nothingToDo, planOf, refusedStep } from './refused-step.js';
import { countsInWords } from './run-counts.js';

/** Starts the run of an approved plan, as `POST .../runs` does, and waits for its end. */
@Injectable()
export class RestoreStep implements StepKind<'restore'> {
  readonly kind = 'restore';

  constructor(
    private readonly plans: PlanViewService,
    private readonly starts: RunStartService,
    private readonly runs: RunViewService,
  ) {}

  async work(step: StepOf<'restore'>, { results, caller }: StepScene): Promise<StepOutcome> {
    const named = planOf(results, step.plan);
    if (named === undefined) return nothingToDo(step.plan);
    const { planId, planHash: hash } = named;
    try {
      // a plan is run once: after a crash the run that was started is found
      const { runId } = await this.plans.view(planId);
      const started = runId ?? (await this.starts.start(caller, { planId, hash, override: null }));
      return progressOf(await this.runs.view(started));
    } catch (error) {
      return refusedStep(error);
    }
  }

  rehearse(step: StepOf<'restore'>): Promise<StepOutcome> {
    const words = `would run the plan of "${step.plan}", once it is approved, under the rules of a start`;
    return Promise.resolve({ outcome: 'done', words, evidence: { facts: {} } });
  }
}

function progressOf(run: RunView): StepOutcome {
  const counts = countsInWords(run);
  if (run.state === 'finished' && run.underWay === 0)
    return {
      outcome: 'done',
      words: `restore run finished: ${counts}`,
      evidence: { facts: { restoreRunId: run.id, planId: run.planId, orders: counts } },
      result: { restoreRunId: run.id },
    };
  const why = run.stopReason === null ? '' : ` (${run.stopReason})`;
  const hint = run.state === 'running' ? '' : '; resume it, or abort this run';
  const words = `restore run ${run.id} is ${run.state}${why}${hint}`;
  return { outcome: 'waiting', waitsFor: 'restore-run', words };
}
