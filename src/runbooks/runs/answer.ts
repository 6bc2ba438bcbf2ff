import type { Caller } from '../../access/caller.js';
import { allows } from '../../access/role.js';
import type { StepOf } from '../definition.js';
import { refuse, ok, type Result } from '../../platform/result.js';

export const answerRefusals = [
  'role-too-low',
  'second-person-needed',
  'persons-only',
  'not-an-option',
] as const;
export type AnswerRefusal = (typeof answerRefusals)[number];

/** Whether this person may give this answer to a question, and whether the run goes on with it. Pure. */
export function judgeAnswer(
  question: StepOf<'question'>,
  given: { answer: string; caller: Caller; actsFor: string },
): Result<'go-on' | 'stop', AnswerRefusal> {
  const { answer, caller, actsFor } = given;
  if (!allows(caller.role, [question.role])) return refuse('role-too-low');
  if (question.second_person && caller.kind !== 'person') return refuse('persons-only');
  if (question.second_person && caller.personId === actsFor) return refuse('second-person-needed');
  if (question.options?.includes(answer) === false) return refuse('not-an-option');
  return ok(question.go_on_with?.includes(answer) === false ? 'stop' : 'go-on');
}

/** What to tell somebody whose answer is not taken. */
export function answerRefusalWords(refusal: AnswerRefusal, question: StepOf<'question'>): string {
  switch (refusal) {
    case 'role-too-low':
      return `"${question.name}" is answered by somebody with the role ${question.role}`;
    case 'persons-only':
      return `"${question.name}" is answered by a person, not by a service`;
    case 'second-person-needed':
      return `"${question.name}" is answered by another person than the one for whom the run acts`;
    case 'not-an-option':
      return `"${question.name}" is answered with one of: ${question.options?.join(', ') ?? ''}`;
  }
}
