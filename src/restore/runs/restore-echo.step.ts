import { Injectable } from '@nestjs/common';
import { JournalService } from '../../journal/journal.service.js';
import type { JournalEntry } from '../../orders/order-event.js';
import { Database } from '../../platform/database/database.js';
import type { BackgroundStep, StepContext } from '../../platform/work/background-step.js';
import { Wake } from '../../platform/work/wake.js';
import { ShopRegistry, type Shop } from '../../shops/shop-registry.js';
import { Aftermath } from './aftermath.js';
import { EchoIntake } from './echo-intake.js';
import { EchoStore } from './echo.store.js';
import { restoreRunStep } from './restore-run.step.js';

/** Journal entries read in one transaction. */
const batch = 200;

/**
 * Follows each shop's journal for the echoes of our own writes, which prove them, and for what happens to
 * orders after their restore. What an entry means and how far the journal was read commit together.
 */
@Injectable()
export class RestoreEchoStep implements BackgroundStep {
  readonly name = 'restore-echo';
  readonly intervalMs = 250;

  constructor(
    private readonly database: Database,
    private readonly journal: JournalService,
    private readonly shops: ShopRegistry,
    private readonly store: EchoStore,
    private readonly echoes: EchoIntake,
    private readonly aftermath: Aftermath,
    private readonly wake: Wake,
  ) {}

  async run({ now }: StepContext): Promise<'idle' | 'more'> {
    let more = false;
    for (const shop of this.shops.list()) more = (await this.follow(shop, now)) || more;
    return more ? 'more' : 'idle';
  }

  /** True where there may be more to read at once. */
  private async follow(shop: Shop, now: Date): Promise<boolean> {
    const from = await this.store.cursor(this.database, shop.id);
    if (from === undefined) return false;
    const entries = await this.journal.readAfter(shop.id, from, batch);
    const last = entries.at(-1);
    if (last === undefined) return false;
    const heard = await this.database.transaction(async (transaction) => {
      // of two readers one is first; the other begins anew from where that one came to
      if (
        !(await this.store.advance(transaction, { shopId: shop.id, from, to: last.position, now }))
      )
        return false;
      let count = 0;
      for (const entry of entries.filter(isOwn))
        if (await this.echoes.take(transaction, { shop, entry, now })) count += 1;
      await this.aftermath.note(transaction, { shop, entries, now });
      return count > 0;
    });
    if (heard) this.wake.notify(restoreRunStep);
    return entries.length === batch;
  }
}

function isOwn(entry: JournalEntry): boolean {
  return entry.marker !== null && entry.orderId !== '';
}
