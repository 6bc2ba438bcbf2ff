import { transitionTable } from '../../incidents/transitions.js';
import type { FailureReason, RefusalReason } from '../../shops/shop-adapter.js';
import type { PlanAction } from '../plans/plan.js';

export const runStates = ['running', 'paused', 'stopped', 'finished'] as const;
export type RunState = (typeof runStates)[number];

export const runTransitions = transitionTable<RunState>({
  subject: 'restore run',
  initial: 'running',
  next: {
    running: ['paused', 'stopped', 'finished'],
    paused: ['running', 'stopped'],
    stopped: ['running'],
    finished: ['running'],
  },
  words: {
    running: 'running',
    paused: 'paused',
    stopped: 'stopped',
    finished: 'finished',
  },
});

export const itemStates = [
  'pending',
  'attempting',
  'unknown',
  'applied',
  'verified',
  'refused',
  'failed',
  'undone',
] as const;
export type ItemState = (typeof itemStates)[number];

/**
 * `applied` follows on states before an attempt too: the plan's SQL may be run by hand. `failed` follows on
 * `unknown` where a person has found out that nothing was written.
 */
export const itemTransitions = transitionTable<ItemState>({
  subject: 'item',
  initial: 'pending',
  next: {
    pending: ['attempting', 'refused', 'applied'],
    attempting: ['pending', 'applied', 'unknown', 'refused', 'failed'],
    unknown: ['pending', 'applied', 'failed'],
    applied: ['verified', 'failed'],
    verified: ['undone'],
    refused: ['applied'],
    failed: ['pending', 'applied'],
    undone: [],
  },
  words: {
    pending: 'waiting for its turn',
    attempting: 'being written to the shop',
    unknown: 'written to the shop, perhaps: the answer was lost',
    applied: 'written to the shop, and not yet seen in its stream',
    verified: 'restored, read back and seen in the stream',
    refused: 'refused',
    failed: 'failed',
    undone: 'restored and taken back again',
  },
});

/** Why a run stopped by itself or was stopped: closed list, also the metric's label. */
export const stopReasons = [
  'by-hand',
  'kill-switch',
  'disarmed',
  'still-bleeding',
  'failure-rate',
  'lock-timeouts',
  'read-back-differs',
  'cancelled-again',
] as const;
export type StopReason = (typeof stopReasons)[number];

/** The run's limits, as the shop's policy had them when it started. */
export interface RunLimits {
  readonly concurrency: number;
  readonly perHour: number;
  readonly stopAtFailureRate: number;
  readonly stopAtLockTimeouts: number;
}

/** A plan being carried out. */
export interface Run extends AttemptTally {
  readonly id: string;
  readonly planId: string;
  readonly incidentId: string;
  readonly shopId: string;
  readonly action: PlanAction;
  readonly planHash: string;
  readonly state: RunState;
  /** 0: the canary, 1: the next ten, 2: the rest */
  readonly stage: number;
  readonly stopReason: StopReason | null;
  readonly limits: RunLimits;
  readonly startedBy: string;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
  /** a DBA ran the plan's SQL; it was recognised by its markers */
  readonly byHand: boolean;
  /** why it was started although the harm went on */
  readonly bleedingOverride: string | null;
  /** the newest cancellation of the incident that was known at the start (or when it was resumed) */
  readonly bleedPosition: number;
  /** since when only a person can take it further, once that was paged; null while it is not so */
  readonly waitingSince: Date | null;
  readonly version: number;
}

/** What a person may say of an unknown outcome. */
export const settledOutcomes = ['applied', 'not-applied'] as const;
export type SettledOutcome = (typeof settledOutcomes)[number];

/** One order within a run. */
export interface RunItem {
  readonly id: string;
  readonly runId: string;
  readonly planItemId: string;
  readonly caseId: string;
  readonly shopId: string;
  readonly action: PlanAction;
  readonly orderId: string;
  readonly orderNumber: string | null;
  /** the journal entry that cancelled the order (or, for an undo, that restored it) */
  readonly spanPosition: number;
  readonly sequence: number;
  readonly stage: number;
  readonly state: ItemState;
  readonly reason: RefusalReason | FailureReason | null;
  readonly detail: string | null;
  readonly attempts: number;
  readonly attemptsMax: number;
  readonly nextAttemptAt: Date | null;
  readonly transactionId: number | null;
  readonly incarnation: string | null;
  readonly appliedAt: Date | null;
  readonly echoPosition: number | null;
  /** what the echo showed beside the plan; null where it showed just the plan (or has not come yet) */
  readonly echoDifference: string | null;
  readonly verifiedAt: Date | null;
  /** the first entry of the order after its restore */
  readonly changedPosition: number | null;
  /** what a person said of an attempt whose outcome was unknown; null where nobody had to */
  readonly settledOutcome: SettledOutcome | null;
  /** the shop's transaction of which that was said */
  readonly settledTransactionId: number | null;
  readonly updatedAt: Date;
}

