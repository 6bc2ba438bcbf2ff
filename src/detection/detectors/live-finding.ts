import { z } from 'zod';
import type { FindingMeasure, FindingUpdate, Slice } from '../detector.js';
import { bitsOf, countsIn, matches, type RecentCancellation } from './recent-cancellations.js';
import type { Part } from './shares.js';
import type { SliceScore } from './slice-scan.js';

/** A finding lives on for this long after its last surprising cancellation, or for some mean gaps. */
const quietMsMin = 10 * 60_000;
const quietMsMax = 8 * 3_600_000;
/** It is said to rise if it did so within the last minute, or within some mean gaps. */
const risingMsMin = 60_000;
const gapsOfQuiet = 5;
/** More than this many standard errors above what is expected is more than the everyday. */
const everydayErrors = 2;
/** Beyond this no one tells numbers apart; keeps them finite. */
const weeksMax = 1e12;
/**
 * Up to so many orders each one may show the slice clearer; of more, only every so many-th part is
 * looked at again, so that a failure of thousands is taken in as fast as it comes.
 */
const reviewEachUpTo = 60;
const reviewShare = 0.05;

const gapSchema = z.object({ from: z.number(), until: z.number() });
/** A time of which changes were lost at the source. */
export type Gap = z.infer<typeof gapSchema>;

export const liveFindingSchema = z.object({
  id: z.number(),
  fingerprint: z.string(),
  parts: z.array(z.object({ attribute: z.number(), value: z.number() })),
  slice: z.record(z.string(), z.string()),
  share: z.number(),
  openedAt: z.number(),
  since: z.number(),
  sinceCumulative: z.number(),
  untilCumulative: z.number(),
  lastAt: z.number(),
  orders: z.number(),
  paidOrders: z.number(),
  accounts: z.number(),
  money: z.record(z.string(), z.number()),
  logWeeks: z.number(),
  rising: z.boolean(),
  /** cancellations taken in or clarified since its slice was last compared with others */
  unreviewed: z.number(),
  /** changes were lost within its time */
  gap: gapSchema.nullable(),
});
export const gapsSchema = z.array(gapSchema);
export type LiveFinding = z.infer<typeof liveFindingSchema>;

/** What is expected of the shop as a whole, to measure a finding by. */
export interface Expectation {
  /** accounts expected in so many milliseconds at the present rate */
  expectedWithin(milliseconds: number): number;
  learntDays(): number;
}

/** What is known when a finding is looked at. */
export interface Moment {
  readonly now: number;
  readonly held: readonly RecentCancellation[];
  readonly expectation: Expectation;
}

/** Counts one more cancellation of the finding's slice. */
export function join(finding: LiveFinding, one: RecentCancellation, cumulative: number): void {
  one.finding = finding.id;
  finding.unreviewed += 1;
  finding.untilCumulative = cumulative;
  finding.lastAt = Math.max(finding.lastAt, one.at);
  finding.orders += 1;
  if (one.paid) finding.paidOrders += 1;
  if (countsIn(one, bitsOf(finding.parts))) finding.accounts += 1;
  finding.money[one.currency] = (finding.money[one.currency] ?? 0) + one.amountMinor;
}

/**
 * Gives the finding (another) slice and counts anew; the positions of cancellations that were not its
 * own before. What it had taken in and does not lie in the new slice stays with it, uncounted: set free,
 * orders of the same failure would be lost or found a second time. Each order's verdict is its own.
 */
export function settle(
  finding: LiveFinding,
  score: SliceScore,
  context: {
    slice: Slice;
    held: readonly RecentCancellation[];
    cumulative: number;
    gaps: readonly Gap[];
  },
): number[] {
  const { parts, share, logWeeks, start } = score;
  Object.assign(finding, { parts: [...parts], slice: { ...context.slice }, share, logWeeks });
  Object.assign(finding, { orders: 0, paidOrders: 0, accounts: 0, money: {} });
  finding.sinceCumulative = start.cumulative;
  const added: number[] = [];
  let since: number | undefined;
  for (const one of context.held) {
    const isFree = one.finding === 0 || one.finding === finding.id;
    if (!isFree || one.at < start.at || !matches(one.vector, parts)) continue;
    if (one.finding === 0) added.push(one.position);
    since ??= one.at;
    join(finding, one, context.cumulative);
  }
  finding.unreviewed = 0;
  finding.since = since ?? start.at;
  for (const gap of context.gaps) if (gap.until > start.at) noteGap(finding, gap);
  return added;
}

