import type { SourceTransaction } from './source/source-transaction.js';

/** Small source transactions share one of ours: the cost of a commit is then paid once for all. */
const batchTransactionsMax = 500;
const batchChangesMax = 2_000;
/** Beyond this the stream is paused until half of it is journalled. */
const waitingChangesMax = 20_000;

/** Transactions that were received and are not journalled yet, in commit order. */
export class TransactionQueue {
  private readonly waiting: SourceTransaction[] = [];
  private changes = 0;

  push(transaction: SourceTransaction): void {
    this.waiting.push(transaction);
    this.changes += weightOf(transaction);
  }

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  get isFull(): boolean {
    return this.changes > waitingChangesMax;
  }

  get isLow(): boolean {
    return this.changes < waitingChangesMax / 2;
  }

  /** Takes the oldest ones: at least one, and as many as fit into a batch. */
  takeBatch(): SourceTransaction[] {
    let changes = 0;
    let count = 0;
    for (const transaction of this.waiting) {
      changes += weightOf(transaction);
      if (count > 0 && (count >= batchTransactionsMax || changes > batchChangesMax)) break;
      count += 1;
    }
    const batch = this.waiting.splice(0, count);
    this.changes -= batch.reduce((sum, transaction) => sum + weightOf(transaction), 0);
    return batch;
  }
}

function weightOf(transaction: SourceTransaction): number {
  return transaction.changes.length + 1;
}
