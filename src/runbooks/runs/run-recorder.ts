import { Injectable } from '@nestjs/common';
import { PageService } from '../../alerting/page.service.js';
import { TimelineService } from '../../incidents/timeline.service.js';
import { mayFollow } from '../../incidents/transitions.js';
import { assert } from '../../platform/assert.js';
import { Clock } from '../../platform/clock.js';
import { Database, type Transaction } from '../../platform/database/database.js';
import { goesOn, titleOf } from '../definition.js';
import { RunbookMetrics } from '../runbook.metrics.js';
import type { StepOutcome } from '../step.js';
import { countsOf, runbookRunTransitions, stepTransitions } from './run.js';
import type { RunbookRun, RunbookStep, StepState } from './run.js';
import { RunbookRunStore, type StepEnd } from './run.store.js';
import { runNamed, stepNamed } from './run-words.js';

/** A failure that may pass is tried so often, with these pauses. */
const attemptsMax = 3;
const retryPauseMs = (attempt: number) => 2_000 * 2 ** (attempt - 1);

/**
 * Writes down how far a run is: each change of a step's or run's state with its timeline entry, in one
 * transaction, guarded by the state that it follows on. What comes too late is dropped.
 */
@Injectable()
export class RunRecorder {
  constructor(
    private readonly database: Database,
    private readonly store: RunbookRunStore,
    private readonly timeline: TimelineService,
    private readonly pages: PageService,
    private readonly metrics: RunbookMetrics,
    private readonly clock: Clock,
  ) {}

  /** True where the step was begun by this call. */
  async begin(run: RunbookRun, step: RunbookStep): Promise<boolean> {
    return this.change(run, async (transaction, current, now) => {
      if (current.state !== 'running') return false;
      if (!(await this.store.begin(transaction, step, now))) return false;
      await this.timeline.append(transaction, {
        ...{ incidentId: run.incidentId, at: now, type: 'runbook-step-begun' },
        data: { ...stepNamed(run, step), words: titleOf(step.definition) },
      });
      return true;
    });
  }

  /** The step is left out. */
  async skip(run: RunbookRun, step: RunbookStep, words: string): Promise<void> {
    await this.change(run, async (transaction, current, now) => {
      if (current.state !== 'running') return;
      const end = endOf('skipped', { words, endedAt: now });
      if (!(await this.end(transaction, step, end))) return;
      await this.timeline.append(transaction, {
        ...{ incidentId: run.incidentId, at: now, type: 'runbook-step-skipped' },
        data: { ...stepNamed(run, step), words },
      });
    });
  }

  /** What became of a begun step. Also of a run that was paused or aborted meanwhile: it has happened. */
  async record(run: RunbookRun, step: RunbookStep, outcome: StepOutcome): Promise<void> {
    await this.change(run, (transaction, current, now) =>
      this.write(transaction, { run: current, step, outcome, now, personId: null }),
    );
  }

  /** The same within a transaction that has locked the run: a person has answered. */
  async write(
    transaction: Transaction,
    given: {
      run: RunbookRun;
      step: RunbookStep;
      outcome: StepOutcome;
      now: Date;
      personId: string | null;
    },
  ): Promise<void> {
    const { run, step, outcome, now, personId } = given;
    if (outcome.outcome === 'waiting') {
      await this.waiting(transaction, step, outcome);
      return;
    }
    if (outcome.outcome === 'failed') {
      await this.failure(transaction, { ...given, outcome });
      return;
    }
    const { words, evidence, result = null } = outcome;
    const end = endOf('done', { words, evidence, result, endedAt: now });
    if (!(await this.end(transaction, step, end))) return;
    await this.timeline.append(transaction, {
      ...{ incidentId: run.incidentId, at: now, personId, type: 'runbook-step-done' },
      data: { ...stepNamed(run, step), words, evidence },
    });
  }

  /** No step is left. */
  async finish(run: RunbookRun): Promise<void> {
    await this.change(run, async (transaction, current, now) => {
      if (current.state !== 'running') return;
      await this.store.setState(transaction, run.id, { state: 'finished', endedAt: now });
      const counts = countsOf(await this.store.steps(transaction, run.id));
      await this.timeline.append(transaction, {
        ...{ incidentId: run.incidentId, at: now, type: 'runbook-run-finished' },
        data: { ...runNamed(run), counts },
      });
    });
  }

