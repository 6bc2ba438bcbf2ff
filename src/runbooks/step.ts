import { Injectable } from '@nestjs/common';
import type { Caller } from '../access/caller.js';
import type { Incident } from '../incidents/incident.js';
import type { StepEvidence } from '../incidents/runbook-entries.js';
import { assert } from '../platform/assert.js';
import { stepKinds, type Step, type StepKindName, type StepOf } from './definition.js';
import type { Values } from './placeholders.js';

/** What a begun step waits for: closed list, also in the database. */
export const stepWaits = ['answer', 'approval', 'time', 'quiet', 'restore-run', 'retry'] as const;
export type StepWait = (typeof stepWaits)[number];

/** Why a step failed: closed list. */
export const stepFailures = [
  'check-failed',
  'query-failed',
  'timeout',
  'unreachable',
  'not-allowed',
  'answered-otherwise',
  'rejected',
  'refused',
  'still-bleeding',
  'not-verified',
] as const;
export type StepFailure = (typeof stepFailures)[number];

/** What later steps go by. */
export interface StepResult {
  readonly answer?: string;
  readonly planId?: string;
  /** of the plan as it was proposed: what is approved and started is this very plan */
  readonly planHash?: string;
  readonly restoreRunId?: string;
}

/** All that a step may know when it is worked on. */
export interface StepScene {
  readonly run: { readonly id: string; readonly number: number; readonly dryRun: boolean };
  readonly incident: Incident;
  /** the person for whom the run acts, by a token that is good now */
  readonly caller: Caller;
  /** its effect is done under this key, once */
  readonly key: string;
  readonly begunAt: Date;
  readonly now: Date;
  readonly values: Values;
  /** step -> answer, for a dry run */
  readonly assumptions: Readonly<Record<string, string>>;
  /** of earlier steps, by name */
  readonly results: ReadonlyMap<string, StepResult>;
  readonly signal: AbortSignal;
}

export type StepOutcome =
  | {
      readonly outcome: 'done';
      readonly words: string;
      readonly evidence: StepEvidence;
      readonly result?: StepResult;
    }
  /** looked at again at the next tick, or from `until` on */
  | {
      readonly outcome: 'waiting';
      readonly waitsFor: StepWait;
      readonly words: string;
      readonly until?: Date;
    }
  /** `retry`: it may pass by itself, and is tried a few times */
  | {
      readonly outcome: 'failed';
      readonly reason: StepFailure;
      readonly words: string;
      readonly retry: boolean;
      readonly evidence: StepEvidence | null;
    };

/** What a person said to a step that waits for them. */
export interface GivenAnswer {
  readonly answer: string;
  /** the hash of the plan that was looked at */
  readonly planHash: string | null;
  readonly reason: string | null;
}

/**
 * How one kind of step is done. Rooms above implement it, and `app.module.ts` registers them: a step calls
 * the service that the endpoint calls.
 */
export interface StepKind<Kind extends StepKindName = StepKindName> {
  readonly kind: Kind;
  /**
   * Does the step, or looks whether what it waits for has come. It may be called again after a crash at any
   * point, with the same key: its effect must then be found, and not done twice.
   */
  work(step: StepOf<Kind>, scene: StepScene): Promise<StepOutcome>;
  /** Says what `work` would do; reads at most. */
  rehearse(step: StepOf<Kind>, scene: StepScene): Promise<StepOutcome>;
  /** Passes a person's answer on to the service whose matter it is; only kinds that wait for one. */
  answer?(
    step: StepOf<Kind>,
    given: GivenAnswer & { readonly caller: Caller },
    results: ReadonlyMap<string, StepResult>,
  ): Promise<void>;
}

/** Every kind of step, by name. */
@Injectable()
export class StepKinds {
  private readonly kinds = new Map<string, StepKind>();

  register<Kind extends StepKindName>(kind: StepKind<Kind>): void {
    // each is only given steps of its own kind
    this.kinds.set(kind.kind, kind as unknown as StepKind);
  }

  of(step: Step): StepKind {
    const kind = this.kinds.get(step.kind);
    assert(kind !== undefined, `somebody registered the kind of step ${step.kind}`);
    return kind;
  }

  /** Stops the start of a service that could not run every runbook. */
  assertWhole(): void {
    const missing = stepKinds.filter((kind) => !this.kinds.has(kind));
    assert(missing.length === 0, `nobody registered the kinds of step ${missing.join(', ')}`);
  }
}

/** A failure that stays as it is. */
export function failed(
  reason: StepFailure,
  words: string,
  evidence: StepEvidence | null = null,
): StepOutcome {
  return { outcome: 'failed', reason, words, retry: false, evidence };
}
