import type { StepEvidence } from '../../incidents/runbook-entries.js';
import { transitionTable } from '../../incidents/transitions.js';
import { goesOn, type Step } from '../definition.js';
import type { StepFailure, StepResult, StepWait } from '../step.js';

export const runbookRunStates = ['running', 'paused', 'stopped', 'finished', 'aborted'] as const;
export type RunbookRunState = (typeof runbookRunStates)[number];

export const runbookRunTransitions = transitionTable<RunbookRunState>({
  subject: 'runbook run',
  initial: 'running',
  next: {
    running: ['paused', 'stopped', 'finished', 'aborted'],
    paused: ['running', 'aborted'],
    stopped: ['running', 'aborted'],
    finished: [],
    aborted: [],
  },
  words: {
    running: 'running',
    paused: 'paused',
    stopped: 'stopped: a step of it has failed',
    finished: 'finished',
    aborted: 'aborted',
  },
});

export const stepStates = ['pending', 'begun', 'done', 'failed', 'skipped'] as const;
export type StepState = (typeof stepStates)[number];

/** Back to `pending` lead the resumes that do steps anew. */
export const stepTransitions = transitionTable<StepState>({
  subject: 'step',
  initial: 'pending',
  next: {
    pending: ['begun', 'skipped'],
    begun: ['done', 'failed', 'pending'],
    done: ['pending'],
    failed: ['pending'],
    skipped: ['pending'],
  },
  words: {
    pending: 'not begun yet',
    begun: 'begun',
    done: 'done',
    failed: 'failed',
    skipped: 'skipped',
  },
});

/** A runbook being worked through for an incident. */
export interface RunbookRun {
  readonly id: string;
  /** what people call it by */
  readonly number: number;
  readonly incidentId: string;
  readonly shopId: string;
  readonly runbook: string;
  /** the runbook as it was at the start */
  readonly text: string;
  /** SHA-256 of the text, as hex */
  readonly textHash: string;
  readonly dryRun: boolean;
  /** step -> answer, for a dry run */
  readonly assumptions: Readonly<Record<string, string>>;
  readonly state: RunbookRunState;
  readonly startedBy: string;
  readonly startedAt: Date;
  /** who started or last resumed it: its steps are done for this person */
  readonly actsFor: string;
  readonly tokenId: string;
  readonly endedAt: Date | null;
  readonly version: number;
}

/** One step of a run. */
export interface RunbookStep {
  readonly id: string;
  readonly runId: string;
  readonly sequence: number;
  readonly name: string;
  readonly definition: Step;
  readonly state: StepState;
  readonly key: string;
  readonly attempts: number;
  readonly waitsFor: StepWait | null;
  readonly nextLookAt: Date | null;
  readonly reason: StepFailure | null;
  readonly words: string | null;
  readonly evidence: StepEvidence | null;
  readonly result: StepResult | null;
  readonly begunAt: Date | null;
  readonly endedAt: Date | null;
}

/** The step whose turn it is; undefined where none is left. Pure. */
export function currentStep(
  run: Pick<RunbookRun, 'dryRun'>,
  steps: readonly RunbookStep[],
): RunbookStep | undefined {
  return steps.find(
    ({ state, definition }) =>
      state === 'pending' ||
      state === 'begun' ||
      (state === 'failed' && !run.dryRun && !goesOn(definition)),
  );
}

/** Results of the steps that are done, by name. Pure. */
export function resultsOf(steps: readonly RunbookStep[]): ReadonlyMap<string, StepResult> {
  return new Map(
    steps.flatMap(({ name, state, result }) =>
      state === 'done' && result !== null ? [[name, result]] : [],
    ),
  );
}

/** Why a step is left out; undefined where it is to be done. Pure. */
export function skipReason(
  { when }: Step,
  facts: { profile: string; results: ReadonlyMap<string, StepResult> },
): string | undefined {
  const profiles = when?.profile;
  if (profiles !== undefined && !profiles.includes(facts.profile))
    return `it is for shops with the profile ${profiles.join(' or ')}, and this one has ${facts.profile}`;
  const asked = when?.question;
  if (asked === undefined) return undefined;
  const answer = facts.results.get(asked.step)?.answer;
  if (answer !== undefined && asked.is.includes(answer)) return undefined;
  return answer === undefined
    ? `"${asked.step}" was not answered`
    : `"${asked.step}" was answered with "${answer}"`;
}

/** Steps by state, without those that are nought. Pure. */
export function countsOf(steps: readonly RunbookStep[]): Record<string, number> {
  const groups = Map.groupBy(steps, ({ state }) => state);
  return Object.fromEntries([...groups].map(([state, group]) => [state, group.length]));
}
