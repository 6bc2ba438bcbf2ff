import type { Background } from './background.js';
import { logEvidence, LogSum } from './evidence.js';
import {
  bitsOf,
  countsIn,
  likeness,
  type RecentCancellation,
  type RecentCancellations,
} from './recent-cancellations.js';
import type { Part, Shares, ValueVector } from './shares.js';
import { logStartWeight, type WindowStart } from './window-starts.js';

/** Fewer accounts are never a failure that somebody is woken for. */
const accountsMin = 4;
/** How the budget of false alarms is divided: the shop as a whole, single values, pairs of values. */
const budget = { shop: 0.4, values: 0.3, pairs: 0.3 };

/** How surprising the newest windows of one slice are. */
export interface SliceScore {
  readonly parts: readonly Part[];
  readonly share: number;
  /** natural logarithm of: chance alone would do this once in so many weeks */
  readonly logWeeks: number;
  /** the window that says most */
  readonly start: WindowStart;
}

export interface ScanQuestion {
  readonly now: number;
  /** the newest cancellation: only slices that it lies in can have become more surprising */
  readonly vector: ValueVector;
  /** which cancellations count; others are explained already */
  readonly includes: (one: RecentCancellation) => boolean;
}

interface Candidate {
  readonly parts: readonly Part[];
  readonly bits: number;
  readonly share: number;
  readonly logWeight: number;
  readonly sum: LogSum;
  count: number;
  best: { log: number; start: WindowStart } | undefined;
}

/** Scores all slices of the newest cancellation over all windows that end now. */
export function scanSlices(
  question: ScanQuestion,
  past: { background: Background; shares: Shares; recent: RecentCancellations },
): SliceScore[] {
  const candidates = candidatesOf(question.vector, past.shares);
  const cumulative = past.background.cumulativeAt(question.now);
  const held = past.recent.all;
  let next = held.length - 1;
  for (const start of past.background.windowsEndingAt(question.now)) {
    for (; next >= 0; next -= 1) {
      const one = held[next];
      if (one === undefined || one.at < start.at) break;
      if (question.includes(one)) countIn(candidates, one, question.vector);
    }
    const expected = cumulative - start.cumulative;
    const dispersion = past.background.dispersionOf(start.level);
    const window = { start, expected, dispersion };
    for (const candidate of candidates) judge(candidate, window);
  }
  return candidates.flatMap(scoreOf);
}

/** The slice that explains best, undefined where nothing happened often enough. */
export function best(scores: readonly SliceScore[]): SliceScore | undefined {
  return scores.reduce<SliceScore | undefined>(
    (top, score) => (top === undefined || score.logWeeks > top.logWeeks ? score : top),
    undefined,
  );
}

export function sameSlice(left: readonly Part[], right: readonly Part[]): boolean {
  return (
    left.length === right.length &&
    left.every((part, index) => {
      const other = right[index];
      return other?.attribute === part.attribute && other.value === part.value;
    })
  );
}

function candidatesOf(vector: ValueVector, shares: Shares): Candidate[] {
  const values = vector.flatMap((value, attribute) => (value === 0 ? [] : [{ attribute, value }]));
  const attributes = Math.max(1, shares.attributeCount);
  const pairs = Math.max(1, (attributes * (attributes - 1)) / 2);
  const candidates = [candidate([], { share: 1, weight: budget.shop })];
  values.forEach((left, index) => {
    const share = shares.shareOf([left]);
    candidates.push(candidate([left], { share, weight: (budget.values / attributes) * share }));
    for (const right of values.slice(index + 1)) {
      const joint = shares.shareOf([left, right]);
      candidates.push(
        candidate([left, right], { share: joint, weight: (budget.pairs / pairs) * joint }),
      );
    }
  });
  return candidates;
}

function candidate(parts: readonly Part[], of: { share: number; weight: number }): Candidate {
  return {
    parts,
    bits: bitsOf(parts),
    share: of.share,
    logWeight: Math.log(of.weight),
    sum: new LogSum(),
    count: 0,
    best: undefined,
  };
}

function countIn(
  candidates: readonly Candidate[],
  one: RecentCancellation,
  vector: ValueVector,
): void {
  const like = likeness(vector, one.vector);
  for (const slice of candidates) {
    if ((like & slice.bits) === slice.bits && countsIn(one, slice.bits)) slice.count += 1;
  }
}

function judge(
  slice: Candidate,
  window: { start: WindowStart; expected: number; dispersion: number },
): void {
  if (slice.count < accountsMin) return;
  const expected = window.expected * slice.share;
  const log =
    logStartWeight(window.start.level) +
    logEvidence({
      count: slice.count,
      expected,
      dispersion: window.dispersion,
    });
  slice.sum.add(log);
  if (slice.best === undefined || log > slice.best.log) slice.best = { log, start: window.start };
}

function scoreOf(slice: Candidate): SliceScore[] {
  if (slice.best === undefined) return [];
  const { parts, share } = slice;
  return [{ parts, share, logWeeks: slice.sum.value + slice.logWeight, start: slice.best.start }];
}
