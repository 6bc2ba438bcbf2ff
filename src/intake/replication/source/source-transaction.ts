import { StreamUnreadable, type PgoutputMessage, type SourceChange } from './pgoutput.js';

/** One committed transaction of the shop, whole, in the order in which it made its changes. */
export interface SourceTransaction {
  readonly commitLsn: string;
  /** end of the commit record: once this is confirmed, the slot forgets the transaction */
  readonly endLsn: string;
  readonly transactionId: number;
  /** RFC 3339 with microseconds */
  readonly committedAt: string;
  /** of a big one only the last: those before went ahead in parts */
  readonly changes: readonly SourceChange[];
  /** how many parts went ahead; none where it is missing */
  readonly parts?: number;
  /** what `pg_logical_emit_message` wrote in it */
  readonly messages: readonly { readonly prefix: string; readonly content: string }[];
}

/** Changes of a transaction that is too big to be held in memory; it goes on after them. */
export interface TransactionPart extends Pick<SourceTransaction, 'commitLsn' | 'changes'> {
  /** counts the transaction's parts from 0 */
  readonly number: number;
}

/** How much of one transaction is held in memory at once. */
export interface PartLimits {
  readonly changes: number;
  readonly bytes: number;
}

interface OpenTransaction {
  readonly commitLsn: string;
  readonly transactionId: number;
  readonly committedAt: string;
  readonly messages: { prefix: string; content: string }[];
  parts: number;
  changes: SourceChange[];
  bytes: number;
}

/** Puts messages together to transactions. pgoutput sends each whole, and one after the other. */
export class TransactionAssembler {
  private open: OpenTransaction | undefined;

  constructor(private readonly limits: PartLimits) {}

  /** True between a transaction's begin and its commit. */
  get inTransaction(): boolean {
    return this.open !== undefined;
  }

  /**
   * The transaction that this message of so many bytes completes, or the part of it that had to make room
   * for it. What a transaction ends with is never empty where it had parts.
   */
  take(message: PgoutputMessage, bytes: number): SourceTransaction | TransactionPart | undefined {
    switch (message.kind) {
      case 'begin':
        this.begin(message);
        return undefined;
      case 'commit':
        return this.close(message.endLsn);
      case 'message':
        // one outside a transaction is none of our business: another program's, sent at once
        if (message.transactional) this.current().messages.push(message);
        return undefined;
      case 'insert':
      case 'update':
      case 'delete':
      case 'truncate':
        return this.add(message, bytes);
      case 'relation':
      case 'other':
        return undefined;
    }
  }

  private begin(message: Extract<PgoutputMessage, { kind: 'begin' }>): void {
    if (this.open !== undefined) {
      throw new StreamUnreadable('a transaction began inside another one');
    }
    const { commitLsn, transactionId } = message;
    const committedAt = timestampText(message.committedAt);
    const none = { messages: [], parts: 0, changes: [], bytes: 0 };
    this.open = { commitLsn, transactionId, committedAt, ...none };
  }

  private add(change: SourceChange, bytes: number): TransactionPart | undefined {
    const open = this.current();
    const { changes, commitLsn, parts: number } = open;
    const isFull = changes.length >= this.limits.changes || open.bytes >= this.limits.bytes;
    if (!isFull) {
      changes.push(change);
      open.bytes += bytes;
      return undefined;
    }
    open.changes = [change];
    open.bytes = bytes;
    open.parts += 1;
    return { commitLsn, number, changes };
  }

  private close(endLsn: string): SourceTransaction {
    const { commitLsn, transactionId, committedAt, changes, parts, messages } = this.current();
    this.open = undefined;
    const whole = { commitLsn, endLsn, transactionId, committedAt, changes, messages };
    return parts === 0 ? whole : { ...whole, parts };
  }

  private current(): OpenTransaction {
    if (this.open === undefined) {
      throw new StreamUnreadable('a change came outside of any transaction');
    }
    return this.open;
  }
}

/** A moment, RFC 3339 with microseconds, so much later. */
export function microsecondsLater(moment: string, microseconds: number): string {
  const milliseconds = BigInt(Date.parse(`${moment.slice(0, 23)}Z`));
  const rest = BigInt(moment.slice(23, 26));
  return timestampText(milliseconds * 1000n + rest + BigInt(microseconds));
}

/** Microseconds since 1970 as RFC 3339 with microseconds. */
export function timestampText(microseconds: bigint): string {
  const milliseconds = Number(microseconds / 1000n);
  const rest = String(microseconds % 1000n).padStart(3, '0');
  return new Date(milliseconds).toISOString().replace('Z', `${rest}Z`);
}
