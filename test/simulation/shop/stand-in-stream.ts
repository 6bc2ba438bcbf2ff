import { JournalWriter } from '../../../src/intake/replication/journal-writer.js';
import {
  mapShop,
  type ShopMapping,
} from '../../../src/intake/replication/interpret/shop-mapping.js';
import {
  leaseNameOf,
  ReplicationStore,
} from '../../../src/intake/replication/replication.store.js';
import { isLater } from '../../../src/intake/replication/source/lsn.js';
import type { Clock } from '../../../src/platform/clock.js';
import type { Database } from '../../../src/platform/database/database.js';
import { LeaseStore } from '../../../src/platform/work/lease.store.js';
import type { SimulatedProcess, Ended } from '../process.js';
import type { Trace } from '../trace.js';
import { StandInShop } from './stand-in-shop.js';

/** As a stream's lease has it. */
const leaseMs = 4_000;

/** How much of the shop's log comes at once. */
export interface Portion {
  /** transactions that are new */
  readonly fresh: number;
  /** and so many that were journalled before: a slot that is opened anew sends them again */
  readonly repeated: number;
}

/**
 * In place of the connection to the shop's slot: the log goes to the real journal writer, in portions that
 * are drawn, by whichever process follows the shop. What was not confirmed comes again.
 */
export class StandInStream {
  readonly store = new ReplicationStore();
  private readonly mapping: ShopMapping;

  constructor(
    private readonly shop: StandInShop,
    private readonly given: {
      readonly shopId: string;
      readonly clock: Clock;
      readonly trace: Trace;
    },
  ) {
    this.mapping = mapShop(shop.profile);
  }

  /** As an attach and an empty first snapshot leave it. */
  async attach(database: Database): Promise<void> {
    const { shopId } = this.given;
    const now = this.given.clock.now();
    const { incarnation } = this.shop;
    await this.store.prepare(database, { shopId, name: 'stand_in', identities: {}, now });
    await this.store.begin(database, { shopId, now });
    await database.transaction((transaction) =>
      this.store.beginSlot(transaction, {
        ...{ shopId, generation: 1, incarnation, mappingHash: 'stand-in', now },
        ...{ consistentPoint: StandInShop.beginning, unseen: { unseenTables: {}, gap: null } },
      }),
    );
    await this.store.setState(database, { shopId, state: 'streaming', problem: null, now });
    await this.store.watched(database, { shopId, since: now });
  }

  /** The process follows the shop for a moment, if it may. */
  async deliver(process: SimulatedProcess, portion: Portion): Promise<Ended> {
    return process.do(() => this.journal(process, portion));
  }

  /** All of the log, by the first process that may follow it. */
  async catchUp(able: readonly SimulatedProcess[]): Promise<void> {
    for (const process of able) {
      const told = await this.journal(process, { fresh: Infinity, repeated: 0 });
      if (told !== 'not ours') return;
    }
    throw new Error('nobody can follow the shop');
  }

  private async journal(process: SimulatedProcess, portion: Portion): Promise<string> {
    const { database, owner } = process;
    const { shopId, clock } = this.given;
    const lease = { name: leaseNameOf(shopId), owner, now: clock.now(), durationMs: leaseMs };
    if ((await new LeaseStore(database).acquire(lease)) === undefined) return 'not ours';
    const row = await this.store.read(database, shopId);
    const confirmed = row?.confirmedLsn ?? StandInShop.beginning;
    const begun = this.shop.log.filter(({ endLsn }) => !isLater(endLsn, confirmed)).length;
    const from = Math.max(0, begun - portion.repeated);
    const transactions = this.shop.log.slice(from, begun + portion.fresh);
    // asked before the write, while which the shop may go on
    const { position } = this.shop;
    const isAll = begun + portion.fresh >= this.shop.log.length;
    const { incarnation } = this.shop;
    const batch = { shopId, mapping: this.mapping, incarnation, owner, unseen: [], transactions };
    const written = await process.get(JournalWriter).write(batch);
    if (isAll) {
      const now = clock.now();
      const noted = { shopId, incarnation, owner, lsn: position, seenUntil: now, now };
      await this.store.confirm(database, noted);
    }
    return `${transactions.length} transactions, ${written.length} entries`;
  }
}
