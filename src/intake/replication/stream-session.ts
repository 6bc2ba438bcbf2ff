import { HistoryCheck, type LastWritten } from './source/history-check.js';
import { isLater, lsnValue } from './source/lsn.js';
import { PgoutputDecoder } from './source/pgoutput.js';
import { ReplicationConnection, type ReplicationOptions } from './source/replication-connection.js';
import {
  TransactionAssembler,
  type PartLimits,
  type SourceTransaction,
  type TransactionPart,
} from './source/source-transaction.js';
import { isPart, TransactionQueue } from './transaction-queue.js';

export interface SessionOptions extends ReplicationOptions {
  /** what was written down before; the server may send from an earlier position on */
  readonly journalled: { readonly upTo: string; readonly last: LastWritten | null };
  /** transactions that commit from here on are left for later; the session ends before them */
  readonly stopAt?: string;
  /** how far the stream got without a change of ours is noted no more often than this */
  readonly noteIntervalMs: number;
  /** transactions beyond that go to the journal in parts */
  readonly partLimits: PartLimits;
}

/** What a session does with what it receives. Whatever these throw ends the session. */
export interface SessionEffects {
  /** the stream is open */
  started(): void;
  /** anything came from the server */
  heard(): void;
  /** everything up to here was sent, and nothing of it is left to be written */
  passed(lsn: string): void;
  /** keeps a part of a transaction whose end has still to come */
  keep(part: TransactionPart): Promise<void>;
  /** writes whole transactions down, in commit order, and notes the end of the last one as confirmed */
  write(transactions: readonly SourceTransaction[]): Promise<void>;
  /** notes that there was nothing to journal up to here, which came so long ago */
  note(lsn: string, ageMs: number): Promise<void>;
}

/** That a shop on which nothing happens is still heard is noted so much less often. */
const quietNotes = 10;

/**
 * One connection's life: receives transactions, has them journalled batch by batch, and confirms to the
 * server only what is journalled. Where nothing is pending it follows the server's keep-alives, so that
 * the shop's log does not pile up for tables that are not watched.
 */
export class StreamSession {
  private readonly decoder = new PgoutputDecoder();
  private readonly assembler: TransactionAssembler;
  private readonly queue = new TransactionQueue();
  private readonly connection: ReplicationConnection;
  private readonly history: HistoryCheck;
  /** end of what was journalled, or noted as empty */
  private confirmed: string;
  /** everything that commits up to here was received */
  private received: string;
  private receivedAt = performance.now();
  private readonly begunAt = performance.now();
  private notedAt = -Infinity;
  private urgent = false;
  private writing = false;
  private stopReached = false;
  private stopDone = false;
  private ended = false;
  private ring: (() => void) | undefined;

  constructor(
    private readonly options: SessionOptions,
    private readonly effects: SessionEffects,
  ) {
    const { startLsn: from, journalled, partLimits } = options;
    this.assembler = new TransactionAssembler(partLimits);
    this.history = new HistoryCheck({ from, ...journalled });
    this.confirmed = journalled.upTo;
    this.received = journalled.upTo;
    this.connection = new ReplicationConnection(options, {
      message: (buffer) => this.message(buffer),
      keepAlive: (lsn, answerNow) => this.keepAlive(lsn, answerNow),
    });
  }

  /** Streams until `close` is called or `stopAt` is reached; rejects when the connection or the journal fails. */
  async run(): Promise<void> {
    const streaming = this.connection.run(() => this.effects.started());
    const journalling = this.journal();
    try {
      await Promise.race([streaming, journalling]);
    } finally {
      this.end();
      await this.connection.close();
      // a batch under way is let finish: it is journalled or not, but nothing of it goes on behind our back
      await Promise.allSettled([streaming, journalling]);
    }
  }

  /** The server's process of this session; null before it streams. */
  get processId(): number | null {
    return this.connection.processId;
  }

  /** Whether everything before `stopAt` was written down: then the session ended by itself. */
  get isDone(): boolean {
    return this.stopDone;
  }

