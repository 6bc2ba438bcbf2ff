import { follow, isChange, type Following } from './bare-client.js';

/**
 * The bare client in a process of its own. Told by its parent what to read and how many transactions there are; says
 * how many changes it has seen once the last of them is committed.
 */
export interface BareOrder extends Following {
  readonly transactions: number;
}

/** What it says. */
export interface BareAnswer {
  readonly changes: number;
  /** milliseconds since 1970 */
  readonly doneAt: number;
}

process.once('message', ({ transactions, ...following }: BareOrder) => {
  let changes = 0;
  let commits = 0;
  const { ended } = follow(following, (message) => {
    if (isChange(message)) changes += 1;
    if (message.tag !== 'commit') return;
    commits += 1;
    if (commits < transactions) return;
    const answer: BareAnswer = { changes, doneAt: Date.now() };
    process.send?.(answer, () => process.exit(0));
  });
  ended.catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
});
// nobody waits for it any more
process.once('disconnect', () => process.exit(0));
