import { z } from 'zod';
import type { Part, ValueVector } from './shares.js';
import { longestWindowMs } from './window-starts.js';

/** Cancellations held at most; beyond it the oldest go early, and long windows see only the newest. */
const heldMax = 5_000;
/** An account's earlier likenesses held per cancellation; more would all say the same. */
const earlierMax = 16;

const recentSchema = z.object({
  position: z.number(),
  at: z.number(),
  orderId: z.string(),
  account: z.string(),
  vector: z.array(z.number()),
  paid: z.boolean(),
  amountMinor: z.number(),
  currency: z.string(),
  /** for each earlier cancellation by this account within a day: which attributes it shares, as bits */
  earlier: z.array(z.number()),
  /** number of the finding that it belongs to; 0 for none */
  finding: z.number(),
  /** whether its attribute values were taken into what is known of the shop */
  learnt: z.boolean(),
});
export type RecentCancellation = z.infer<typeof recentSchema>;

/** A cancellation as it comes in. */
export interface NewCancellation extends Omit<
  RecentCancellation,
  'vector' | 'earlier' | 'finding' | 'learnt'
> {
  readonly vector: ValueVector;
}

export const recentCancellationsSchema = z.array(recentSchema);

/** The cancellations of about the last day, oldest first. */
export class RecentCancellations {
  private held: RecentCancellation[] = [];

  /** Takes the newest one in, lets go of what no window reaches any more. */
  take(one: NewCancellation): RecentCancellation {
    this.dropBefore(one.at - longestWindowMs);
    const earlier: number[] = [];
    for (const other of this.held) {
      if (other.account === one.account) addLikeness(earlier, likeness(one.vector, other.vector));
    }
    const taken = { ...one, vector: [...one.vector], earlier, finding: 0, learnt: false };
    this.held.push(taken);
    return taken;
  }

  /** The order's newest cancellation, if it is held. */
  ofOrder(orderId: string): RecentCancellation | undefined {
    return this.held.findLast((one) => one.orderId === orderId);
  }

  get all(): readonly RecentCancellation[] {
    return this.held;
  }

  save(): RecentCancellation[] {
    return structuredClone(this.held);
  }

  restore(state: RecentCancellation[]): void {
    this.held = structuredClone(state);
  }

  private dropBefore(at: number): void {
    const surplus = this.held.length + 1 - heldMax;
    let gone = 0;
    while (gone < this.held.length && (gone < surplus || (this.held[gone]?.at ?? at) < at))
      gone += 1;
    if (gone > 0) this.held.splice(0, gone);
  }
}

/** The attributes in which two orders have the same value, one bit each. */
export function likeness(left: ValueVector, right: ValueVector): number {
  let bits = 0;
  for (let index = 0; index < left.length; index += 1) {
    const value = left[index] ?? 0;
    if (value !== 0 && value === right[index]) bits |= 1 << index;
  }
  return bits;
}

/** Whether this is the account's first cancellation within a day in the slice of these attributes. */
export function countsIn(one: RecentCancellation, sliceBits: number): boolean {
  for (const bits of one.earlier) if ((bits & sliceBits) === sliceBits) return false;
  return true;
}

/** Whether an order lies in the slice. */
export function matches(vector: ValueVector, parts: readonly Part[]): boolean {
  return parts.every(({ attribute, value }) => vector[attribute] === value);
}

/** The attributes of a slice, one bit each. */
export function bitsOf(parts: readonly Part[]): number {
  return parts.reduce((bits, { attribute }) => bits | (1 << attribute), 0);
}

function addLikeness(earlier: number[], bits: number): void {
  if (earlier.length < earlierMax && !earlier.some((known) => (known & bits) === bits)) {
    earlier.push(bits);
  }
}