export type Counts = Readonly<Record<ItemState, number>>;

/** The items of one stage that are in one state. */
export interface StageCount {
  readonly stage: number;
  readonly state: ItemState;
  readonly count: number;
  /** of them, how many are applied by a person's word, so that no echo is waited for */
  readonly settled: number;
}

/** Items by state; those applied by a person's word are `applied`, and counted once more apart. */
export interface ItemTally {
  readonly counts: Counts;
  readonly settled: number;
}

/** Sums the items of all stages, or up to one. Pure. */
export function tallyOf(stages: readonly StageCount[], upToStage = lastStage): ItemTally {
  const counts = Object.fromEntries(itemStates.map((state) => [state, 0])) as Record<
    ItemState,
    number
  >;
  let settled = 0;
  for (const { stage, state, count, settled: byWord } of stages) {
    if (stage > upToStage) continue;
    counts[state] += count;
    settled += byWord;
  }
  return { counts, settled };
}

/** One canary, then ten, then the rest. */
export function stageOf(sequence: number): number {
  if (sequence === 0) return 0;
  return sequence <= 10 ? 1 : 2;
}

export const lastStage = 2;

export type StageVerdict =
  /** something in it is still to be done, written, or seen in the stream */
  | 'wait'
  /** no order of the canary stage was restored: the next one has to prove the plan */
  | 'next-canary'
  | 'next-stage'
  | 'finished';

/**
 * Whether a run may go on to its next stage: only once everything in this one has come to an end, and
 * for the canary only once an order was in fact restored and verified. Pure.
 */
export function judgeStage(facts: {
  readonly stage: number;
  /** of the items up to this stage */
  readonly upToStage: ItemTally;
  readonly pendingBeyond: number;
}): StageVerdict {
  const { stage, upToStage, pendingBeyond } = facts;
  const { counts } = upToStage;
  if (counts.pending + counts.unknown + underWay(upToStage) > 0) return 'wait';
  if (pendingBeyond === 0) return 'finished';
  if (stage === 0 && counts.verified === 0) return 'next-canary';
  return stage >= lastStage ? 'finished' : 'next-stage';
}

/** The shop's server settles most unknown outcomes by then, and its stream shows what was written. */
export const provenByNowMs = 30_000;

/**
 * Whether all that is left are orders of which it is not known that they are restored: an unknown outcome, or
 * no echo yet. The shop and its stream settle most of them within a moment, else a person has to. Pure.
 */
export function onlyUnprovenLeft(run: Pick<Run, 'state' | 'stage'>, stages: readonly StageCount[]) {
  // a run that does not go on begins no further order
  const tally = tallyOf(stages, run.state === 'running' ? run.stage : lastStage);
  const { pending, attempting, unknown } = tally.counts;
  const left = unknown + withoutEcho(tally);
  return left > 0 && attempting === 0 && (run.state !== 'running' || pending === 0);
}

/** Orders that are being written, or whose echo has not come yet. */
export function underWay(tally: ItemTally): number {
  return tally.counts.attempting + withoutEcho(tally);
}

/** Written orders whose echo has not come yet, and of which nobody has said that it will not. */
export function withoutEcho({ counts, settled }: ItemTally): number {
  return counts.applied - settled;
}

/** How the attempts since the start (or the last resume) ended, for the limits. */
export interface AttemptTally {
  /** attempts that ended an order's turn: applied, refused, failed, unknown */
  readonly endedOrders: number;
  readonly failedOrders: number;
  /** the latest attempts that found their order locked, without another one between */
  readonly lockedInRow: number;
}

/**
 * Whether a run must stop by itself: too large a share of the orders failed for good, or too many lock
 * time-outs in a row (the shop is busy with these orders, and each try holds it up). Pure.
 */
export function judgeLimits(tally: AttemptTally, limits: RunLimits): StopReason | undefined {
  const { endedOrders, failedOrders, lockedInRow } = tally;
  if (endedOrders > 0 && failedOrders / endedOrders > limits.stopAtFailureRate)
    return 'failure-rate';
  return lockedInRow >= limits.stopAtLockTimeouts ? 'lock-timeouts' : undefined;
}

/** How often a failing order is tried before it counts as failed. */
export const attemptsPerRound = 5;

/** Pause before the next attempt: 1 s, doubling with each attempt of the round, at most 30 s. */
export function retryDelayMs({
  attempts,
  attemptsMax,
}: Pick<RunItem, 'attempts' | 'attemptsMax'>): number {
  const ofRound = attemptsPerRound - (attemptsMax - attempts);
  return Math.min(30_000, 1_000 * 2 ** Math.max(0, ofRound - 1));
}
