import { z } from 'zod';

/** Names of runbooks and of their files: that of the alert. */
export const runbookName = /^[A-Z][A-Za-z0-9]{0,62}$/;

const name = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,62}$/, 'lower-case letters, digits and dashes, e.g. job-is-off');
const words = z.string().trim().min(1).max(2_000);
const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** `500ms`, `5s`, `2m`, `1h`; parsed into milliseconds. */
const duration = (bounds: { least: number; most: number; words: string }) =>
  z
    .string('a duration such as 5s or 2m')
    .regex(/^\d{1,6}(ms|s|m|h)$/, 'a duration is a whole number with ms, s, m or h, e.g. 5s')
    .transform((text) => Number.parseInt(text, 10) * (unitsMs[text.replace(/^\d+/, '')] ?? 1))
    .refine((value) => value >= bounds.least && value <= bounds.most, bounds.words);

const timeout = duration({ least: 100, most: 30_000, words: 'between 100ms and 30s' }).default(
  5_000,
);
const waiting = duration({ least: 1_000, most: 86_400_000, words: 'between 1s and 24h' });
const otherwise = z.enum(['stop', 'go-on']).default('stop');

const when = z.strictObject(
  {
    /** only for shops with one of these profiles */
    profile: z.array(z.string().min(1)).min(1).optional(),
    /** only where an earlier question was answered so */
    question: z.strictObject({ step: name, is: z.array(words).min(1) }).optional(),
  },
  '{ profile: [ … ] }, { question: { step: …, is: [ … ] } }, or both',
);

const common = { name, title: words.optional(), when: when.optional() };

const bound = z.union([z.number(), z.string()]);
/** What a result has to look like; without one, that the query can be run is enough. */
const rowsExpected = z.union(
  [
    z.strictObject({ rows: z.enum(['none', 'some']) }),
    z
      .strictObject({
        column: z.string().min(1),
        equals: bound.optional(),
        at_most: z.number().optional(),
        at_least: z.number().optional(),
      })
      .refine(
        ({ equals, at_most, at_least }) =>
          [equals, at_most, at_least].some((one) => one !== undefined),
        'a column is compared by equals, at_most or at_least',
      ),
  ],
  'either { rows: none | some }, or { column: …, equals | at_most | at_least: … }',
);
export type RowsExpected = z.output<typeof rowsExpected>;

const sql = z.strictObject({
  ...common,
  kind: z.literal('sql'),
  query: z.string().min(1).max(20_000),
  expect: rowsExpected.optional(),
  /** columns of the result that the writer vouches for: they hold nothing personal */
  show: z.array(z.string().min(1)).default([]),
  rows: z.int().min(1).max(100).default(20),
  timeout,
  otherwise,
});

const http = z.strictObject({
  ...common,
  kind: z.literal('http'),
  url: z.string().min(1).max(2_000),
  method: z.enum(['GET', 'HEAD'], 'GET or HEAD: a check changes nothing').default('GET'),
  expect: z
    .strictObject({
      status: z.array(z.int().min(100).max(599)).min(1).optional(),
      contains: z.string().min(1).max(500).optional(),
    })
    .prefault({}),
  timeout,
  otherwise,
});

const question = z.strictObject({
  ...common,
  kind: z.literal('question'),
  ask: words,
  /** left out: any words */
  options: z.array(words).min(2).max(20).optional(),
  /** answers with which the run goes on; with another one the step has failed. Left out: with any */
  go_on_with: z.array(words).min(1).optional(),
  /** what a dry run takes for the answer */
  assume: words.optional(),
  role: z.enum(['responder', 'approver']).default('responder'),
  /** somebody other than the person for whom the run acts */
  second_person: z.boolean().default(false),
});

const wait = z.strictObject({ ...common, kind: z.literal('wait'), for: waiting });

const quiet = z.strictObject({
  ...common,
  kind: z.literal('quiet'),
  at_most: waiting.default(1_800_000),
  otherwise,
});

const plan = z.strictObject({ ...common, kind: z.literal('plan') });
const approval = z.strictObject({ ...common, kind: z.literal('approval'), plan: name });
const restore = z.strictObject({ ...common, kind: z.literal('restore'), plan: name });
const verify = z.strictObject({
  ...common,
  kind: z.literal('verify'),
  restore: name,
  otherwise,
});

const webhook = z.strictObject({
  ...common,
  kind: z.literal('webhook'),
  url: z.string().min(1).max(2_000),
  /** goes into the message beside what every message holds */
  body: z.record(z.string().min(1), z.string().max(2_000)).default({}),
  timeout,
  otherwise,
});

const steps = [sql, http, question, wait, quiet, plan, approval, restore, verify, webhook] as const;

export const stepSchema = z.discriminatedUnion('kind', steps);

/** What the fenced block of a runbook holds. */
export const stepsSchema = z.strictObject({ steps: z.array(stepSchema).min(1).max(100) });

/** One step as it was written, with its defaults. */
export type Step = z.output<typeof stepSchema>;
export type StepKindName = Step['kind'];
export type StepOf<Kind extends StepKindName> = Extract<Step, { kind: Kind }>;

/** The closed list of kinds. */
export const stepKinds: readonly StepKindName[] = steps.map(({ shape }) => shape.kind.value);

/** What a step is called for people. */
export function titleOf({ title, name: named }: Step): string {
  return title ?? named;
}

/** Whether the run goes on where this step has failed. */
export function goesOn(step: Step): boolean {
  return 'otherwise' in step && step.otherwise === 'go-on';
}
