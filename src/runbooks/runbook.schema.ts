import { z } from 'zod';
import { stepEvidenceSchema } from '../incidents/runbook-entries.js';
import { runbookName, stepKinds } from './definition.js';
import { runbookRunStates, stepStates } from './runs/run.js';
import { stepFailures, stepWaits } from './step.js';

const moment = z.date();
const words = z.string().trim().min(1).max(4_000);
const name = z.string().regex(runbookName, 'the name of an alert, e.g. WrongfulCancellations');
/** a request without a body asks for what is usual */
const bodyOf = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.preprocess((body) => body ?? {}, z.strictObject(shape));

export const lintBodySchema = z.strictObject({
  /** the alert's name, which is also the file's */
  name,
  text: z.string().max(500_000),
});
export type LintBody = z.output<typeof lintBodySchema>;

export const startBodySchema = z.strictObject({
  runbook: name,
  /** goes through all steps at once and says what each would do; writes and posts nothing */
  dryRun: z.boolean().default(false),
  /** for a dry run: question -> answer */
  assumptions: z.record(z.string(), words).default({}),
});
export type StartBody = z.output<typeof startBodySchema>;

export const pauseBodySchema = bodyOf({ reason: words.nullable().default(null) });
export type PauseBody = z.output<typeof pauseBodySchema>;

export const resumeBodySchema = bodyOf({
  /** this step and all that follow it are done anew; left out: goes on where it is */
  from: z.string().nullable().default(null),
});
export type ResumeBody = z.output<typeof resumeBodySchema>;

export const abortBodySchema = z.strictObject({ reason: words });
export type AbortBody = z.output<typeof abortBodySchema>;

export const answerBodySchema = z.strictObject({
  /** the step that waits for it */
  step: z.string(),
  /** one of the question's options, or words; for an approval `approved` or `rejected` */
  answer: words,
  /** for an approval: the hash of the plan that was looked at */
  planHash: z.string().nullable().default(null),
  reason: words.nullable().default(null),
});
export type AnswerBody = z.output<typeof answerBodySchema>;

const faultSchema = z.object({ line: z.int(), field: z.string(), message: z.string() });

const stepSummary = {
  name: z.string(),
  kind: z.enum(stepKinds as [string, ...string[]]),
  title: z.string(),
};

export const lintAnswerSchema = z.object({
  ok: z.boolean(),
  faults: z.array(faultSchema),
  steps: z.array(z.object(stepSummary)),
});
export type LintAnswer = z.output<typeof lintAnswerSchema>;

export const runbookSchema = z.object({
  name: z.string(),
  /** SHA-256 of the text, as hex */
  textHash: z.string(),
  /** what the engine would do; none where the runbook is for people alone */
  steps: z.array(z.object(stepSummary)),
  faults: z.array(faultSchema),
});
export type RunbookView = z.output<typeof runbookSchema>;

const waits = {
  /** name of the step whose turn it is */
  step: z.string().nullable(),
  waitsFor: z.enum(stepWaits).nullable(),
  /** what it waits for, or why it stopped, in words */
  words: z.string().nullable(),
};

export const runbookRunSchema = z.object({
  id: z.uuid(),
  number: z.int(),
  incidentId: z.uuid(),
  shopId: z.string(),
  runbook: z.string(),
  textHash: z.string(),
  dryRun: z.boolean(),
  assumptions: z.record(z.string(), z.string()),
  state: z.enum(runbookRunStates),
  ...waits,
  startedBy: z.string(),
  startedAt: moment,
  /** for whom its steps are done: who started or last resumed it */
  actsFor: z.string(),
  endedAt: moment.nullable(),
});
export type RunbookRunView = z.output<typeof runbookRunSchema>;

export const runbookRunDetailSchema = runbookRunSchema.extend({
  /** the runbook as it was at the start */
  text: z.string(),
  steps: z.array(
    z.object({
      ...stepSummary,
      state: z.enum(stepStates),
      attempts: z.int().min(0),
      waitsFor: z.enum(stepWaits).nullable(),
      reason: z.enum(stepFailures).nullable(),
      words: z.string().nullable(),
      evidence: stepEvidenceSchema.nullable(),
      result: z
        .object({
          answer: z.string().optional(),
          planId: z.string().optional(),
          planHash: z.string().optional(),
          restoreRunId: z.string().optional(),
        })
        .nullable(),
      begunAt: moment.nullable(),
      endedAt: moment.nullable(),
    }),
  ),
});
export type RunbookRunDetail = z.output<typeof runbookRunDetailSchema>;
