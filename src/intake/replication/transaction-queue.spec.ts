import type { SourceChange } from './source/pgoutput.js';
import { TransactionQueue } from './transaction-queue.js';

function transaction(n: number, changes: number) {
  const change: SourceChange = { kind: 'truncate', relations: [] };
  return {
    commitLsn: `0/${n}`,
    endLsn: `0/${n}`,
    transactionId: n,
    committedAt: '',
    changes: Array.from({ length: changes }, () => change),
    messages: [],
  };
}

describe('transactions that wait to be journalled', () => {
  it('come out in order, several small ones at once', () => {
    const queue = new TransactionQueue();
    for (let n = 1; n <= 1_200; n += 1) queue.push(transaction(n, 1));
    const batches = [queue.takeBatch(), queue.takeBatch(), queue.takeBatch()];
    expect(batches.map(({ length }) => length)).toEqual([500, 500, 200]);
    expect(batches.flat().map(({ transactionId }) => transactionId)).toEqual(
      Array.from({ length: 1_200 }, (_, index) => index + 1),
    );
    expect(queue.isEmpty).toBe(true);
    expect(queue.takeBatch()).toEqual([]);
  });

  it('a big one goes alone, and many fill the queue', () => {
    const queue = new TransactionQueue();
    queue.push(transaction(1, 15_000));
    expect(queue.isFull).toBe(false);
    queue.push(transaction(2, 6_000));
    queue.push(transaction(3, 1));
    expect(queue.isFull).toBe(true);
    expect(queue.takeBatch()).toHaveLength(1);
    expect(queue.isFull).toBe(false);
    expect(queue.isLow).toBe(true);
    expect(queue.takeBatch()).toHaveLength(1);
    expect(queue.takeBatch()).toHaveLength(1);
  });
});
