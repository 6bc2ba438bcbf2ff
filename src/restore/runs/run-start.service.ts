import { Injectable } from '@nestjs/common';
import type { Caller } from '../../access/caller.js';
import { Database } from '../../platform/database/database.js';
import { inSpan, linkTo } from '../../platform/telemetry/tracing/span.js';
import { Wake } from '../../platform/work/wake.js';
import { missingPlan } from '../plans/plan.service.js';
import { PlanStore } from '../plans/plan.store.js';
import { tracesOfPlan } from '../plans/plan-traces.store.js';
import { RefusalLog } from './refusal-log.js';
import { restoreRunStep } from './restore-run.step.js';
import { RunWriter } from './run-writer.js';
import { StartGate, type Passed, type StartRequest } from './start-gate.js';
import type { StartRefusal } from './run-start.js';
import { StartJudge } from './start-judge.js';

/** Starts runs of approved plans. */
@Injectable()
export class RunStartService {
  constructor(
    private readonly database: Database,
    private readonly gate: StartGate,
    private readonly plans: PlanStore,
    private readonly judge: StartJudge,
    private readonly writer: RunWriter,
    private readonly refusals: RefusalLog,
    private readonly wake: Wake,
  ) {}

  /**
   * Starts the run and gives its id; the orders are restored by the step `restore-run`.
   * @throws Fault with one of `startRefusals`, which also stands on the timeline
   */
  async start(caller: Caller, request: StartRequest): Promise<string> {
    const { planId } = request;
    const attributes = { 'reinstate.restore_plan.id': planId };
    return inSpan({ name: 'start restore run', attributes }, async (span) => {
      await linkTo(span, () => tracesOfPlan(this.database, planId));
      const runId = await this.begin(caller, request);
      span.setAttribute('reinstate.restore_run.id', runId);
      return runId;
    });
  }

  private async begin(caller: Caller, request: StartRequest): Promise<string> {
    const passed = await this.gate.pass(caller, request);
    const started = await this.write(caller, passed);
    if (typeof started !== 'string')
      throw await this.refusals.refuse({ ...passed, refusal: started, caller });
    this.wake.notify(restoreRunStep);
    return started;
  }

  /** Under the locks of plan and incident all is judged once more: somebody may have rejected, started or resolved meanwhile. */
  private async write(caller: Caller, passed: Passed): Promise<string | StartRefusal> {
    const { question, scene, shop, bleedingOverride } = passed;
    const { id } = passed.plan;
    return this.database.transaction(async (transaction) => {
      const plan = await this.plans.lock(transaction, id);
      if (plan === undefined) throw missingPlan(id);
      const late = await this.judge.judgeLocked(transaction, { ...question, plan }, scene);
      if (late !== undefined) return late;
      return this.writer.write(transaction, {
        plan,
        items: await this.plans.items(transaction, id),
        shop,
        caller,
        bleedingOverride,
        bleedPosition: scene.journalHead,
      });
    });
  }
}
