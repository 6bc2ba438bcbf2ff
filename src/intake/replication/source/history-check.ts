import { isLater } from './lsn.js';
import { ToldFailure } from './shop-problem.js';
import type { SourceTransaction } from './source-transaction.js';

/** The newest transaction that was written down, by which a server's history is known again. */
export type LastWritten = Pick<SourceTransaction, 'endLsn' | 'transactionId' | 'committedAt'>;

/** What a server sends again is not what it had sent: it is another history, whose positions repeat. */
export class HistoryDiffers extends ToldFailure {
  override readonly name = 'HistoryDiffers';
}

/**
 * Compares what a server sends again, from its slot's position up to what was journalled, with what was
 * written down. A server whose files were set back, and which has gone on past that position since, looks
 * in all other ways like the one before: what it did anew would be taken for doubles, and swallowed.
 */
export class HistoryCheck {
  private isSeen: boolean;
  private isOver: boolean;

  /** `from`: where the slot stands; `upTo`: how far was journalled; `last`: null where it is not known */
  constructor(private readonly given: { from: string; upTo: string; last: LastWritten | null }) {
    const { from, upTo, last } = given;
    this.isSeen = last === null || !isLater(last.endLsn, from);
    this.isOver = last === null || !isLater(upTo, from);
  }

  /** Nothing of what was journalled is sent again from now on: the server may be told how far we are. */
  get over(): boolean {
    return this.isOver;
  }

  /** Whether the transaction was written down before. Throws HistoryDiffers where it cannot have been. */
  repeats(transaction: SourceTransaction): boolean {
    const { upTo, last } = this.given;
    if (isLater(transaction.endLsn, upTo)) {
      this.passed(transaction.endLsn);
      return false;
    }
    if (last === null || transaction.changes.length === 0) return true;
    if (isLater(transaction.endLsn, last.endLsn)) throw differs(transaction.endLsn);
    if (transaction.endLsn !== last.endLsn) return true;
    const isSame =
      transaction.transactionId === last.transactionId &&
      transaction.committedAt === last.committedAt;
    if (!isSame) throw differs(transaction.endLsn);
    this.isSeen = true;
    return true;
  }

  /** Everything up to here was sent. Throws HistoryDiffers where what was written down was not among it. */
  passed(lsn: string): void {
    const { upTo, last } = this.given;
    if (last !== null && !this.isSeen && !isLater(last.endLsn, lsn)) throw differs(last.endLsn);
    if (!isLater(upTo, lsn)) this.isOver = true;
  }
}

function differs(lsn: string): HistoryDiffers {
  return new HistoryDiffers(
    `the shop's database server was set back, and has gone on since: at ${lsn} it does not have what was journalled`,
  );
}
