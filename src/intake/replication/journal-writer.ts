import { Injectable } from '@nestjs/common';
import type { JournalEntry } from '../../orders/order-event.js';
import { JournalService } from '../../journal/journal.service.js';
import { Clock } from '../../platform/clock.js';
import { Database, type Transaction } from '../../platform/database/database.js';
import { Wake } from '../../platform/work/wake.js';
import { ReplicationStore, StreamReplaced } from './replication.store.js';
import { isLater } from './source/lsn.js';
import type { SourceTransaction, TransactionPart } from './source/source-transaction.js';
import { Spool } from './spool.js';
import type { Batch } from './batch.js';
import { TransactionInterpreter } from './transaction-interpreter.js';

/** The step that looks at new journal entries first. */
const detectionStep = 'detection';

/**
 * An append that takes longer gives up: the stream then lets go of the shop's server, whose shutdown would
 * otherwise wait for our confirmation.
 */
const appendTimeoutMs = 30_000;
/**
 * A process that was stopped in the middle of a transaction must not keep its locks from the one that takes
 * over: well below the ten seconds that this may last, and far more than we ever work between two statements.
 */
const idleTimeoutMs = 6_000;

/** What became of an event, as far as anybody asks. */
export type Written = Pick<JournalEntry, 'kinds'>;

/** Writes down batches of source transactions: the one place where replication becomes journal entries. */
@Injectable()
export class JournalWriter {
  constructor(
    private readonly database: Database,
    private readonly journal: JournalService,
    private readonly interpreter: TransactionInterpreter,
    private readonly kept: Spool,
    private readonly store: ReplicationStore,
    private readonly clock: Clock,
    private readonly wake: Wake,
  ) {}

  /**
   * Journals the transactions, carries the row images forward and notes how far that is, all in one
   * transaction of ours. Transactions that were journalled before are passed over. Gives the kinds of the
   * new entries; the entries themselves may be more than memory holds.
   */
  async write(batch: Batch): Promise<Written[]> {
    const written = await this.database.transaction((transaction) =>
      this.writeIn(transaction, batch),
    );
    if (written.length > 0) this.wake.notify(detectionStep);
    return written;
  }

  /**
   * Keeps transactions as they came, to be interpreted later, and notes how far that is: the shop's slot
   * goes on although nobody can say what they mean. Gives how full the spool is, from 0 to 1; throws SpoolFull.
   */
  async spool(batch: Batch): Promise<number> {
    const { shopId } = batch;
    return this.database.transaction(async (transaction) => {
      const fresh = await this.unconfirmed(transaction, batch);
      const last = fresh.at(-1);
      if (last === undefined) return 0;
      const now = this.clock.now();
      const share = await this.kept.keep(transaction, { shopId, transactions: fresh, now });
      await this.confirm(transaction, batch, { last, seenUntil: null, now });
      return share;
    });
  }

  /** Keeps a part of a transaction until that comes to its end. */
  async keepPart(batch: Omit<Batch, 'transactions'>, part: TransactionPart): Promise<void> {
    const { shopId } = batch;
    await this.database.transaction(async (transaction) => {
      await this.unconfirmed(transaction, { ...batch, transactions: [] });
      await this.kept.keepPart(transaction, { shopId, part, now: this.clock.now() });
    });
  }

  /**
   * Journals the oldest spooled transactions; gives how many, 0 where none wait. Throws MappingMismatch
   * where the profile still does not fit them.
   */
  async drainSpool(batch: Omit<Batch, 'transactions'>): Promise<number> {
    const { shopId } = batch;
    const drained = await this.database.transaction(async (transaction) => {
      // read under the stream's lock: nobody else may interpret the same ones meanwhile
      await this.unconfirmed(transaction, { ...batch, transactions: [] });
      const transactions = await this.kept.oldest(transaction, shopId);
      const last = transactions.at(-1);
      if (last === undefined) return 0;
      await this.append(transaction, { ...batch, transactions });
      await this.kept.forget(transaction, { shopId, last });
      return transactions.length;
    });
    if (drained > 0) this.wake.notify(detectionStep);
    return drained;
  }

  private async append(transaction: Transaction, batch: Batch): Promise<Written[]> {
    const { shopId } = batch;
    const now = this.clock.now();
    const written: Written[] = [];
    let append: JournalService['append'] | undefined;
    // each set once, however many entries there are of it
    const sets = new Map<string, Written>();
    for await (const events of this.interpreter.interpret(transaction, batch)) {
      if (events.length === 0) continue;
      append ??= await this.appendOf(transaction, batch);
      const entries = await append(transaction, shopId, events, now);
      for (const { kinds } of entries) {
        const name = kinds.join();
        const set = sets.get(name) ?? { kinds };
        sets.set(name, set);
        written.push(set);
      }
    }
    return written;
  }

  /**
   * How the batch's events are appended: what was confirmed is passed over before, so that nothing of it should be
   * in the journal. Asked once for each source transaction, which may have a million events.
   */
  private async appendOf(
    transaction: Transaction,
    { shopId, incarnation, transactions }: Batch,
  ): Promise<JournalService['append']> {
    const sources = transactions.map((source) => ({ ...source, incarnation }));
    const isRepeated = await this.journal.holds(transaction, shopId, sources);
    const { journal } = this;
    return isRepeated ? journal.append.bind(journal) : journal.appendNew.bind(journal);
  }

  private async writeIn(transaction: Transaction, batch: Batch): Promise<Written[]> {
    const fresh = await this.unconfirmed(transaction, batch);
    const last = fresh.at(-1);
    if (last === undefined) return [];
    const { committedAt: seenUntil } = last;
    await this.confirm(transaction, batch, { last, seenUntil, now: this.clock.now() });
    const written = await this.append(transaction, { ...batch, transactions: fresh });
    const hadParts = fresh.some(({ parts }) => parts !== undefined);
    if (hadParts) await this.kept.forget(transaction, { shopId: batch.shopId, last });
    return written;
  }

  /** Locks the stream; of the batch, what was not written down before. */
  private async unconfirmed(transaction: Transaction, batch: Batch): Promise<SourceTransaction[]> {
    const { shopId, incarnation, owner } = batch;
    const limits = { statementMs: appendTimeoutMs, idleMs: idleTimeoutMs };
    await this.store.limitStatements(transaction, limits);
    await this.store.lockOwned(transaction, shopId, owner);
    const confirmed = await this.store.confirmed(transaction, shopId, incarnation);
    if (confirmed === undefined) throw new StreamReplaced(`the stream of ${shopId} was replaced`);
    return batch.transactions.filter(({ endLsn }) => isLater(endLsn, confirmed));
  }

  private async confirm(
    transaction: Transaction,
    { shopId, incarnation, owner }: Batch,
    given: { last: SourceTransaction; seenUntil: string | null; now: Date },
  ): Promise<void> {
    const { last, seenUntil, now } = given;
    const { endLsn: lsn, transactionId, committedAt } = last;
    const lastWritten = { endLsn: lsn, transactionId, committedAt };
    const done = { lsn, lastWritten, seenUntil, now };
    await this.store.confirm(transaction, { shopId, incarnation, owner, ...done });
  }
}
