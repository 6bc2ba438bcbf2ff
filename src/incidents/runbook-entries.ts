import { z } from 'zod';

const words = z.string().min(1);
const run = {
  runbookRunId: z.uuid(),
  runbookRunNumber: z.int(),
  runbook: words,
  /** nothing was written, posted or started by it */
  dryRun: z.boolean(),
};
const step = { ...run, step: words, kind: words };

/**
 * What a step has seen or done, bounded, and without personal columns: rows of a check, the begin of an
 * answer's body, ids and numbers.
 */
export const stepEvidenceSchema = z.strictObject({
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  rows: z.array(z.record(z.string(), z.string().nullable())).max(100).optional(),
  /** columns of the result that are not shown, since they are or may be personal */
  leftOut: z.array(z.string()).optional(),
  body: z.string().max(2_000).optional(),
});
export type StepEvidence = z.infer<typeof stepEvidenceSchema>;

/** What a timeline tells of runbooks. */
export const runbookSchemas = {
  'runbook-run-started': z.strictObject({
    ...run,
    /** SHA-256 of the text that the run is pinned to */
    textHash: words,
    steps: z.int().min(1),
    assumptions: z.record(z.string(), z.string()),
  }),
  'runbook-run-paused': z.strictObject({ ...run, reason: words.nullable() }),
  'runbook-run-resumed': z.strictObject({ ...run, from: words.nullable() }),
  'runbook-run-stopped': z.strictObject({ ...run, words }),
  'runbook-run-aborted': z.strictObject({ ...run, reason: words }),
  'runbook-run-finished': z.strictObject({
    ...run,
    counts: z.record(z.string(), z.int().min(0)),
  }),
  'runbook-step-begun': z.strictObject({ ...step, words }),
  'runbook-step-skipped': z.strictObject({ ...step, words }),
  'runbook-step-done': z.strictObject({ ...step, words, evidence: stepEvidenceSchema }),
  'runbook-step-failed': z.strictObject({
    ...step,
    reason: words,
    words,
    evidence: stepEvidenceSchema.nullable(),
  }),
} as const;