/** The finding does not know all that happened in its time. */
export function noteGap(finding: LiveFinding, gap: Gap): void {
  finding.gap = {
    from: Math.min(finding.gap?.from ?? gap.from, gap.from),
    until: Math.max(finding.gap?.until ?? gap.until, gap.until),
  };
}

/** Whether it is time to compare its slice with others again. */
export function isDueForReview({ orders, unreviewed }: LiveFinding): boolean {
  return orders <= reviewEachUpTo || unreviewed >= orders * reviewShare;
}

/**
 * Whether the finding has been no more than the everyday for long enough to close. A time of which
 * changes were lost does not count as quiet.
 */
export function isQuiet(finding: LiveFinding, moment: Moment): boolean {
  const quietMs = Math.min(quietMsMax, Math.max(quietMsMin, gapsOfQuiet * meanGapMs(finding)));
  if (finding.gap !== null && finding.gap.until > moment.now - quietMs) return false;
  return !isBeyondEveryday(finding, { ...moment, windowMs: quietMs });
}

export function isRising(finding: LiveFinding, moment: Moment): boolean {
  const risingMs = Math.min(quietMsMax, Math.max(risingMsMin, gapsOfQuiet * meanGapMs(finding)));
  return isBeyondEveryday(finding, { ...moment, windowMs: risingMs });
}

export function updateOf(
  finding: LiveFinding,
  change: {
    state: 'live' | 'closed';
    addedPositions: readonly number[];
    expectation: Expectation;
  },
): FindingUpdate {
  const { expectation } = change;
  const { gap } = finding;
  const measure: FindingMeasure = {
    slice: { ...finding.slice },
    orders: finding.orders,
    paidOrders: finding.paidOrders,
    accounts: finding.accounts,
    money: { ...finding.money },
    since: new Date(finding.since),
    until: new Date(finding.lastAt),
    expected: Math.max(0, finding.share * (finding.untilCumulative - finding.sinceCumulative)),
    weeksPerChance: Math.min(weeksMax, Math.exp(finding.logWeeks)),
    rising: change.state === 'live' && finding.rising,
    learntDays: expectation.learntDays(),
    gap: gap === null ? null : { from: new Date(gap.from), until: new Date(gap.until) },
  };
  const { state, addedPositions } = change;
  return { state, fingerprint: finding.fingerprint, measure, addedPositions };
}

/** Whether two slices are one slice or lie within each other. */
export function isPartOf(inner: readonly Part[], outer: readonly Part[]): boolean {
  return outer.every(({ attribute, value }) =>
    inner.some((part) => part.attribute === attribute && part.value === value),
  );
}

function meanGapMs(finding: LiveFinding): number {
  return (finding.lastAt - finding.since) / Math.max(1, finding.orders - 1);
}

function isBeyondEveryday(finding: LiveFinding, moment: Moment & { windowMs: number }): boolean {
  const from = moment.now - moment.windowMs;
  if (finding.openedAt > from) return true;
  const bits = bitsOf(finding.parts);
  const expected = finding.share * moment.expectation.expectedWithin(moment.windowMs);
  const everyday = expected + everydayErrors * Math.sqrt(expected);
  let count = 0;
  for (let index = moment.held.length - 1; index >= 0; index -= 1) {
    const one = moment.held[index];
    if (one === undefined || one.at <= from) return false;
    if (one.finding === finding.id && matches(one.vector, finding.parts) && countsIn(one, bits)) {
      count += 1;
    }
    if (count > everyday) return true;
  }
  return false;
}
