import { setImmediate } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { JournalService } from '../journal/journal.service.js';
import { Database } from '../platform/database/database.js';
import { pastEvents } from './history.js';
import { historyDays, HistoryStore } from './history.store.js';
import { StreamTimeStore } from './stream-time.store.js';
import type { ShopUnderWatch, WatchedShop } from './watched-shop.js';

const dayMs = 24 * 3_600_000;
/** Learnt at a stretch; in between the service answers requests. */
const eventsAtOnce = 2_000;
const entriesAtOnce = 500;

/** Teaches a new detector what its shop is like: from the shop's own past orders, then from the journal. */
@Injectable()
export class DetectorSchool {
  constructor(
    private readonly database: Database,
    private readonly journal: JournalService,
    private readonly history: HistoryStore,
    private readonly streams: StreamTimeStore,
  ) {}

  /** Not before the shop's initial snapshot is complete, nor while nothing is known of the shop at all. */
  async isReady(shop: ShopUnderWatch): Promise<boolean> {
    const stream = await this.streams.read(this.database, shop.id);
    if (stream !== undefined) return stream.state !== 'snapshot' && stream.state !== 'detached';
    return (await this.journal.headsAfter(shop.id, 0, 1)).length > 0;
  }

  /** Learns everything before the journal's first entry, and the journal up to `position`. */
  async teach(
    watched: WatchedShop,
    shop: ShopUnderWatch,
    upTo: { position: number; now: Date },
  ): Promise<void> {
    const [first] = await this.journal.headsAfter(shop.id, 0, 1);
    const until = first === undefined ? upTo.now : new Date(first.committedAt);
    const since = new Date(until.getTime() - historyDays * dayMs);
    const orders = await this.history.read(this.database, shop, since);
    const events = pastEvents(shop.profile, orders, until);
    for (let from = 0; from < events.length; from += eventsAtOnce) {
      const part = events.slice(from, from + eventsAtOnce);
      watched.detector.learn(part, part.at(-1)?.at ?? until);
      await setImmediate();
    }
    if (events.length > 0) watched.detector.learn([], until);
    await this.teachJournal(watched, shop, upTo.position);
  }

  private async teachJournal(
    watched: WatchedShop,
    shop: ShopUnderWatch,
    position: number,
  ): Promise<void> {
    while (watched.position < position) {
      const limit = Math.min(entriesAtOnce, position - watched.position);
      const entries = await this.journal.headsAfter(shop.id, watched.position, limit);
      if (entries.length === 0) return;
      for (const entry of entries) watched.learn(entry);
      await setImmediate();
    }
  }
}
