import { Injectable } from '@nestjs/common';
import { AuditService } from '../../access/audit.service.js';
import type { Caller } from '../../access/caller.js';
import { Clock } from '../../platform/clock.js';
import { Database, type Transaction } from '../../platform/database/database.js';
import { Fault } from '../../platform/errors.js';
import { Wake } from '../../platform/work/wake.js';
import type { StepOf } from '../definition.js';
import { failed, StepKinds, type GivenAnswer } from '../step.js';
import { answerRefusalWords, judgeAnswer } from './answer.js';
import { missingRunbookRun } from './run-control.service.js';
import { RunRecorder } from './run-recorder.js';
import {
  currentStep,
  resultsOf,
  runbookRunTransitions,
  type RunbookRun,
  type RunbookStep,
} from './run.js';
import { RunbookRunStore } from './run.store.js';
import { runbookRunStep } from './step-name.js';

export interface Answer extends GivenAnswer {
  readonly step: string;
}

/** Takes what people say to a run's questions, and passes on what they say to other steps that wait for them. */
@Injectable()
export class AnswerService {
  constructor(
    private readonly database: Database,
    private readonly store: RunbookRunStore,
    private readonly recorder: RunRecorder,
    private readonly kinds: StepKinds,
    private readonly audit: AuditService,
    private readonly clock: Clock,
    private readonly wake: Wake,
  ) {}

  /** @throws Fault where the step does not wait for an answer, or not for this one, or not from this person */
  async answer(caller: Caller, runId: string, answer: Answer): Promise<void> {
    const passOn = await this.database.transaction(async (transaction) => {
      const run = await this.store.lock(transaction, runId);
      if (run === undefined) throw missingRunbookRun(runId);
      const steps = await this.store.steps(transaction, runId);
      const step = askedStep(run, steps, answer.step);
      const { definition } = step;
      if (definition.kind === 'question') {
        await this.take(transaction, { run, step, question: definition, caller, answer });
        return undefined;
      }
      return { definition, results: resultsOf(steps) };
    });
    // a vote is a transaction of its own, under the rules of its own service; the step then sees it
    if (passOn !== undefined)
      await this.kinds
        .of(passOn.definition)
        .answer?.(passOn.definition, { ...answer, caller }, passOn.results);
    this.wake.notify(runbookRunStep);
  }

  private async take(
    transaction: Transaction,
    given: {
      run: RunbookRun;
      step: RunbookStep;
      question: StepOf<'question'>;
      caller: Caller;
      answer: Answer;
    },
  ): Promise<void> {
    const { run, step, question, caller } = given;
    const { answer, reason } = given.answer;
    const judged = judgeAnswer(question, { answer, caller, actsFor: run.actsFor });
    if (!judged.ok)
      throw new Fault(
        judged.refusal === 'not-an-option' ? 'invalid' : 'forbidden',
        judged.refusal,
        answerRefusalWords(judged.refusal, question),
      );
    const now = this.clock.now();
    const facts = { answer, ...(reason !== null && { reason }) };
    const words = `answered with "${answer}"`;
    const outcome =
      judged.value === 'go-on'
        ? ({ outcome: 'done', words, evidence: { facts }, result: { answer } } as const)
        : failed('answered-otherwise', words, { facts });
    await this.recorder.write(transaction, {
      ...{ run, step, outcome, now, personId: caller.personId },
    });
    await this.audit.record(transaction, {
      ...{ caller, at: now, action: 'runbook-run.answered' },
      ...{ subjectKind: 'runbook-run', subjectId: run.id },
      data: { number: run.number, step: step.name },
    });
  }
}

function askedStep(run: RunbookRun, steps: readonly RunbookStep[], name: string): RunbookStep {
  if (run.state !== 'running')
    throw new Fault(
      'conflict',
      'not-asked',
      `runbook run ${run.number} takes no answers, because it is ${runbookRunTransitions.words[run.state]}`,
    );
  const current = currentStep(run, steps);
  const waits =
    current?.state === 'begun' && ['question', 'approval'].includes(current.definition.kind);
  if (!run.dryRun && waits && current.name === name) return current;
  const now = current === undefined ? 'it is at its end' : `it is at "${current.name}"`;
  throw new Fault(
    'conflict',
    'not-asked',
    `runbook run ${run.number} does not wait for an answer to "${name}": ${now}`,
  );
}
