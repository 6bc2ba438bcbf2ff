/** What happened to one order, as a detector sees it, at its commit time. */
export interface DetectionEvent {
  /**
   * `clarified`: who cancelled an order, or why, became known only after its cancellation (a shop that
   * writes its history in a transaction of its own)
   */
  readonly kind: 'placed' | 'cancelled' | 'clarified';
  /** the journal position it stands at; events come in the order of positions */
  readonly position: number;
  readonly at: Date;
  readonly orderId: string;
  /** whose order it was: distinct accounts are counted, not orders; the order itself where the shop names nobody */
  readonly account: string;
  /** attributes of the order, plus `actor_kind`, `actor` and `reason` of a cancellation where known */
  readonly attributes: Readonly<Record<string, string>>;
  /** the shop held money for the order */
  readonly paid: boolean;
  readonly amountMinor: number;
  readonly currency: string;
}

/** A part of the shop's orders: all of them (`{}`), or those with these attribute values. */
export type Slice = Readonly<Record<string, string>>;

/** What a detector saw, complete each time it is told; the numbers behind the sentence. */
export interface FindingMeasure {
  readonly slice: Slice;
  readonly orders: number;
  /** those among them for which the shop held money */
  readonly paidOrders: number;
  readonly accounts: number;
  /** what the orders amount to, per currency, in minor units */
  readonly money: Readonly<Record<string, number>>;
  /** the first cancellation of the window that is least likely by chance */
  readonly since: Date;
  /** the last cancellation so far */
  readonly until: Date;
  /** accounts expected from the window's start to the last cancellation, at this load */
  readonly expected: number;
  /** how often chance alone would do this: once in so many weeks */
  readonly weeksPerChance: number;
  /** cancellations beyond the everyday still arrive */
  readonly rising: boolean;
  /** how much of the shop's past the background knows, in days; little means a cautious prior */
  readonly learntDays: number;
  /** changes were lost at the source between these moments, so that there may be more; null where none were */
  readonly gap: { readonly from: Date; readonly until: Date } | null;
}

/** A change of what a detector sees: opened, updated, or closed by quiet. */
export interface FindingUpdate {
  readonly state: 'live' | 'closed';
  /** stable while the same failure lives: of detector and the slice it was first seen in */
  readonly fingerprint: string;
  readonly measure: FindingMeasure;
  /**
   * positions of the cancellations that it is about and that no earlier update named; they are never
   * taken back, also where the slice gets narrower later
   */
  readonly addedPositions: readonly number[];
}

/**
 * Watches one shop. Pure: events and ticks in, updates out; no clock, no database of its own. It gives
 * the same answers after `restore(save())` at any point.
 */
export interface Detector {
  readonly name: string;
  /** Past placings and cancellations, oldest first, in one or more calls, to learn the background from; raises nothing. */
  learn(history: readonly DetectionEvent[], until: Date): void;
  observe(event: DetectionEvent): FindingUpdate[];
  /** Changes were lost at the source up to this moment: nothing is learnt from the time in between; live findings say so. */
  gap(until: Date): FindingUpdate[];
  /** Time passes without events: findings go quiet and close. No event before `now` may come afterwards. */
  tick(now: Date): FindingUpdate[];
  /** Everything it knows, as JSON. */
  save(): unknown;
  /** False where the state was saved by another version: then it has to learn anew. */
  restore(state: unknown): boolean;
}
