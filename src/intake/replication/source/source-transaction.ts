import { StreamUnreadable, type PgoutputMessage, type SourceChange } from './pgoutput.js';

/** One committed transaction of the shop, whole, in the order in which it made its changes. */
export interface SourceTransaction {
  readonly commitLsn: string;
  /** end of the commit record: once this is confirmed, the slot forgets the transaction */
  readonly endLsn: string;
  readonly transactionId: number;
  /** RFC 3339 with microseconds */
  readonly committedAt: string;
  readonly changes: readonly SourceChange[];
  /** what `pg_logical_emit_message` wrote in it */
  readonly messages: readonly { readonly prefix: string; readonly content: string }[];
}

interface OpenTransaction {
  readonly transactionId: number;
  readonly committedAt: string;
  readonly changes: SourceChange[];
  readonly messages: { prefix: string; content: string }[];
}

/** Puts messages together to transactions. pgoutput sends each whole, and one after the other. */
export class TransactionAssembler {
  private open: OpenTransaction | undefined;

  /** True between a transaction's begin and its commit. */
  get inTransaction(): boolean {
    return this.open !== undefined;
  }

  /** The transaction that this message completes, if it completes one. */
  take(message: PgoutputMessage): SourceTransaction | undefined {
    switch (message.kind) {
      case 'begin':
        if (this.open !== undefined) {
          throw new StreamUnreadable('a transaction began inside another one');
        }
        this.open = {
          transactionId: message.transactionId,
          committedAt: timestampText(message.committedAt),
          changes: [],
          messages: [],
        };
        return undefined;
      case 'commit':
        return this.close(message);
      case 'message':
        // one outside a transaction is none of our business: another program's, sent at once
        if (message.transactional) this.current().messages.push(message);
        return undefined;
      case 'insert':
      case 'update':
      case 'delete':
      case 'truncate':
        this.current().changes.push(message);
        return undefined;
      case 'relation':
      case 'other':
        return undefined;
    }
  }

  private close(commit: { commitLsn: string; endLsn: string }): SourceTransaction {
    const open = this.current();
    this.open = undefined;
    return { ...open, commitLsn: commit.commitLsn, endLsn: commit.endLsn };
  }

  private current(): OpenTransaction {
    if (this.open === undefined) {
      throw new StreamUnreadable('a change came outside of any transaction');
    }
    return this.open;
  }
}

/** Microseconds since 1970 as RFC 3339 with microseconds. */
export function timestampText(microseconds: bigint): string {
  const milliseconds = Number(microseconds / 1000n);
  const rest = String(microseconds % 1000n).padStart(3, '0');
  return new Date(milliseconds).toISOString().replace('Z', `${rest}Z`);
}
