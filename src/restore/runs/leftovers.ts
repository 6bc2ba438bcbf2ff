import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock.js';
import { Database } from '../../platform/database/database.js';
import type { Shop } from '../../shops/shop-registry.js';
import { AppliedItems } from './applied-items.js';
import { ItemOutcomes } from './item-outcomes.js';
import type { Run, RunItem } from './run.js';
import { RunItemStore } from './run-item.store.js';

/** What the shop's server says of a noted transaction. */
export type ServerAnswer = 'committed' | 'aborted' | 'in-progress' | 'unknown';

export interface LeftoverFacts {
  readonly state: 'attempting' | 'unknown';
  readonly transactionNoted: boolean;
  /** our own stream has brought the item's marker */
  readonly echoed: boolean;
  /** undefined where it was not asked */
  readonly server: ServerAnswer | undefined;
}

export type LeftoverVerdict = 'applied' | 'not-applied' | 'wait' | 'unknown';

/**
 * What became of an attempt that nobody is making any more (a crash, or a lost answer). Its transaction
 * is noted before the commit, so that without a note nothing was committed; with one, the echo or the
 * server decides, and while they do not, nothing is tried again. Pure.
 */
export function judgeLeftover(facts: LeftoverFacts): LeftoverVerdict {
  if (facts.echoed) return 'applied';
  if (!facts.transactionNoted) return 'not-applied';
  switch (facts.server) {
    case 'committed':
      return 'applied';
    case 'aborted':
      return 'not-applied';
    case 'in-progress':
      return 'wait';
    case 'unknown':
    case undefined:
      return facts.state === 'unknown' ? 'wait' : 'unknown';
  }
}

/** Whatever cuts this order's attempts off will do so again. */
const cutOffTooOften = {
  reason: 'shop-error',
  detail: 'every attempt was cut off before its commit',
  retry: false,
} as const;

/** How long a shop that does not know is left alone before it is asked again: 1 s, doubling, at most a minute. */
export function askAgainMs(times: number): number {
  return Math.min(60_000, 1_000 * 2 ** Math.max(0, times - 1));
}

/** Brings attempts that were cut off to an end. */
@Injectable()
export class Leftovers {
  /** unknown outcomes that the shop was asked about, by item: how often, and when to ask again; forgotten at a restart */
  private readonly asked = new Map<string, { readonly times: number; readonly until: number }>();

  constructor(
    private readonly database: Database,
    private readonly items: RunItemStore,
    private readonly outcomes: ItemOutcomes,
    private readonly applied: AppliedItems,
    private readonly clock: Clock,
  ) {}

  async settle(run: Run, shop: Shop): Promise<void> {
    const items = await this.items.inStates(this.database, run.id, ['attempting', 'unknown']);
    const now = this.clock.now().getTime();
    for (const item of items) {
      const { times = 0, until = 0 } = this.asked.get(item.id) ?? {};
      if (item.state === 'unknown' && item.echoPosition === null && until > now) continue;
      this.asked.set(item.id, { times: times + 1, until: now + askAgainMs(times + 1) });
      if (await this.settleItem({ run, shop, item })) this.asked.delete(item.id);
    }
  }

  /** False where it is not known yet what became of it. */
  private async settleItem(left: { run: Run; shop: Shop; item: RunItem }): Promise<boolean> {
    const { run, shop, item } = left;
    const server = await this.askServer(shop, item);
    // its runner may only seem dead, and note (and commit) a transaction after this look
    const onlyUnnoted = item.transactionId === null;
    const verdict = judgeLeftover({
      state: item.state === 'unknown' ? 'unknown' : 'attempting',
      transactionNoted: item.transactionId !== null,
      echoed: item.echoPosition !== null,
      server,
    });
    switch (verdict) {
      case 'applied':
        await this.applied.write(run, [{ item, transactionId: item.transactionId ?? 0 }]);
        return true;
      case 'not-applied':
        if (item.state === 'attempting' && item.attempts >= item.attemptsMax) {
          await this.outcomes.failed({ run, item }, cutOffTooOften, { onlyUnnoted });
          return true;
        }
        await this.outcomes.notApplied({ run, item }, 'cut off before its commit', { onlyUnnoted });
        return true;
      case 'unknown':
        await this.outcomes.unknown(
          { run, item },
          'cut off at its commit, and the shop cannot say what became of it',
        );
        return false;
      case 'wait':
        return false;
    }
  }

  /** What the shop's server says of the item's noted transaction; undefined where it was not, or cannot be, asked. */
  async askServer(shop: Shop, item: RunItem): Promise<ServerAnswer | undefined> {
    const { transactionId, incarnation, echoPosition } = item;
    if (transactionId === null || incarnation === null || echoPosition !== null) return undefined;
    return shop.adapter.outcomeOf({ transactionId, incarnation }).catch(() => undefined);
  }
}
