import { z } from 'zod';
import type { EntryHead } from '../orders/order-event.js';
import type { Profile } from '../shops/profile.js';
import { eventsOf } from './detection-events.js';
import type { Detector, FindingUpdate } from './detector.js';

/** What detection needs to know of a shop. */
export interface ShopUnderWatch {
  readonly id: string;
  readonly profile: Profile;
}

/** The journal entry that was read last, and the moment that it counted as: event time goes on from it. */
const seenSchema = z.object({ at: z.number(), recordedAt: z.number() });
type Seen = z.infer<typeof seenSchema>;

/** A shop's clock may be off by so much; what claims to be later than that counts as of this moment. */
const aheadMsMax = 3_600_000;
/** Commits may be told in a slightly other order than that of their times. */
const lateMsMax = 60_000;

const savedSchema = z.object({ seen: seenSchema.nullable(), detector: z.unknown() });

/** A detector at a place in its shop's journal. */
export class WatchedShop {
  private seen: Seen | null = null;
  /** the last position that is in the saved state */
  private savedPosition: number;

  constructor(
    readonly detector: Detector,
    public position: number,
    public revision: number,
  ) {
    this.savedPosition = position;
  }

  /** Entries that are not in the saved state: they have to be read again by whoever loads it. */
  get unsaved(): number {
    return this.position - this.savedPosition;
  }

  /** It was saved, as a whole or only how far it has read. */
  saved({ whole }: { whole: boolean }): void {
    this.revision += 1;
    if (whole) this.savedPosition = this.position;
  }

  save(): unknown {
    return { seen: this.seen, detector: this.detector.save() };
  }

  /** False where the state was saved by another version. */
  restore(state: unknown): boolean {
    const parsed = savedSchema.safeParse(state);
    if (!parsed.success || !this.detector.restore(parsed.data.detector)) return false;
    this.seen = parsed.data.seen;
    return true;
  }

  /** Takes in an entry of the journal, the next one in its order. */
  read(entry: EntryHead): FindingUpdate[] {
    const at = this.note(entry);
    if (isGap(entry)) return this.detector.gap(at);
    return eventsOf(entry, at).flatMap((event) => this.detector.observe(event));
  }

  /** As read, for what happened before anybody watched: raises nothing. */
  learn(entry: EntryHead): void {
    const at = this.note(entry);
    const events = eventsOf(entry, at);
    if (isGap(entry)) this.detector.gap(at);
    else this.detector.learn(events, at);
  }

  /**
   * Lets event time pass when the journal has been read to its end. It goes on from the last entry's
   * commit by as much as the journal's clock went on since that entry was written down: neither the
   * shop's clock being off nor a lagging stream can then make a failure look quiet.
   */
  tick(upTo: Date): FindingUpdate[] {
    if (this.seen === null) return [];
    const passed = Math.max(0, upTo.getTime() - this.seen.recordedAt);
    return this.detector.tick(new Date(this.seen.at + passed));
  }

  private note(entry: EntryHead): Date {
    this.position = entry.position;
    this.seen = { at: momentOf(entry, this.seen), recordedAt: entry.recordedAt.getTime() };
    return new Date(this.seen.at);
  }
}

/** Whether the stream itself has a gap; that one order changed in it is told beside. */
function isGap({ kinds, orderId }: EntryHead): boolean {
  return kinds.includes('gap') && orderId === '';
}

/**
 * The moment that an entry counts as: its commit, by the shop's clock. A clock that jumps far ahead
 * would stop time for everything after it, one that is set back would pile a whole hour up on one
 * moment; so in these cases our own clock measures how time goes on.
 */
function momentOf(entry: EntryHead, seen: Seen | null): number {
  const recordedAt = entry.recordedAt.getTime();
  const at = Math.min(new Date(entry.committedAt).getTime(), recordedAt + aheadMsMax);
  if (seen === null || at >= seen.at - lateMsMax) return at;
  return seen.at + Math.max(0, recordedAt - seen.recordedAt);
}
