import { Injectable } from '@nestjs/common';
import { AuditService } from '../../access/audit.service.js';
import type { Caller } from '../../access/caller.js';
import type { NewTimelineEntry } from '../../incidents/timeline.js';
import { TimelineService } from '../../incidents/timeline.service.js';
import { mayFollow, refusalOf } from '../../incidents/transitions.js';
import { Clock } from '../../platform/clock.js';
import { Database, type Transaction } from '../../platform/database/database.js';
import { Fault } from '../../platform/errors.js';
import { Wake } from '../../platform/work/wake.js';
import {
  currentStep,
  runbookRunTransitions,
  type RunbookRun,
  type RunbookRunState,
} from './run.js';
import { RunbookRunStore } from './run.store.js';
import { runNamed } from './run-words.js';
import { runbookRunStep } from './step-name.js';

/** What a person does to a run, and how the audit and the timeline call it. */
interface Deed {
  readonly to: RunbookRunState;
  readonly action: string;
  readonly entry: (run: RunbookRun) => NewTimelineEntry;
  readonly work?: (transaction: Transaction, run: RunbookRun) => Promise<void>;
}

/** Pauses, resumes and aborts runs. A step that is being done comes to its end. */
@Injectable()
export class RunbookControlService {
  constructor(
    private readonly database: Database,
    private readonly store: RunbookRunStore,
    private readonly timeline: TimelineService,
    private readonly audit: AuditService,
    private readonly clock: Clock,
    private readonly wake: Wake,
  ) {}

  /** No further step is begun until it is resumed. A restore that a step has started goes on: pause that too. */
  async pause(caller: Caller, runId: string, reason: string | null): Promise<void> {
    await this.act(caller, runId, {
      ...{ to: 'paused', action: 'runbook-run.paused' },
      entry: (run) => ({ type: 'runbook-run-paused', data: { ...runNamed(run), reason } }),
    });
  }

  /**
   * Goes on for this person from now on: with the step that failed or waits, or from an earlier one, which
   * with all that follow it is then done anew.
   */
  async resume(caller: Caller, runId: string, from: string | null): Promise<void> {
    await this.act(caller, runId, {
      ...{ to: 'running', action: 'runbook-run.resumed' },
      entry: (run) => ({ type: 'runbook-run-resumed', data: { ...runNamed(run), from } }),
      work: async (transaction, run) => {
        await this.store.setActor(transaction, runId, {
          actsFor: caller.personId,
          tokenId: caller.tokenId,
        });
        await this.goBack(transaction, run, from);
      },
    });
    this.wake.notify(runbookRunStep);
  }

  /** Ends the run. What its steps have done stays done. */
  async abort(caller: Caller, runId: string, reason: string): Promise<void> {
    await this.act(caller, runId, {
      ...{ to: 'aborted', action: 'runbook-run.aborted' },
      entry: (run) => ({ type: 'runbook-run-aborted', data: { ...runNamed(run), reason } }),
    });
  }

  private async goBack(
    transaction: Transaction,
    run: RunbookRun,
    from: string | null,
  ): Promise<void> {
    const steps = await this.store.steps(transaction, run.id);
    const current = currentStep(run, steps);
    const wanted = from === null ? current : steps.find(({ name }) => name === from);
    if (from !== null && (wanted === undefined || wanted.state === 'pending'))
      throw new Fault(
        'invalid',
        'step-unknown',
        `the run has not come to a step "${from}"; it has come to: ${steps
          .filter(({ state }) => state !== 'pending')
          .map(({ name }) => name)
          .join(', ')}`,
      );
    if (wanted === undefined || (from === null && wanted.state !== 'failed')) return;
    await this.store.reset(transaction, run.id, wanted.sequence);
  }

  private async act(caller: Caller, runId: string, deed: Deed): Promise<void> {
    const at = this.clock.now();
    await this.database.transaction(async (transaction) => {
      const run = await this.store.lock(transaction, runId);
      if (run === undefined) throw missingRunbookRun(runId);
      const change = { from: run.state, to: deed.to, subject: `runbook run ${run.number}` };
      if (!mayFollow(runbookRunTransitions, change)) throw refusalOf(runbookRunTransitions, change);
      const endedAt = deed.to === 'aborted' ? at : null;
      await this.store.setState(transaction, runId, { state: deed.to, endedAt });
      await deed.work?.(transaction, run);
      const { incidentId } = run;
      const { personId } = caller;
      await this.timeline.append(transaction, { ...deed.entry(run), incidentId, at, personId });
      await this.audit.record(transaction, {
        ...{ caller, at, action: deed.action, subjectKind: 'runbook-run', subjectId: runId },
        data: { number: run.number, runbook: run.runbook },
      });
    });
  }
}

export function missingRunbookRun(runId: string): Fault {
  return new Fault('missing', 'runbook-run-unknown', `there is no runbook run ${runId}`);
}
