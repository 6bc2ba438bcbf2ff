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
import type { ComparedEcho } from './echo-comparison.js';
import { echoGroups } from './echo-groups.js';
import { EchoIntake, type Echo } from './echo-intake.js';
import { EchoStore } from './echo.store.js';
import type { EchoGroup } from './echoed-items.js';
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
    const wanted = await this.ofInterest(shop, entries);
    const compared = await this.echoes.compare(shop, wanted);
    for (const group of echoGroups(wanted, compared)) {
      if (!(await this.takeGroup({ shop, entries: group, now }, { from, compared }))) return false;
      from = group.at(-1)?.position ?? from;
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

  /** Several echoes at once where that may be, else one after the other; false where another reader was first. */
  private async takeGroup(
    group: EchoGroup,
    { from, compared }: { from: number; compared: ReadonlyMap<number, ComparedEcho> },
  ): Promise<boolean> {
    const { shop, entries, now } = group;
    if (entries.length > 1 && (await this.takeTogether(group, from))) return true;
    let reached = from;
    for (const entry of entries) {
      const about = { entry, compared: compared.get(entry.position) };
      if (!(await this.take({ shop, now, ...about }, reached))) return false;
      reached = entry.position;
    }
    return true;
  }

  /** False, and nothing is written, where it has to be done one by one. All are of one incident. */
  private async takeTogether(group: EchoGroup, from: number): Promise<boolean> {
    const { shop, entries, now } = group;
    const step = { shopId: shop.id, from, to: entries.at(-1)?.position ?? from, now };
    return this.database
      .transaction(async (transaction) => {
        if (!(await this.store.advance(transaction, step))) throw new NotTogether();
        if (!(await this.echoes.takeAll(transaction, group))) throw new NotTogether();
        transaction.afterCommit(() => this.wake.notify(restoreRunStep));
        return true;
      })
      .catch((error: unknown) => {
        if (error instanceof NotTogether) return false;
        throw error;
      });
  }

  /**
   * One entry in one transaction, so that no lock of one incident is held while another one's is waited
   * for; false where another reader was first.
   */
  private async take(
    { compared, ...echo }: Echo & { compared: ComparedEcho | undefined },
    from: number,
  ): Promise<boolean> {
    const { shop, entry, now } = echo;
    const step = { shopId: shop.id, from, to: entry.position, now };
    const about = {
      shop: shop.id,
      order_id: entry.orderId,
      trace_id: traceIdOf(entry.traceparent),
    };
    const work = () =>
      this.database.transaction(async (transaction) => {
        if (!(await this.store.advance(transaction, step))) return false;
        if (entry.marker === null) await this.aftermath.note(transaction, echo);
        else if (compared !== undefined && (await this.echoes.take(transaction, echo, compared)))
          transaction.afterCommit(() => this.wake.notify(restoreRunStep));
        return true;
      });
    return withLogContext(about, work);
  }
}

/** Rolls back what was begun for several echoes at once. */
class NotTogether extends Error {
  override readonly name = 'NotTogether';
}
