import { z } from 'zod';
import type { DetectionEvent, Detector, FindingUpdate, Slice } from '../detector.js';
import { Background, backgroundSchema } from './background.js';
import {
  gapsSchema,
  isDueForReview,
  isPartOf,
  isQuiet,
  isRising,
  join,
  liveFindingSchema,
  noteGap,
  settle,
  updateOf,
  type Gap,
  type LiveFinding,
  type Moment,
} from './live-finding.js';
import {
  countsIn,
  matches,
  RecentCancellations,
  recentCancellationsSchema,
  type RecentCancellation,
} from './recent-cancellations.js';
import { Shares, sharesSchema, type Part } from './shares.js';
import { best, sameSlice, scanSlices, type SliceScore } from './slice-scan.js';
import { longestWindowMs } from './window-starts.js';

const stateVersion = 2;
const dayMs = 24 * 3_600_000;
/** A slice must explain a live finding this much better (natural logarithm) to take its place. */
const bettermentMin = 3;
/** While a finding lives, a second one must be so much more surprising: it may be the first one's edge. */
const separationMin = Math.log(100);
/** More at a time are no different failures, and each costs time at every event. */
const findingsMax = 8;
/** Newest gaps that are remembered. */
const gapsMax = 20;
/** Who did it and why is known of a cancellation; a placing has it from the customer, which says nothing. */
const changeAttributes = ['actor_kind', 'actor', 'reason'] as const;

const stateSchema = z.object({
  version: z.literal(stateVersion),
  latest: z.number(),
  day: z.number(),
  findings: z.array(liveFindingSchema),
  findingsSoFar: z.number(),
  gaps: gapsSchema,
  background: backgroundSchema,
  shares: sharesSchema,
  recent: recentCancellationsSchema,
});

export interface CancellationScanSettings {
  /** at most one false page in so many weeks, under the model of the background */
  readonly weeksPerFalsePage: number;
}

/** The detector's name, in findings and metrics. */
export const cancellationScan = 'cancellation-scan';

/**
 * Notices more accounts cancelling than the shop's own past and its present load explain, in the shop
 * as a whole or in a slice of it, over any time between seconds and a day. See docs/detection.md.
 */
export class CancellationScan implements Detector {
  readonly name = cancellationScan;

  private latest = 0;
  private day = 0;
  private findings: LiveFinding[] = [];
  private findingsSoFar = 0;
  private gaps: Gap[] = [];
  private readonly background = new Background();
  private readonly shares = new Shares(changeAttributes);
  private readonly recent = new RecentCancellations();

  constructor(private readonly settings: CancellationScanSettings) {}

  learn(history: readonly DetectionEvent[], until: Date): void {
    for (const event of history) {
      const at = this.passTo(event.at.getTime());
      if (event.kind === 'placed') this.takePlaced(event);
      else if (event.kind === 'cancelled') this.learnFrom(this.takeCancelled(event, at));
      else this.describe(event);
    }
    this.passTo(until.getTime());
  }

  observe(event: DetectionEvent): FindingUpdate[] {
    const at = this.passTo(event.at.getTime());
    const updates = this.expire(at);
    switch (event.kind) {
      case 'placed':
        this.takePlaced(event);
        return updates;
      case 'cancelled':
        return [...updates, ...this.see(this.takeCancelled(event, at))];
      case 'clarified':
        return [...updates, ...this.clarify(event)];
    }
  }

  gap(until: Date): FindingUpdate[] {
    const gap = { from: this.latest, until: Math.max(this.latest, until.getTime()) };
    this.background.skipTo(gap.until);
    this.passTo(gap.until);
    const reached = this.gaps.filter((other) => other.until > gap.until - longestWindowMs);
    this.gaps = [...reached, gap].slice(-gapsMax);
    return this.findings.map((finding) => {
      noteGap(finding, gap);
      return this.tell(finding, []);
    });
  }

  tick(now: Date): FindingUpdate[] {
    return this.findings.length === 0 ? [] : this.expire(Math.max(this.latest, now.getTime()));
  }

  save(): unknown {
    return {
      version: stateVersion,
      latest: this.latest,
      day: this.day,
      findings: structuredClone(this.findings),
      findingsSoFar: this.findingsSoFar,
      gaps: structuredClone(this.gaps),
      background: this.background.save(),
      shares: this.shares.save(),
      recent: this.recent.save(),
    };
  }