  /** The run waits for somebody to resume or abort it. */
  async stop(run: RunbookRun, words: string): Promise<void> {
    await this.change(run, (transaction, current, now) =>
      this.stopLocked(transaction, { run: current, words, now, personId: null }),
    );
  }

  private async waiting(
    transaction: Transaction,
    step: RunbookStep,
    outcome: Extract<StepOutcome, { outcome: 'waiting' }>,
  ): Promise<void> {
    const { waitsFor, words, until: nextLookAt = null } = outcome;
    if (step.waitsFor === waitsFor && step.words === words) return;
    await this.store.wait(transaction, step, {
      ...{ waitsFor, words, nextLookAt, attempts: step.attempts },
    });
  }

  private async failure(
    transaction: Transaction,
    given: {
      run: RunbookRun;
      step: RunbookStep;
      outcome: Extract<StepOutcome, { outcome: 'failed' }>;
      now: Date;
      personId: string | null;
    },
  ): Promise<void> {
    const { run, step, outcome, now, personId } = given;
    const { reason, words, evidence } = outcome;
    if (outcome.retry && step.attempts < attemptsMax) {
      const nextLookAt = new Date(now.getTime() + retryPauseMs(step.attempts));
      const attempts = step.attempts + 1;
      await this.store.wait(transaction, step, { waitsFor: 'retry', words, nextLookAt, attempts });
      return;
    }
    const end = endOf('failed', { reason, words, evidence, endedAt: now });
    if (!(await this.end(transaction, step, end))) return;
    await this.timeline.append(transaction, {
      ...{ incidentId: run.incidentId, at: now, personId, type: 'runbook-step-failed' },
      data: { ...stepNamed(run, step), reason, words, evidence },
    });
    if (run.dryRun || goesOn(step.definition)) return;
    await this.stopLocked(transaction, { run, words: `${step.name}: ${words}`, now, personId });
  }

  private async stopLocked(
    transaction: Transaction,
    given: { run: RunbookRun; words: string; now: Date; personId: string | null },
  ): Promise<void> {
    const { run, words, now, personId } = given;
    if (!mayFollow(runbookRunTransitions, { from: run.state, to: 'stopped' })) return;
    await this.store.setState(transaction, run.id, { state: 'stopped', endedAt: null });
    await this.timeline.append(transaction, {
      ...{ incidentId: run.incidentId, at: now, type: 'runbook-run-stopped' },
      data: { ...runNamed(run), words },
    });
    // who stopped it by an answer knows that it has stopped
    if (personId === null) await this.page(transaction, run, now);
  }

  /** In words of our own alone: what a step has seen stays in the house. */
  private async page(transaction: Transaction, run: RunbookRun, now: Date): Promise<void> {
    await this.pages.enqueue(transaction, {
      dedupeKey: `runbook-run-stopped/${run.id}/${now.toISOString()}`,
      incidentId: run.incidentId,
      firstLine: `Runbook run ${run.number} (${run.runbook}) of shop ${run.shopId} has stopped, and waits for a person`,
      body: {
        kind: 'runbook-run-stopped',
        severity: 'high',
        details: [`What its steps saw stands on the timeline; resume or abort run ${run.id}.`],
        data: { runbookRunId: run.id, runbook: run.runbook },
      },
      now,
    });
  }

  private async end(transaction: Transaction, step: RunbookStep, end: StepEnd): Promise<boolean> {
    assert(
      mayFollow(stepTransitions, { from: step.state, to: end.state }),
      `a step that is ${step.state} does not become ${end.state}`,
    );
    const isEnded = await this.store.end(transaction, step, end);
    const { kind } = step.definition;
    if (isEnded) transaction.afterCommit(() => this.metrics.ended(kind, end.state));
    return isEnded;
  }

  private async change<T>(
    run: RunbookRun,
    work: (transaction: Transaction, current: RunbookRun, now: Date) => Promise<T>,
  ): Promise<T> {
    const now = this.clock.now();
    return this.database.transaction(async (transaction) => {
      const current = await this.store.lock(transaction, run.id);
      assert(current !== undefined, 'runbook runs are never deleted');
      return work(transaction, current, now);
    });
  }
}

function endOf(
  state: StepState,
  given: Partial<StepEnd> & Pick<StepEnd, 'words' | 'endedAt'>,
): StepEnd {
  return { reason: null, evidence: null, result: null, ...given, state };
}
