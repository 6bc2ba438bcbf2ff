import { z } from 'zod';
import type { Endings } from './setting/endings.js';

/** Which is the better one of two values of a figure. */
export type Better = 'more' | 'less';

/** What a figure ought to be: a bound of the value itself, or of its ratio to the reference. */
export interface Aim {
  readonly of: 'value' | 'ratio';
  readonly atLeast?: number;
  readonly atMost?: number;
  /** where there is no bound that anybody has set, why it is looked at */
  readonly words?: string;
}

/** A figure as it is announced before anything is measured. */
export interface Figure {
  /** kebab-case, unique among all figures */
  readonly name: string;
  /** what it says, in a line of the table */
  readonly title: string;
  readonly unit: string;
  readonly better: Better;
  /** what is measured beside it in the same run: a physical limit, or the plainest program that does the same */
  readonly reference: string;
  readonly aims: readonly Aim[];
}

/** Samples of one figure, one a repetition; measured and reference of the same place were taken side by side. */
export interface Samples {
  readonly measured: readonly number[];
  readonly reference: readonly number[];
  /** the values themselves where they come from all repetitions together, such as a percentile */
  readonly whole?: { readonly measured: number; readonly reference: number };
}

/** How much is measured: enough to believe it, or just enough to see that everything still works. */
export type Size = 'full' | 'quick';

export interface BenchContext {
  readonly size: Size;
  /** an empty directory of its own, removed afterwards */
  readonly directory: string;
  /** aborted where somebody wants the bench to end */
  readonly signal: AbortSignal;
  /** tells progress, a line at a time */
  readonly say: (line: string) => void;
  /** takes what has to be ended once the bench is over */
  readonly endings: Endings;
}

/** Something that is measured, in processes of its own. */
export interface Bench {
  /** one word, for --only */
  readonly name: string;
  readonly title: string;
  readonly figures: readonly Figure[];
  /** Gives the samples of each of its figures, by the figure's name. */
  run(context: BenchContext): Promise<ReadonlyMap<string, Samples>>;
}

const spreadSchema = z.strictObject({
  /** of all repetitions together, or else the median */
  value: z.number(),
  lowest: z.number(),
  highest: z.number(),
});
export type Spread = z.output<typeof spreadSchema>;

const aimSchema = z.strictObject({
  words: z.string().min(1),
  /** null where no bound is set */
  held: z.boolean().nullable(),
});

export const resultSchema = z.strictObject({
  bench: z.string().min(1),
  figure: z.string().regex(/^[a-z0-9-]+$/),
  title: z.string().min(1),
  unit: z.string().min(1),
  better: z.enum(['more', 'less']),
  repetitions: z.int().min(1),
  measured: spreadSchema,
  reference: spreadSchema.extend({ words: z.string().min(1) }),
  /** measured by reference, of each repetition */
  ratio: spreadSchema,
  aims: z.array(aimSchema).min(1),
});
export type Result = z.output<typeof resultSchema>;

/** What a run of the benches leaves under bench/results. */
export const runSchema = z.strictObject({
  startedAt: z.iso.datetime(),
  seconds: z.number().positive(),
  size: z.enum(['full', 'quick']),
  machine: z.strictObject({
    processors: z.int().min(1),
    memoryGb: z.number().positive(),
    node: z.string().min(1),
    platform: z.string().min(1),
    /** of the last minute when it began: what else the machine had to do */
    loadAtStart: z.number().min(0),
  }),
  /** benches that did not come to their end, and why */
  failed: z.array(z.strictObject({ bench: z.string(), why: z.string() })),
  results: z.array(resultSchema),
});
export type BenchRun = z.output<typeof runSchema>;
