import type { SourceTransaction, TransactionPart } from './source/source-transaction.js';

/** Small source transactions share one of ours: the cost of a commit is then paid once for all. */
const batchTransactionsMax = 500;
const batchChangesMax = 2_000;
/** Beyond this the stream is paused until half of it is journalled. */
const waitingChangesMax = 20_000;

/** What was received and is not written down yet, in commit order. */
export class TransactionQueue {
  private readonly waiting: (SourceTransaction | TransactionPart)[] = [];
  private changes = 0;

  push(item: SourceTransaction | TransactionPart): void {
    this.waiting.push(item);
    this.changes += weightOf(item);
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

  /** Takes the oldest where that is a part of a transaction. */
  takePart(): TransactionPart | undefined {
    const [first] = this.waiting;
    if (first === undefined || !isPart(first)) return undefined;
    this.waiting.shift();
    this.changes -= weightOf(first);
    return first;
  }

  /** Takes the oldest transactions up to the next part: at least one, and as many as fit into a batch. */
  takeBatch(): SourceTransaction[] {
    const batch: SourceTransaction[] = [];
    let changes = 0;
    for (const item of this.waiting) {
      if (isPart(item)) break;
      changes += weightOf(item);
      if (batch.length > 0 && (batch.length >= batchTransactionsMax || changes > batchChangesMax))
        break;
      batch.push(item);
    }
    this.waiting.splice(0, batch.length);
    this.changes -= batch.reduce((sum, transaction) => sum + weightOf(transaction), 0);
    return batch;
  }
}

export function isPart(item: SourceTransaction | TransactionPart): item is TransactionPart {
  return 'number' in item;
}

function weightOf({ changes }: SourceTransaction | TransactionPart): number {
  return changes.length + 1;
}
