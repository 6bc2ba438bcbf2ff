import { Injectable } from '@nestjs/common';
import { JournalService } from '../../journal/journal.service.js';
import type { JournalEntry } from '../../orders/order-event.js';
import { Database } from '../../platform/database/database.js';
import { withLogContext } from '../../platform/telemetry/log-context.js';
import { traceIdOf } from '../../platform/telemetry/trace.js';
import type { BackgroundStep, StepContext } from '../../platform/work/background-step.js';
import { Wake } from '../../platform/work/wake.js';
import { ShopRegistry, type Shop } from '../../shops/shop-registry.js';
import { separately } from '../separately.js';
import { Aftermath } from './aftermath.js';
import { EchoIntake, type Echo } from './echo-intake.js';
import { EchoStore } from './echo.store.js';
import { restoreRunStep } from './restore-run.step.js';

/** Journal entries read at once. */
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
    return separately(this.shops.list(), (shop) => this.follow(shop, now));
  }

  /** True where there may be more to read at once. */
  private async follow(shop: Shop, now: Date): Promise<boolean> {
    let from = await this.store.cursor(this.database, shop.id);
    if (from === undefined) return false;
    const entries = await this.journal.readAfter(shop.id, from, batch);
    for (const entry of await this.ofInterest(shop, entries)) {
      if (!(await this.take({ shop, entry, now }, from))) return false;
      from = entry.position;
    }
    const last = entries.at(-1)?.position ?? from;
    if (last > from)
      await this.store.advance(this.database, { shopId: shop.id, from, to: last, now });
    return entries.length === batch;
  }

  /** Entries of orders that a run has to do with, and those that carry a marker of ours. */
  private async ofInterest(shop: Shop, entries: readonly JournalEntry[]): Promise<JournalEntry[]> {
    const own = entries.filter((entry) => entry.orderId !== '');
    const orderIds = [...new Set(own.map((entry) => entry.orderId))];
    const known = await this.store.ordersOfRuns(this.database, shop.id, orderIds);
    const marked = own.filter((entry) => entry.marker !== null).map((entry) => entry.orderId);
    const wanted = new Set([...known, ...marked]);
    return own.filter((entry) => wanted.has(entry.orderId));
  }

  /**
   * One entry in one transaction, so that no lock of one incident is held while another one's is waited
   * for; false where another reader was first.
   */
  private async take(echo: Echo, from: number): Promise<boolean> {
    const { shop, entry, now } = echo;
    const step = { shopId: shop.id, from, to: entry.position, now };
    const about = {
      shop: shop.id,
      order_id: entry.orderId,
      trace_id: traceIdOf(entry.traceparent),
    };
    const work = async () => {
      const compared = entry.marker === null ? undefined : await this.echoes.compare(echo);
      return this.database.transaction(async (transaction) => {
        if (!(await this.store.advance(transaction, step))) return false;
        if (entry.marker === null) await this.aftermath.note(transaction, echo);
        else if (compared !== undefined && (await this.echoes.take(transaction, echo, compared)))
          transaction.afterCommit(() => this.wake.notify(restoreRunStep));
        return true;
      });
    };
    return withLogContext(about, work);
  }
}
