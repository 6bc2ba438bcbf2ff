import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/database/database.js';
import { isSameServer } from '../../shops/incarnation.js';
import type { ShopPosition } from '../../shops/shop-adapter.js';
import { ShopRegistry } from '../../shops/shop-registry.js';
import { JudgingStore } from './judging.store.js';

/** A shop that did not answer, or whose journal follows another server, is asked again after this time. */
const askAgainMs = 5_000;

/** Where a shop's log stood at some time; undefined where the shop did not say. */
interface Asked {
  readonly at: Date;
  readonly position: ShopPosition | undefined;
}

/**
 * Up to when the journal holds all that a shop has committed. The clock alone does not tell: while the
 * stream is stalled, or behind, what the shop wrote long ago may still be on its way.
 */
@Injectable()
export class JournalReach {
  /** by shop; kept until the journal has passed it, so that a busy shop's journal is not chased for ever */
  private readonly asked = new Map<string, Asked>();

  constructor(
    private readonly database: Database,
    private readonly shops: ShopRegistry,
    private readonly store: JudgingStore,
  ) {}

  /**
   * All that the shop committed before this moment is journalled; null where nobody knows that of any moment
   * yet. May ask the shop: not to be called with locks held. Of a shop without a stream the clock has to do.
   */
  async until(shopId: string, now: Date): Promise<Date | null> {
    if (!(await this.store.hasStream(this.database, shopId))) return now;
    const { at, position } = await this.askedAt(shopId, now);
    if (position === undefined) return null;
    const passed = await this.store.streamPast(this.database, shopId, position.lsn);
    if (passed === undefined || !isSameServer({ one: passed, other: position.incarnation }))
      return null;
    this.asked.delete(shopId);
    return at;
  }

  private async askedAt(shopId: string, now: Date): Promise<Asked> {
    const last = this.asked.get(shopId);
    if (last !== undefined && !isStale(last, now)) return last;
    const { adapter } = this.shops.get(shopId);
    const position = await adapter.currentPosition().catch(() => undefined);
    const asked = { at: now, position };
    this.asked.set(shopId, asked);
    return asked;
  }
}

/** A position holds until it is passed; but the shop may have been moved to another server meanwhile. */
function isStale({ at, position }: Asked, now: Date): boolean {
  const patienceMs = position === undefined ? askAgainMs : 12 * askAgainMs;
  return now.getTime() - at.getTime() >= patienceMs;
}
