import { z } from 'zod';
import type { JournalEntry } from '../orders/order-event.js';
import type { Profile } from '../shops/profile.js';
import { eventsOf } from './detection-events.js';
import type { Detector, FindingUpdate } from './detector.js';

/** What detection needs to know of a shop. */
export interface ShopUnderWatch {
  readonly id: string;
  readonly profile: Profile;
}

/** The journal entry that was read last: event time goes on from it. */
const seenSchema = z.object({ committedAt: z.number(), recordedAt: z.number() });

const savedSchema = z.object({ seen: seenSchema.nullable(), detector: z.unknown() });

/** A detector at a place in its shop's journal. */
export class WatchedShop {
  private seen: z.infer<typeof seenSchema> | null = null;

  constructor(
    readonly detector: Detector,
    public position: number,
    public revision: number,
  ) {}

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
  read(entry: JournalEntry): FindingUpdate[] {
    this.note(entry);
    if (entry.kinds.includes('gap')) {
      this.detector.gap(new Date(entry.committedAt));
      return [];
    }
    return eventsOf(entry).flatMap((event) => this.detector.observe(event));
  }

  /** As read, for what happened before anybody watched: raises nothing. */
  learn(entry: JournalEntry): void {
    this.note(entry);
    if (entry.kinds.includes('gap')) this.detector.gap(new Date(entry.committedAt));
    else this.detector.learn(eventsOf(entry), new Date(entry.committedAt));
  }

  /**
   * Lets event time pass when the journal has been read to its end. It goes on from the last entry's
   * commit by as much as the journal's clock went on since that entry was written down: neither the
   * shop's clock being off nor a lagging stream can then make a failure look quiet.
   */
  tick(upTo: Date): FindingUpdate[] {
    if (this.seen === null) return [];
    const passed = Math.max(0, upTo.getTime() - this.seen.recordedAt);
    return this.detector.tick(new Date(this.seen.committedAt + passed));
  }

  private note(entry: JournalEntry): void {
    this.position = entry.position;
    this.seen = {
      committedAt: new Date(entry.committedAt).getTime(),
      recordedAt: entry.recordedAt.getTime(),
    };
  }
}
