import type { ActorKind } from '../orders/order-event.js';

/** A cancellation or a placing, as a detector sees it: one order, at its commit time. */
export interface DetectionEvent {
  readonly kind: 'placed' | 'cancelled';
  /** the journal position it stands at; events come in the order of positions */
  readonly position: number;
  readonly at: Date;
  readonly orderId: string;
  /** whose order it was: distinct accounts are counted, not orders; the order's id where the shop names nobody */
  readonly account: string;
  /** attributes of the order, plus `actor_kind`, `actor` and `reason` of the change where known */
  readonly attributes: Readonly<Record<string, string>>;
  readonly actorKind: ActorKind;
  readonly amountMinor: number;
  readonly currency: string;
}

/** A part of the shop's orders: all of them (`{}`), or those with these attribute values. */
export type Slice = Readonly<Record<string, string>>;

/** What a detector saw, complete each time it is told; the numbers behind the sentence. */
export interface FindingMeasure {
  readonly slice: Slice;
  readonly orders: number;
  readonly accounts: number;
  /** per currency, in minor units */
  readonly money: Readonly<Record<string, number>>;
  /** start of the window that is least likely by chance */
  readonly since: Date;
  readonly until: Date;
  /** accounts expected in that window at this load */
  readonly expected: number;
  /** how often chance alone would do this: once in so many weeks */
  readonly weeksPerChance: number;
  /** cancellations still arrive */
  readonly rising: boolean;
  /** how much of the shop's past the background knows, in days; little means a cautious prior */
  readonly learntDays: number;
}

/** A change of what a detector sees: opened, updated, or closed by quiet. */
export interface FindingUpdate {
  readonly state: 'live' | 'closed';
  /** stable while the same failure lives: of detector and slice */
  readonly fingerprint: string;
  readonly measure: FindingMeasure;
  /** positions of the cancellations that it is about, so far */
  readonly positions: readonly number[];
}

/**
 * Watches one shop. Pure: events and ticks in, updates out; no clock, no database of its own. It gives
 * the same answers after `restore(save())` at any point.
 */
export interface Detector {
  readonly name: string;
  /** Past placings and cancellations, oldest first, to learn the background from; raises nothing. */
  learn(history: readonly DetectionEvent[], until: Date): void;
  observe(event: DetectionEvent): FindingUpdate[];
  /** Time passes without events: findings go quiet and close. */
  tick(now: Date): FindingUpdate[];
  save(): unknown;
  restore(state: unknown): void;
}
