import { describe, expect, it } from '@jest/globals';
import { mayFollow } from '../../incidents/transitions.js';
import type { Caller } from '../../access/caller.js';
import { stepsSchema, type Step, type StepOf } from '../definition.js';
import { judgeAnswer } from './answer.js';
import { assumptionFaults } from './assumptions.js';
import {
  currentStep,
  runbookRunStates,
  runbookRunTransitions,
  skipReason,
  stepStates,
  stepTransitions,
  type RunbookStep,
} from './run.js';

const steps = (...given: Record<string, unknown>[]): Step[] =>
  stepsSchema.parse({ steps: given }).steps;
const [ask, free, check] = steps(
  { name: 'ask', kind: 'question', ask: 'well?', options: ['yes', 'no'], go_on_with: ['yes'] },
  { name: 'free', kind: 'question', ask: 'what?', assume: 'nothing' },
  { name: 'check', kind: 'sql', query: 'SELECT 1', otherwise: 'go-on' },
) as [StepOf<'question'>, StepOf<'question'>, Step];

const pairsOf = <State>(states: readonly State[]) =>
  states.flatMap((from) => states.map((to): [State, State] => [from, to]));

describe('the run’s and the step’s tables', () => {
  const run = ['running paused', 'running stopped', 'running finished', 'running aborted'];
  const back = ['paused running', 'paused aborted', 'stopped running', 'stopped aborted'];
  it.each(pairsOf(runbookRunStates))('%s -> %s', (from, to) => {
    const allowed = [...run, ...back].includes(`${from} ${to}`);
    expect(mayFollow(runbookRunTransitions, { from, to })).toBe(allowed);
  });

  const step = ['pending begun', 'pending skipped', 'begun done', 'begun failed'];
  it.each(pairsOf(stepStates))('%s -> %s', (from, to) => {
    const allowed = step.includes(`${from} ${to}`) || (to === 'pending' && from !== 'pending');
    expect(mayFollow(stepTransitions, { from, to })).toBe(allowed);
  });
});

describe('the step whose turn it is', () => {
  const row = (definition: Step, state: RunbookStep['state']) =>
    ({ name: definition.name, definition, state }) as RunbookStep;

  it('is the first that is not over; a failed one only where the run cannot go on without it', () => {
    const turn = (dryRun: boolean, ...given: RunbookStep[]) => currentStep({ dryRun }, given)?.name;
    expect(turn(false, row(ask, 'done'), row(check, 'begun'))).toBe('check');
    expect(turn(false, row(ask, 'skipped'), row(check, 'failed'), row(free, 'pending'))).toBe(
      'free',
    );
    expect(turn(false, row(ask, 'failed'), row(check, 'pending'))).toBe('ask');
    expect(turn(true, row(ask, 'failed'), row(check, 'pending'))).toBe('check');
    expect(turn(false, row(ask, 'done'))).toBeUndefined();
  });

  it('is left out where its `when` does not hold', () => {
    const when = { profile: ['a', 'b'], question: { step: 'ask', is: ['yes'] } };
    const facts = (profile: string, answer?: string) => ({
      profile,
      results: new Map(answer === undefined ? [] : [['ask', { answer }]]),
    });
    expect(skipReason(check, facts('c'))).toBeUndefined();
    expect(skipReason({ ...check, when }, facts('b', 'yes'))).toBeUndefined();
    expect(skipReason({ ...check, when }, facts('c', 'yes'))).toMatch(/a or b, and this one has c/);
    expect(skipReason({ ...check, when }, facts('a', 'no'))).toBe('"ask" was answered with "no"');
    expect(skipReason({ ...check, when }, facts('a'))).toBe('"ask" was not answered');
  });
});

describe('an answer', () => {
  const caller = (given: Partial<Caller> = {}): Caller => ({
    ...{ personId: 'p', name: 'P', kind: 'person', role: 'responder', tokenId: 't' },
    ...given,
  });
  const judge = (question: StepOf<'question'>, answer: string, by: Partial<Caller> = {}) => {
    const judged = judgeAnswer(question, { answer, caller: caller(by), actsFor: 'p' });
    return judged.ok ? judged.value : judged.refusal;
  };

  it('is one of the options, and decides whether the run goes on', () => {
    expect(judge(ask, 'yes')).toBe('go-on');
    expect(judge(ask, 'no')).toBe('stop');
    expect(judge(ask, 'perhaps')).toBe('not-an-option');
    expect(judge(free, 'anything')).toBe('go-on');
    expect(judge(ask, 'yes', { role: 'viewer' })).toBe('role-too-low');
  });

  it('is given by another person where the question says so', () => {
    const two = { ...ask, role: 'approver', second_person: true } as const;
    expect(judge(two, 'yes')).toBe('role-too-low');
    expect(judge(two, 'yes', { role: 'approver' })).toBe('second-person-needed');
    expect(judge(two, 'yes', { role: 'approver', personId: 'q' })).toBe('go-on');
    expect(judge(two, 'yes', { role: 'admin', personId: 'q', kind: 'service' })).toBe(
      'persons-only',
    );
  });
});

describe('what a dry run assumes', () => {
  const faults = (dryRun: boolean, assumptions: Record<string, string>) =>
    assumptionFaults([ask, free, check], { dryRun, assumptions }).map(
      ({ field, message }) => `${field}: ${message}`,
    );

  it('answers each question, and no other', () => {
    expect(faults(true, { ask: 'no' })).toEqual([]);
    expect(faults(true, { check: 'x', free: 'y' })).toEqual([
      'assumptions.check: there is no such question',
      'assumptions.ask: assume an answer to "well?"',
    ]);
    expect(faults(true, { ask: 'perhaps' })).toEqual([
      'assumptions.ask: "perhaps" is none of yes, no',
    ]);
    expect(faults(false, { ask: 'yes' })).toEqual([
      'assumptions.ask: only a dry run assumes answers',
    ]);
  });
});
