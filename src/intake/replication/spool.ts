import { Injectable } from '@nestjs/common';
import { PersonalData } from '../../journal/personal-data.js';
import type { SealedValue } from '../../orders/row-change.js';
import { present } from '../../platform/assert.js';
import { MappingMismatch } from './interpret/draft-image.js';
import { bytesInWords } from './wal-bound.js';
import type { Transaction } from '../../platform/database/database.js';
import type { SourceChange } from './source/pgoutput.js';
import type { SourceTransaction, TransactionPart } from './source/source-transaction.js';
import {
  decodeChanges,
  decodeTransaction,
  encodeChanges,
  encodeTransaction,
} from './source/transaction-text.js';
import { ReplicationSettings } from './replication.settings.js';
import { SpoolStore } from './spool.store.js';

/** What is spooled is nobody's in particular: it has a key of its own. */
const spoolKey = 'spool';
const spoolLimits = { transactions: 200, bytes: 8_000_000 };

/** More is not kept until the profile fits: from now on the shop holds its log back, up to the bound that it has. */
export class SpoolFull extends MappingMismatch {
  constructor(spoolBytesMax: number) {
    super(
      `what is kept until the profile fits has reached its bound of ${bytesInWords(spoolBytesMax)}: nothing more is taken in, ` +
        'and the shop holds its write-ahead log back; at that log’s own bound the slot is lost, and a new snapshot is ' +
        'taken. Mend the profile and restart, or mend the table',
    );
  }
}

/**
 * What was received and cannot be journalled yet, sealed: parts of transactions that are too big for memory,
 * and whole transactions that did not fit the profile.
 */
@Injectable()
export class Spool {
  constructor(
    private readonly personalData: PersonalData,
    private readonly store: SpoolStore,
    private readonly settings: ReplicationSettings,
  ) {}

  /** Keeps a part; one that is kept already is replaced. */
  async keepPart(
    transaction: Transaction,
    given: { shopId: string; part: TransactionPart; now: Date },
  ): Promise<void> {
    const { shopId, part, now } = given;
    const { commitLsn, number, changes } = part;
    const [value] = await this.seal(transaction, shopId, [encodeChanges(changes)]);
    const sealed = present(value, 'the part was sealed');
    const bytes = await this.store.keepPart(transaction, {
      shopId,
      commitLsn,
      number,
      sealed,
      now,
    });
    await this.store.addSpooled(transaction, { shopId, bytes });
  }

  /** The changes of a part that was kept. */
  async readPart(
    transaction: Transaction,
    name: { shopId: string; commitLsn: string; number: number },
  ): Promise<SourceChange[]> {
    const sealed = present(
      await this.store.readPart(transaction, name),
      'the parts of a transaction are kept before the transaction comes to its end',
    );
    const [text] = await this.open(transaction, name.shopId, [sealed]);
    return decodeChanges(present(text, 'the part was opened'));
  }

  /**
   * Keeps transactions as they came; ones that are kept already are passed over. Throws SpoolFull where there is
   * no room: the bound is passed by one batch at most. Gives how much of that is taken up, from 0 to 1.
   */
  async keep(
    transaction: Transaction,
    given: { shopId: string; transactions: readonly SourceTransaction[]; now: Date },
  ): Promise<number> {
    const { shopId, transactions, now } = given;
    const { spoolBytesMax } = this.settings;
    const before = await this.store.spooled(transaction, shopId);
    if (before >= spoolBytesMax) throw new SpoolFull(spoolBytesMax);
    const sealed = await this.seal(transaction, shopId, transactions.map(encodeTransaction));
    const rows = transactions.map(({ endLsn }, index) => ({
      endLsn,
      sealed: present(sealed[index], 'every transaction was sealed'),
    }));
    const bytes = await this.store.keep(transaction, { shopId, rows, now });
    await this.store.addSpooled(transaction, { shopId, bytes });
    return (before + bytes) / spoolBytesMax;
  }

  /** The oldest transactions that wait, as many as are interpreted at once; without their parts. */
  async oldest(transaction: Transaction, shopId: string): Promise<SourceTransaction[]> {
    const rows = await this.store.oldest(transaction, shopId, spoolLimits);
    const texts = await this.open(
      transaction,
      shopId,
      rows.map((row) => row.sealed),
    );
    return texts.map(decodeTransaction);
  }

  /** Forgets transactions, with their parts, once they are journalled. */
  async forget(
    transaction: Transaction,
    { shopId, last }: { shopId: string; last: SourceTransaction },
  ): Promise<void> {
    const whole = await this.store.forget(transaction, shopId, last.endLsn);
    const parts = await this.store.forgetParts(transaction, shopId, last.commitLsn);
    await this.store.addSpooled(transaction, { shopId, bytes: -whole.bytes - parts });
  }

  /** Gives up all that waits; tells how many transactions that were. */
  async giveUp(transaction: Transaction, shopId: string): Promise<number> {
    const { count, bytes } = await this.store.forget(transaction, shopId, null);
    const parts = await this.store.forgetParts(transaction, shopId, null);
    await this.store.addSpooled(transaction, { shopId, bytes: -bytes - parts });
    return count;
  }

  /** Seals texts under the spool's own key. */
  async seal(
    transaction: Transaction,
    shopId: string,
    values: readonly string[],
  ): Promise<SealedValue[]> {
    const given = [{ keyOf: spoolKey, values }];
    const [sealed = []] = await this.personalData.seal(transaction, shopId, given);
    return sealed;
  }

  async open(
    transaction: Transaction,
    shopId: string,
    sealed: readonly SealedValue[],
  ): Promise<string[]> {
    const texts = await this.personalData.open(shopId, sealed, transaction);
    return texts.map((text) => present(text, 'the spool’s key is never erased'));
  }
}
