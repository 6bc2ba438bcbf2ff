import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, type MessageEvent } from '@nestjs/common';
import { Observable } from 'rxjs';
import { AuditService } from '../../access/audit.service.js';
import type { Caller } from '../../access/caller.js';
import { Clock } from '../../platform/clock.js';
import { Database } from '../../platform/database/database.js';
import { Fault } from '../../platform/errors.js';
import { ShopObserver } from '../postgres/shop-observer.js';
import { ShopRegistry, type Shop } from '../shop-registry.js';
import { observationOf, type Observation } from './observation.js';
import { SeenSoFar } from './seen-so-far.js';

/** Often enough to meet one in some transactions of a few milliseconds, and little for a server to answer. */
const looksPerSecond = 10;
/** New rows are looked at so often: later ones may take their place. */
const looksPerTables = 10 * looksPerSecond;
const looksPerProgress = 2 * looksPerSecond;

interface Watch {
  readonly shopId: string;
  readonly seconds: number;
}

/** Watches live shops for a while, to find what their profiles leave out. It reads only; see decision 13. */
@Injectable()
export class ObservationService {
  /** shops that are being watched by this process: one session at a time is enough for a shop's server */
  private readonly underWay = new Set<string>();

  constructor(
    private readonly registry: ShopRegistry,
    private readonly database: Database,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /** @throws Fault `shop-missing`, `no-database` or `observation-under-way` */
  require(shopId: string): { shop: Shop; readUrl: string } {
    const shop = this.registry.get(shopId);
    const readUrl = shop.credentials?.read;
    if (readUrl === undefined)
      throw new Fault(
        'conflict',
        'no-database',
        `the shop ${shopId} tells of its orders by HTTP: there is no database to watch`,
      );
    if (this.underWay.has(shopId))
      throw new Fault(
        'conflict',
        'observation-under-way',
        `the shop ${shopId} is being watched already; wait until that has ended`,
      );
    return { shop, readUrl };
  }

  /** Its progress and its end, as server-sent events; it ends when nobody listens any more. */
  watch(caller: Caller, watch: Watch): Observable<MessageEvent> {
    return new Observable((subscriber) => {
      const closing = new AbortController();
      const tell = async (): Promise<void> => {
        for await (const event of this.events(caller, watch, closing.signal))
          subscriber.next(event);
        subscriber.complete();
      };
      tell().catch((error: unknown) => {
        if (!closing.signal.aborted) subscriber.error(error);
      });
      return () => closing.abort();
    });
  }

  private async *events(
    caller: Caller,
    { shopId, seconds }: Watch,
    signal: AbortSignal,
  ): AsyncGenerator<MessageEvent> {
    const { shop, readUrl } = this.require(shopId);
    this.underWay.add(shopId);
    try {
      await this.note(caller, { shopId, seconds });
      const observer = await this.open(shopId, readUrl);
      try {
        yield* this.look(observer, { shop, seconds, signal });
      } catch (error) {
        throw signal.aborted ? error : lost(shopId);
      } finally {
        await observer.close();
      }
    } finally {
      this.underWay.delete(shopId);
    }
  }

  private async *look(
    observer: ShopObserver,
    { shop, seconds, signal }: { shop: Shop; seconds: number; signal: AbortSignal },
  ): AsyncGenerator<MessageEvent> {
    const seen = await SeenSoFar.begin(observer, Object.keys(shop.profile.tables));
    const told = (): Observation => observationOf(shop.profile, seen.sightings(), seconds);
    const looks = seconds * looksPerSecond;
    for (let look = 1; look <= looks; look += 1) {
      await sleep(1_000 / looksPerSecond, undefined, { signal });
      await seen.lookAtTransactions();
      if (look % looksPerTables === 0) await seen.lookAtTables('written');
      if (look % looksPerProgress === 0 && look < looks) {
        const { transactions, unmapped } = told();
        const together = unmapped.filter((table) => table.together > 0).length;
        const secondsLeft = seconds - look / looksPerSecond;
        yield { type: 'progress', data: { secondsLeft, transactions, together } };
      }
    }
    await seen.lookAtTables('all');
    yield { type: 'end', data: told() };
  }

  private async note(caller: Caller, { shopId, seconds }: Watch): Promise<void> {
    await this.database.transaction((transaction) =>
      this.audit.record(transaction, {
        ...{ caller, at: this.clock.now(), action: 'shop.observed' },
        ...{ subjectKind: 'shop', subjectId: shopId, data: { seconds } },
      }),
    );
  }

  private async open(shopId: string, readUrl: string): Promise<ShopObserver> {
    try {
      return await ShopObserver.open(readUrl);
    } catch {
      throw lost(shopId);
    }
  }
}

/** Without the server's own message, which may quote what it should not. */
function lost(shopId: string): Fault {
  return new Fault(
    'unavailable',
    'shop-unreachable',
    `the database of the shop ${shopId} does not answer its read credential, or broke off; nothing was changed there`,
  );
}