  restore(saved: unknown): boolean {
    const parsed = stateSchema.safeParse(saved);
    if (!parsed.success) return false;
    const state = parsed.data;
    this.latest = state.latest;
    this.day = state.day;
    this.findings = state.findings;
    this.findingsSoFar = state.findingsSoFar;
    this.gaps = state.gaps;
    this.background.restore(state.background);
    this.shares.restore(state.shares);
    this.recent.restore(state.recent);
    this.background.learning = this.mayLearn(this.latest);
    return true;
  }

  /** Lets time pass; an event that comes late counts as of now, so that time never runs backwards. */
  private passTo(at: number): number {
    this.latest = Math.max(this.latest, at);
    this.background.learning = this.mayLearn(this.latest);
    this.background.advance(this.latest);
    const day = Math.floor(this.latest / dayMs);
    if (day !== this.day) this.shares.forget();
    this.day = day;
    return this.latest;
  }

  /** What happens during a failure is not what the shop is like; but what lasts beyond a day is. */
  private mayLearn(now: number): boolean {
    return this.findings.every((finding) => now - finding.openedAt > dayMs);
  }

  private takePlaced(event: DetectionEvent): void {
    const attributes = Object.entries(event.attributes).filter(
      ([name]) => !changeAttributes.some((known) => known === name),
    );
    this.shares.learn('placed', this.shares.vectorOf(Object.fromEntries(attributes)));
    this.background.placed();
  }

  private takeCancelled(event: DetectionEvent, at: number): RecentCancellation {
    const { position, orderId, account, paid, amountMinor, currency } = event;
    const vector = this.shares.vectorOf(event.attributes);
    return this.recent.take({
      position,
      at,
      orderId,
      account,
      vector,
      paid,
      amountMinor,
      currency,
    });
  }

  private see(one: RecentCancellation): FindingUpdate[] {
    const updates = this.judge(one);
    this.background.learning = this.mayLearn(this.latest);
    this.learnFrom(one);
    return updates;
  }

  /** What is learnt later of a cancellation: its attributes change, and a live finding may be seen clearer. */
  private clarify(event: DetectionEvent): FindingUpdate[] {
    const one = this.describe(event);
    if (one === undefined) return [];
    if (one.finding === 0) return this.judge(one);
    const owner = this.findings.find((finding) => finding.id === one.finding);
    if (owner === undefined) return [];
    owner.unreviewed += 1;
    const moved = this.review(owner, one);
    return moved === undefined ? [] : [this.tell(owner, moved)];
  }

  /** Gives a cancellation the attributes that became known later. */
  private describe(event: DetectionEvent): RecentCancellation | undefined {
    const one = this.recent.ofOrder(event.orderId);
    if (one === undefined) return undefined;
    const known = this.shares.name(partsOf(one.vector));
    const vector = this.shares.vectorOf({ ...known, ...event.attributes });
    if (one.learnt) this.shares.relearn(one.vector, vector);
    one.vector = [...vector];
    return one;
  }

  private learnFrom(one: RecentCancellation): void {
    if (!this.background.learning) return;
    one.learnt = true;
    this.shares.learn('cancelled', one.vector);
    if (countsIn(one, 0)) this.background.cancelled();
  }

  private judge(one: RecentCancellation): FindingUpdate[] {
    const owner = this.ownerOf(one);
    if (owner !== undefined) {
      join(owner, one, this.background.cumulativeAt(one.at));
      const moved = this.review(owner, one) ?? [];
      owner.rising = isRising(owner, this.momentOf(one.at));
      return [this.tell(owner, [one.position, ...moved])];
    }
    for (const finding of this.findings) {
      const moved = this.improve(finding, one);
      if (moved !== undefined) return [this.tell(finding, moved)];
    }
    return this.open(one);
  }

  /** The live finding whose slice the cancellation lies in; the narrowest where there are several. */
  private ownerOf(one: RecentCancellation): LiveFinding | undefined {
    return this.findings
      .filter((finding) => matches(one.vector, finding.parts))
      .sort((left, right) => right.parts.length - left.parts.length)[0];
  }

  private review(finding: LiveFinding, one: RecentCancellation): number[] | undefined {
    return isDueForReview(finding) ? this.improve(finding, one) : undefined;
  }

