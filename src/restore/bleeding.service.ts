import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { AnnouncementService } from '../incidents/announcements/announcement.service.js';
import { Clock } from '../platform/clock.js';
import { Database } from '../platform/database/database.js';
import type { ShopAdapter, ShopPosition } from '../shops/shop-adapter.js';
import { ShopRegistry } from '../shops/shop-registry.js';
import {
  judgeArrivals,
  judgeBleeding,
  lsnNumber,
  type Bleeding,
  type SeenCancellation,
  type StreamFacts,
} from './bleeding.js';
import { BleedingStore, type SoughtCancellations } from './bleeding.store.js';

/** How often to look whether the journal has caught up with the shop. */
const pollMs = 100;

export interface BleedingQuestion {
  readonly incidentId: string;
  readonly shopId: string;
  readonly adapter: ShopAdapter;
  readonly settleMs: number;
  /** how long the journal may take to reach the shop's present position */
  readonly patienceMs: number;
}

/** Answers whether an incident's harm has stopped. */
@Injectable()
export class BleedingService {
  constructor(
    private readonly database: Database,
    private readonly store: BleedingStore,
    private readonly announcements: AnnouncementService,
    private readonly shops: ShopRegistry,
    private readonly clock: Clock,
  ) {}

  /** Asks the shop where it stands, waits for the journal to get there, and only then looks for silence. */
  async judge(question: BleedingQuestion): Promise<Bleeding> {
    const shop = await question.adapter.currentPosition().catch(() => undefined);
    const stream = await this.caughtUp(question, shop);
    const now = this.clock.now();
    const seen = await this.seen({
      id: question.incidentId,
      shopId: question.shopId,
      afterPosition: -1,
      settledBefore: new Date(now.getTime() - question.settleMs),
    });
    return judgeBleeding({
      now,
      seenAt: seen.map(({ at }) => at),
      settleMs: question.settleMs,
      stream,
      shop,
    });
  }

  /** What cancellations after a journal position mean for a run. */
  async arrivals(incident: {
    id: string;
    shopId: string;
    afterPosition: number;
  }): Promise<ReturnType<typeof judgeArrivals>> {
    const now = this.clock.now();
    const settleMs = this.shops.get(incident.shopId).profile.cancellation.settle;
    const settledBefore = new Date(now.getTime() - settleMs);
    const seen = await this.seen({ ...incident, settledBefore });
    return judgeArrivals(seen, { now, settleMs });
  }

  /** Without what was announced and is no case, so that no verdict says yet that it was meant. */
  private async seen(sought: SoughtCancellations): Promise<SeenCancellation[]> {
    const seen = await this.store.seen(this.database, sought);
    const caseless = seen.filter(({ verdict }) => verdict === null);
    if (caseless.length === 0) return seen;
    const positions = caseless.map(({ position }) => position);
    const covered = await this.announcements.covered(sought.shopId, positions);
    return seen.filter(({ position }) => !covered.has(position));
  }

  private async caughtUp(
    { shopId, patienceMs }: BleedingQuestion,
    shop: ShopPosition | undefined,
  ): Promise<StreamFacts | undefined> {
    for (let waited = 0; ; waited += pollMs) {
      const stream = await this.store.stream(this.database, shopId);
      const isThere =
        shop === undefined ||
        stream?.confirmedLsn === null ||
        stream === undefined ||
        lsnNumber(stream.confirmedLsn) >= lsnNumber(shop.lsn);
      if (isThere || waited >= patienceMs) return stream;
      await sleep(pollMs);
    }
  }
}
