import { Injectable } from '@nestjs/common';
import type { JournalEntry } from '../../orders/order-event.js';
import { JournalService } from '../../journal/journal.service.js';
import { PersonalData } from '../../journal/personal-data.js';
import { present } from '../../platform/assert.js';
import { Clock } from '../../platform/clock.js';
import { Database, type Transaction } from '../../platform/database/database.js';
import { Wake } from '../../platform/work/wake.js';
import { ReplicationStore, type SpooledRow } from './replication.store.js';
import { isLater } from './source/lsn.js';
import { ToldFailure } from './source/shop-problem.js';
import { decodeTransaction, encodeTransaction } from './source/transaction-text.js';
import type { SourceTransaction } from './source/source-transaction.js';
import { TransactionInterpreter, type Batch } from './transaction-interpreter.js';

/** The step that looks at new journal entries first. */
const detectionStep = 'detection';

/**
 * An append that takes longer gives up: the stream then lets go of the shop's server, whose shutdown would
 * otherwise wait for our confirmation.
 */
const appendTimeoutMs = 30_000;

/** Spooled transactions are nobody's in particular: they have a key of their own. */
const spoolKey = 'spool';
const spoolLimits = { transactions: 200, bytes: 8_000_000 };

/** What became of an event, as far as anybody asks. */
export type Written = Pick<JournalEntry, 'kinds'>;

/** Nothing was written, since the shop's stream is another one by now (detached, or begun anew). */
export class StreamReplaced extends ToldFailure {
  override readonly name = 'StreamReplaced';
}

/** Writes down batches of source transactions: the one place where replication becomes journal entries. */
@Injectable()
export class JournalWriter {
  constructor(
    private readonly database: Database,
    private readonly journal: JournalService,
    private readonly interpreter: TransactionInterpreter,
    private readonly personalData: PersonalData,
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
   * goes on although nobody can say what they mean.
   */
  async spool(batch: Batch): Promise<void> {
    const { shopId } = batch;
    await this.database.transaction(async (transaction) => {
      const fresh = await this.unconfirmed(transaction, batch);
      const last = fresh.at(-1);
      if (last === undefined) return;
      const [sealed = []] = await this.personalData.seal(transaction, shopId, [
        { keyOf: spoolKey, values: fresh.map(encodeTransaction) },
      ]);
      const rows = fresh.map(({ endLsn }, index) => ({
        endLsn,
        sealed: present(sealed[index], 'every transaction was sealed'),
      }));
      const now = this.clock.now();
      await this.store.spool(transaction, { shopId, rows, now });
      await this.confirm(transaction, batch, { last, seenUntil: null, now });
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
      const spooled = await this.store.readSpool(transaction, shopId, spoolLimits);
      const upTo = spooled.at(-1)?.endLsn;
      if (upTo === undefined) return 0;
      const transactions = await this.unsealed(shopId, spooled);
      await this.append(transaction, { ...batch, transactions });
      await this.store.unspool(transaction, shopId, upTo);
      return spooled.length;
    });
    if (drained > 0) this.wake.notify(detectionStep);
    return drained;
  }

  private async unsealed(
    shopId: string,
    spooled: readonly SpooledRow[],
  ): Promise<SourceTransaction[]> {
    const sealed = spooled.map((row) => row.sealed);
    const texts = await this.personalData.open(shopId, sealed);
    return texts.map((text) => decodeTransaction(present(text, 'the spool’s key is never erased')));
  }

  private async append(transaction: Transaction, batch: Batch): Promise<Written[]> {
    const { shopId } = batch;
    const now = this.clock.now();
    const written: Written[] = [];
    for await (const events of this.interpreter.interpret(transaction, batch)) {
      if (events.length === 0) continue;
      const entries = await this.journal.append(transaction, shopId, events, now);
      for (const { kinds } of entries) written.push({ kinds });
    }
    return written;
  }

  private async writeIn(transaction: Transaction, batch: Batch): Promise<Written[]> {
    const fresh = await this.unconfirmed(transaction, batch);
    const last = fresh.at(-1);
    if (last === undefined) return [];
    const { committedAt: seenUntil } = last;
    await this.confirm(transaction, batch, { last, seenUntil, now: this.clock.now() });
    return this.append(transaction, { ...batch, transactions: fresh });
  }

  /** Locks the stream; of the batch, what was not written down before. */
  private async unconfirmed(transaction: Transaction, batch: Batch): Promise<SourceTransaction[]> {
    const { shopId, incarnation } = batch;
    await this.store.limitStatements(transaction, appendTimeoutMs);
    const confirmed = await this.store.lockConfirmed(transaction, shopId, incarnation);
    if (confirmed === undefined) throw new StreamReplaced(`the stream of ${shopId} was replaced`);
    return batch.transactions.filter(({ endLsn }) => isLater(endLsn, confirmed));
  }

  private async confirm(
    transaction: Transaction,
    { shopId, incarnation }: Batch,
    given: { last: SourceTransaction; seenUntil: string | null; now: Date },
  ): Promise<void> {
    const { last, seenUntil, now } = given;
    const { endLsn: lsn, transactionId, committedAt } = last;
    const lastWritten = { endLsn: lsn, transactionId, committedAt };
    const done = { lsn, lastWritten, seenUntil, now };
    await this.store.confirm(transaction, { shopId, incarnation, ...done });
  }
}