  /** Moves a live finding to the slice that explains it better, if one does; the positions it gains. */
  private improve(finding: LiveFinding, one: RecentCancellation): number[] | undefined {
    finding.unreviewed = 0;
    const scores = this.scan(one, (other) => other.finding === 0 || other.finding === finding.id);
    const present = scores.find((score) => sameSlice(score.parts, finding.parts));
    const logWeeks = Math.max(finding.logWeeks, present?.logWeeks ?? 0);
    finding.logWeeks = logWeeks;
    const better = best(scores);
    if (better === undefined || sameSlice(better.parts, finding.parts)) return undefined;
    if (better.logWeeks < logWeeks + bettermentMin) return undefined;
    if (!this.overlaps(finding, better.parts)) return undefined;
    return this.settle(finding, better);
  }

  /**
   * Whether the slice holds at least half of what the finding is about: else it is another failure.
   * Not once some of that is too old to be held any more, and could not be counted anew.
   */
  private overlaps(finding: LiveFinding, parts: readonly Part[]): boolean {
    const own = this.recent.all.filter((other) => other.finding === finding.id);
    if (own.length < finding.orders) return false;
    if (isPartOf(finding.parts, parts)) return true;
    const shared = own.filter((other) => matches(other.vector, parts));
    return shared.length * 2 >= own.length;
  }

  private open(one: RecentCancellation): FindingUpdate[] {
    if (this.findings.length >= findingsMax) return [];
    const top = best(this.scan(one, (other) => other.finding === 0));
    const separation = this.findings.length === 0 ? 0 : separationMin;
    const threshold = Math.log(this.settings.weeksPerFalsePage) + separation;
    if (top === undefined || top.logWeeks < threshold) return [];
    this.findingsSoFar += 1;
    const finding = this.newFinding(top, one.at);
    const added = this.settle(finding, top);
    this.findings.push(finding);
    return [this.tell(finding, added)];
  }

  private newFinding(score: SliceScore, at: number): LiveFinding {
    const slice = this.shares.name(score.parts);
    return {
      id: this.findingsSoFar,
      fingerprint: this.fingerprintOf(slice),
      parts: [],
      slice,
      share: score.share,
      openedAt: at,
      since: at,
      sinceCumulative: score.start.cumulative,
      untilCumulative: score.start.cumulative,
      lastAt: at,
      orders: 0,
      paidOrders: 0,
      accounts: 0,
      money: {},
      logWeeks: score.logWeeks,
      rising: true,
      unreviewed: 0,
      gap: null,
    };
  }

  /** Of its slice; a live finding that has moved on to another slice keeps its own, and the new one gets a number. */
  private fingerprintOf(slice: Slice): string {
    const fingerprint = `${this.name} ${JSON.stringify(slice)}`;
    const taken = new Set(this.findings.map((other) => other.fingerprint));
    let name = fingerprint;
    for (let number = 2; taken.has(name); number += 1) name = `${fingerprint} ${number}`;
    return name;
  }

  private settle(finding: LiveFinding, score: SliceScore): number[] {
    return settle(finding, score, {
      slice: this.shares.name(score.parts),
      held: this.recent.all,
      cumulative: this.background.cumulativeAt(this.latest),
      gaps: this.gaps,
    });
  }

  private scan(
    one: RecentCancellation,
    includes: (other: RecentCancellation) => boolean,
  ): SliceScore[] {
    const { background, shares, recent } = this;
    return scanSlices(
      { now: one.at, vector: one.vector, includes },
      { background, shares, recent },
    );
  }

  /** Closes what has gone quiet, and tells where a finding stopped (or went on) rising. */
  private expire(now: number): FindingUpdate[] {
    const moment = this.momentOf(now);
    const updates: FindingUpdate[] = [];
    for (const finding of [...this.findings]) {
      const rising = isRising(finding, moment);
      const quiet = isQuiet(finding, moment);
      if (quiet) this.findings = this.findings.filter((other) => other !== finding);
      if (quiet || rising !== finding.rising) {
        finding.rising = rising;
        updates.push(this.tell(finding, [], quiet ? 'closed' : 'live'));
      }
    }
    return updates;
  }

  private momentOf(now: number): Moment {
    return { now, held: this.recent.all, expectation: this.background };
  }

  private tell(
    finding: LiveFinding,
    addedPositions: readonly number[],
    state: 'live' | 'closed' = 'live',
  ): FindingUpdate {
    return updateOf(finding, { state, addedPositions, expectation: this.background });
  }
}

function partsOf(vector: readonly number[]): Part[] {
  return vector.flatMap((value, attribute) => (value === 0 ? [] : [{ attribute, value }]));
}