  /** Ends the session; what was not journalled by now comes again in the next one. */
  close(): void {
    this.end();
  }

  private end(): void {
    this.ended = true;
    this.ring?.();
  }

  private message(buffer: Buffer): void {
    this.effects.heard();
    const item = this.assembler.take(this.decoder.decode(buffer), buffer.length);
    if (item === undefined || this.stopReached || this.isRepeated(item)) return;
    const { stopAt } = this.options;
    if (stopAt !== undefined && lsnValue(item.commitLsn) >= lsnValue(stopAt)) {
      this.reachStop();
      return;
    }
    if (!isPart(item)) this.receive(item.endLsn);
    if (item.changes.length > 0) this.queue.push(item);
    if (this.queue.isFull) this.connection.pause();
    this.ring?.();
  }

  private isRepeated(item: SourceTransaction | TransactionPart): boolean {
    // where a transaction ends is only known at its end; its commit may begin where the one before ended
    if (isPart(item)) return isLater(this.options.journalled.upTo, item.commitLsn);
    return this.history.repeats(item);
  }

  private keepAlive(lsn: string, answerNow: boolean): void {
    this.effects.heard();
    if (!this.assembler.inTransaction) this.history.passed(lsn);
    const isBehind = this.assembler.inTransaction || this.stopReached;
    if (!isBehind && !isLater(this.received, lsn)) this.receive(lsn);
    if (!isBehind && this.queue.isEmpty && !this.writing) this.effects.passed(lsn);
    const { stopAt } = this.options;
    if (!isBehind && stopAt !== undefined && lsnValue(lsn) >= lsnValue(stopAt)) this.reachStop();
    if (!answerNow) return;
    this.urgent = true;
    this.ring?.();
  }

  private reachStop(): void {
    this.stopReached = true;
    this.received = this.options.stopAt ?? this.received;
    this.ring?.();
  }

  private async journal(): Promise<void> {
    while (!this.ended) {
      if (!this.queue.isEmpty) await this.writeNext();
      else if (this.stopReached) {
        await this.noteReceived();
        this.stopDone = true;
        return;
      } else if (this.isNoteDue()) await this.noteReceived();
      else await this.wait();
    }
  }

  private async writeNext(): Promise<void> {
    this.writing = true;
    const part = this.queue.takePart();
    if (part === undefined) await this.writeBatch();
    else await this.effects.keep(part);
    this.writing = false;
    if (!this.ended && this.queue.isLow) this.connection.resume();
  }

  private async writeBatch(): Promise<void> {
    const batch = this.queue.takeBatch();
    await this.effects.write(batch);
    this.confirmed = batch.at(-1)?.endLsn ?? this.confirmed;
    if (!this.ended) this.connection.confirm(this.confirmed);
  }

  private isNoteDue(): boolean {
    if (this.urgent) return true;
    const isNews = isLater(this.received, this.confirmed);
    if (!isNews && this.receivedAt <= this.notedAt) return false;
    const { noteIntervalMs } = this.options;
    // one that has just begun may still turn out to fail at once
    return isNews
      ? performance.now() - this.notedAt >= noteIntervalMs
      : performance.now() - Math.max(this.notedAt, this.begunAt) >= noteIntervalMs * quietNotes;
  }

  private receive(lsn: string): void {
    this.received = lsn;
    this.receivedAt = performance.now();
  }

  private async noteReceived(): Promise<void> {
    const { received } = this;
    const isNews = isLater(received, this.confirmed) || this.receivedAt > this.notedAt;
    this.urgent = false;
    this.notedAt = performance.now();
    if (isNews) {
      await this.effects.note(received, this.notedAt - this.receivedAt);
      this.confirmed = received;
    }
    if (this.ended) return;
    // until its history is known again the server has to be able to send it once more
    this.connection.confirm(this.history.over ? this.confirmed : this.options.startLsn);
  }

  /** Until something comes, or it is time to note how far the stream is. */
  private async wait(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.options.noteIntervalMs);
      this.ring = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.ring = undefined;
  }
}
