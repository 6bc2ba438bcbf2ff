import { Injectable } from '@nestjs/common';
import type { Caller } from '../../access/caller.js';
import { mayFollow, refusalOf } from '../../incidents/transitions.js';
import { Database } from '../../platform/database/database.js';
import { Fault } from '../../platform/errors.js';
import { Wake } from '../../platform/work/wake.js';
import { missingPlan } from '../plans/plan.service.js';
import type { Plan } from '../plans/plan.js';
import { PlanStore } from '../plans/plan.store.js';
import { RefusalLog } from './refusal-log.js';
import { restoreRunStep } from './restore-run.step.js';
import { RunReopening } from './run-reopening.js';
import { runTransitions, type Run } from './run.js';
import { missingRun } from './run-control.service.js';
import { RunStore } from './run.store.js';
import type { StartRefusal } from './run-start.js';
import type { Scene } from './scene-look.js';
import { StartJudge, type StartQuestion } from './start-judge.js';

export interface ResumeRequest {
  readonly runId: string;
  /** `retry` also gives the orders that failed another turn */
  readonly failedToo: boolean;
  readonly override: { readonly reason: string } | null;
}

/** Lets a run go on: under the same rules as a start, since time has passed. */
@Injectable()
export class RunResumeService {
  constructor(
    private readonly database: Database,
    private readonly runs: RunStore,
    private readonly plans: PlanStore,
    private readonly judge: StartJudge,
    private readonly refusals: RefusalLog,
    private readonly reopening: RunReopening,
    private readonly wake: Wake,
  ) {}

  /** @throws Fault with one of `startRefusals`, `nothing-to-retry`, or where the run's state does not allow it */
  async resume(caller: Caller, request: ResumeRequest): Promise<void> {
    const { run, plan } = await this.read(request);
    const { override } = request;
    const question = { plan, from: 'run', hashAsked: run.planHash, override, caller } as const;
    const { scene, refusal } = await this.judge.look(question);
    const late = refusal ?? (await this.write(request, question, scene));
    if (late !== undefined)
      throw await this.refusals.refuse({ plan, refusal: late, scene, caller });
    this.wake.notify(restoreRunStep);
  }

  /** Under the locks of run and incident all is judged once more. */
  private async write(
    request: ResumeRequest,
    question: StartQuestion,
    scene: Scene,
  ): Promise<StartRefusal | undefined> {
    const { runId, failedToo } = request;
    const { plan, caller } = question;
    return this.database.transaction(async (transaction) => {
      const run = await this.runs.lock(transaction, runId);
      if (run === undefined) throw missingRun(runId);
      checkState(run, request);
      const refusal = await this.judge.judgeLocked(transaction, question, scene);
      if (refusal !== undefined) return refusal;
      await this.reopening.reopen(transaction, {
        run,
        plan,
        caller,
        failedToo,
        bleedPosition: scene.journalHead,
        bleedingOverride: overrideOf(scene, request),
      });
      return undefined;
    });
  }

  private async read(request: ResumeRequest): Promise<{ run: Run; plan: Plan }> {
    const run = await this.runs.read(this.database, request.runId);
    if (run === undefined) throw missingRun(request.runId);
    checkState(run, request);
    const plan = await this.plans.read(this.database, run.planId);
    if (plan === undefined) throw missingPlan(run.planId);
    return { run, plan };
  }
}

function overrideOf({ bleeding }: Scene, { override }: ResumeRequest): string | null {
  return bleeding?.bleeding === true ? (override?.reason ?? null) : null;
}

function checkState(run: Run, { failedToo }: ResumeRequest): void {
  if (run.byHand)
    throw new Fault(
      'conflict',
      'run-by-hand',
      'this run was made by hand in the shop’s database; propose a new plan for what is left',
    );
  if (run.state === 'running' && failedToo) return;
  if (run.state === 'finished' && !failedToo)
    throw new Fault(
      'conflict',
      'run-finished',
      'the run has finished; only its failed orders can be tried again',
    );
  if (!mayFollow(runTransitions, { from: run.state, to: 'running' }))
    throw refusalOf(runTransitions, { from: run.state, to: 'running' });
}
