import { Injectable } from '@nestjs/common';
import type { Caller } from '../../access/caller.js';
import { present } from '../../platform/assert.js';
import { Clock } from '../../platform/clock.js';
import { Database } from '../../platform/database/database.js';
import { StepKinds } from '../step.js';
import { RunEngineParts } from './run-engine-parts.js';
import { RunRecorder } from './run-recorder.js';
import { currentStep, resultsOf, skipReason, type RunbookRun, type RunbookStep } from './run.js';
import { RunbookRunStore } from './run.store.js';

/** Takes runs on, step by step. */
@Injectable()
export class RunEngine {
  constructor(
    private readonly parts: RunEngineParts,
    private readonly store: RunbookRunStore,
    private readonly recorder: RunRecorder,
    private readonly kinds: StepKinds,
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Does one step, or looks at what it waits for; `more` where the next one can follow at once. */
  async advance(runId: string, signal: AbortSignal): Promise<'done' | 'more'> {
    const run = await this.store.read(this.database, runId);
    if (run?.state !== 'running') return 'done';
    const steps = await this.store.steps(this.database, runId);
    const step = currentStep(run, steps);
    if (step === undefined) {
      await this.recorder.finish(run);
      return 'done';
    }
    if (step.state === 'pending') return this.begin(run, step, steps);
    if (step.nextLookAt !== null && step.nextLookAt > this.clock.now()) return 'done';
    const caller = await this.parts.callerOf(run);
    if (caller === undefined) {
      await this.recorder.stop(
        run,
        `${run.actsForName}, for whom it runs, may not act any more; somebody else resumes it`,
      );
      return 'done';
    }
    return this.work({ run, step, steps, caller, signal });
  }

  private async begin(
    run: RunbookRun,
    step: RunbookStep,
    steps: readonly RunbookStep[],
  ): Promise<'done' | 'more'> {
    const profile = this.parts.profileOf(run);
    const words = skipReason(step.definition, { profile, results: resultsOf(steps) });
    if (words === undefined) await this.recorder.begin(run, step);
    else await this.recorder.skip(run, step, words);
    return 'more';
  }

  private async work(given: {
    run: RunbookRun;
    step: RunbookStep;
    steps: readonly RunbookStep[];
    caller: Caller;
    signal: AbortSignal;
  }): Promise<'done' | 'more'> {
    const { run, step, steps, caller, signal } = given;
    const results = resultsOf(steps);
    const incident = await this.parts.incidents.get(run.incidentId);
    const scene = {
      ...{ run, incident, caller, results, signal, key: step.key, now: this.clock.now() },
      begunAt: present(step.begunAt, 'a begun step has begun'),
      values: await this.parts.values.of({ run, incident, step: step.definition, results }),
      assumptions: run.assumptions,
    };
    const kind = this.kinds.of(step.definition);
    const outcome = run.dryRun
      ? await kind.rehearse(step.definition, scene)
      : await kind.work(step.definition, scene);
    await this.recorder.record(run, step, outcome);
    return outcome.outcome === 'waiting' ? 'done' : 'more';
  }
}
